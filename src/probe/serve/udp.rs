//! Datagrams: sent back, or only seen.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::time::sleep;

use super::connection::received;
use super::{Manner, Seen, ServeError, Settings, Watch};

/// The largest datagram.
const MOST: usize = 65_536;

/// Ports of servers that answer whatever comes: an answer to one of them could go to and fro for
/// ever (echo, daytime, qotd, chargen, time, domain, ntp).
const ANSWERERS: [u16; 7] = [7, 13, 17, 19, 37, 53, 123];

/// Serves datagrams.
pub(super) async fn serve(
    settings: &Settings,
    manner: Manner,
    watch: &Watch,
) -> Result<(), ServeError> {
    let listen = |error| ServeError::Listen { addr: settings.addr, error };
    let socket = UdpSocket::bind(settings.addr).await.map_err(listen)?;
    let addr = socket.local_addr().map_err(listen)?;
    watch.see(Seen::Listening { addr }).await;
    let mut buffer = vec![0; MOST];
    let mut number = 0;
    while settings.count.is_none_or(|count| number < count) {
        let (count, peer) = match socket.recv_from(&mut buffer).await {
            Ok(came) => came,
            // An ICMP error for an earlier answer: of no matter to others.
            Err(error) => {
                watch.see(Seen::Failed { reason: error.to_string() }).await;
                continue;
            }
        };
        number += 1;
        let watch = Watch { peer: Some(peer), ..watch.clone() };
        watch.see(received(&buffer[..count])).await;
        if manner == Manner::Echo && may_answer(peer, addr) {
            if let Some(rate) = settings.bytes_per_second {
                let bytes = u32::try_from(count).unwrap_or(u32::MAX);
                sleep(std::time::Duration::from_secs(1) * bytes / rate.max(1)).await;
            }
            if let Err(error) = socket.send_to(&buffer[..count], peer).await {
                watch.see(Seen::Failed { reason: error.to_string() }).await;
            }
        }
    }
    Ok(())
}

fn may_answer(peer: SocketAddr, own: SocketAddr) -> bool {
    !ANSWERERS.contains(&peer.port()) && peer != own
}
