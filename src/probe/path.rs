//! The hops to a target's very port: TCP connects with small times to live, which need no rights.
//! Who lets one run out tells so by ICMP (RFC 792, 4443), and the kernel queues that.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use socket2::{SockRef, Socket};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::outfit::Outfit;
use crate::model::probe::{Hop, HopEnd};
use crate::sys::handshake::Phase;
use crate::sys::{connecting, errno};

/// As far as is looked.
const MOST_HOPS: u8 = 30;
/// How long a hop may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The hops up to the target, or to where the way ends; one without an address did not answer.
/// Empty where none did, an error where nothing could be sent.
pub async fn path(address: SocketAddr, outfit: &Outfit) -> io::Result<Vec<Hop>> {
    let hops: FuturesUnordered<_> = (1..=MOST_HOPS).map(|ttl| hop(address, outfit, ttl)).collect();
    let tried: Vec<io::Result<Hop>> = hops.collect().await;
    let mut unsent = None;
    let mut hops: Vec<Hop> = tried
        .into_iter()
        .filter_map(|hop| hop.map_err(|error| unsent = Some(error)).ok())
        .collect();
    if let (Some(error), true) = (unsent, hops.is_empty()) {
        return Err(error);
    }
    hops.sort_by_key(|hop| hop.ttl);
    // What comes after the end is the end again.
    if let Some(end) = hops.iter().position(|hop| hop.end.is_some()) {
        hops.truncate(end + 1);
    }
    while hops.last().is_some_and(|hop| hop.address.is_none() && hop.end.is_none()) {
        hops.pop();
    }
    Ok(hops)
}

async fn hop(address: SocketAddr, outfit: &Outfit, ttl: u8) -> io::Result<Hop> {
    let socket = prepare(address, outfit, ttl)?;
    let started = Instant::now();
    match socket.connect(&address.into()) {
        Ok(()) => {}
        Err(error) if errno::is_connecting(&error) => {}
        Err(error) => return Err(error),
    }
    let stream = TcpStream::from_std(socket.into())?;
    let heard = timeout(PATIENCE, stream.writable()).await.is_ok();
    let took = started.elapsed();
    let socket = SockRef::from(&stream);
    let icmp = connecting::next_icmp_error(&socket).map(|(icmp, _)| icmp);
    let rtt_us = heard.then(|| u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    let (from, end) = match icmp {
        Some(icmp) if icmp.kind == if icmp.v6 { 3 } else { 11 } => (icmp.from, None),
        Some(icmp) => (icmp.from, Some(HopEnd::Rejected)),
        None if !heard => (None, None),
        None => match connecting::phase(&socket) {
            Ok(Phase::Open) => (Some(address.ip()), Some(HopEnd::Connected)),
            _ => (Some(address.ip()), Some(HopEnd::Refused)),
        },
    };
    // Nothing was said: an RST ends it, where there is anything to end.
    let _ = socket.set_linger(Some(Duration::ZERO));
    Ok(Hop { ttl, address: from, rtt_us, icmp, end })
}

fn prepare(address: SocketAddr, outfit: &Outfit, ttl: u8) -> io::Result<Socket> {
    let socket = outfit.stream(address)?;
    if address.is_ipv6() {
        socket.set_unicast_hops_v6(ttl.into())?;
        let _ = connecting::queue_icmp_errors(&socket, true, true);
    } else {
        socket.set_ttl_v4(ttl.into())?;
    }
    Ok(socket)
}
