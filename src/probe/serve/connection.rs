//! One connection, from accept to its end.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::tls::Acceptor;
use super::{Manner, Seen, Service, Settings, Watch, http};
use crate::model::probe::End;
use crate::model::serve::Ending;

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// Of each connection the first reads are told one by one, all of them in sum at the end.
const TOLD: u32 = 8;

/// How much of what came is told.
const TOLD_BYTES: usize = 256;

/// How often a connection that nobody reads is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A connection that is served.
pub(super) struct Connection {
    settings: Arc<Settings>,
    acceptor: Option<Arc<Acceptor>>,
    pub watch: Watch,
    pub received: u64,
    pub sent: u64,
    told: u32,
}

/// How a connection came to its end.
pub(super) type Ended = (End, Ending);

impl Connection {
    pub(super) fn new(
        settings: Arc<Settings>,
        acceptor: Option<Arc<Acceptor>>,
        watch: Watch,
    ) -> Self {
        Self { settings, acceptor, watch, received: 0, sent: 0, told: 0 }
    }

    /// Serves it to its end.
    pub(super) async fn serve(mut self, stream: TcpStream) {
        let started = Instant::now();
        self.watch.see(Seen::Accepted).await;
        let (by, how) = match self.converse(stream).await {
            Ok(ended) => ended,
            Err(error) if is_reset(&error) => (End::Peer, Ending::Rst),
            Err(error) => {
                self.watch.see(Seen::Failed { reason: error.to_string() }).await;
                (End::Us, Ending::Fin)
            }
        };
        let (bytes_received, bytes_sent) = (self.received, self.sent);
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.watch.see(Seen::Ended { by, how, bytes_received, bytes_sent, duration_ms }).await;
    }

    async fn converse(&mut self, stream: TcpStream) -> io::Result<Ended> {
        let manner = match &self.settings.service {
            Service::Tcp(manner) | Service::Udp(manner) | Service::Tls(manner, _) => Some(*manner),
            Service::Http(..) => None,
        };
        match manner {
            Some(Manner::Reset) => return reset(stream),
            Some(Manner::Hang) => return self.hang(stream).await,
            Some(Manner::ResetOnData) => {
                stream.readable().await?;
                return match stream.peek(&mut [0]).await? {
                    0 => Ok((End::Peer, Ending::Fin)),
                    _ => reset(stream),
                };
            }
            // A TLS peer is closed at once, too: before its handshake.
            Some(Manner::Close) => return Ok((End::Us, Ending::Fin)),
            _ => {}
        }
        let Some(acceptor) = self.acceptor.clone() else { return self.speak(stream).await };
        match acceptor.accept(stream).await {
            Ok((seen, stream)) => {
                self.watch.see(seen).await;
                self.speak(stream).await
            }
            Err(error) => {
                self.watch.see(Seen::TlsFailed { reason: error.to_string() }).await;
                match is_reset(&error) {
                    true => Ok((End::Peer, Ending::Rst)),
                    false => Ok((End::Us, Ending::Fin)),
                }
            }
        }
    }

    /// What is said once the stream is as it shall be.
    async fn speak<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        mut stream: S,
    ) -> io::Result<Ended> {
        let settings = Arc::clone(&self.settings);
        self.send(&mut stream, &settings.greeting).await?;
        let ended = match &settings.service {
            Service::Http(page, _) => http::answer(self, &mut stream, page).await?,
            Service::Tcp(Manner::Discard) | Service::Tls(Manner::Discard, _) => {
                self.read_on(&mut stream, false).await?
            }
            _ => self.read_on(&mut stream, true).await?,
        };
        // The peer may have gone: then there is nobody to be told.
        let _ = stream.shutdown().await;
        Ok(ended)
    }

    async fn read_on<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        echoes: bool,
    ) -> io::Result<Ended> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = match stream.read(&mut buffer).await {
                // TLS that ends without close_notify, as many clients do it.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
                read => read?,
            };
            if count == 0 {
                return Ok((End::Peer, Ending::Fin));
            }
            self.came(&buffer[..count]).await;
            if echoes {
                self.send(stream, &buffer[..count]).await?;
            }
        }
    }

    /// Counts what came, and tells of it.
    pub(super) async fn came(&mut self, bytes: &[u8]) {
        self.received += bytes.len() as u64;
        if self.told < TOLD {
            self.told += 1;
            self.watch.see(received(bytes)).await;
        }
    }

    /// Tells of bytes that are counted already.
    pub(super) async fn came_unread(&mut self, bytes: &[u8]) {
        self.watch.see(received(bytes)).await;
    }

    /// Sends, no faster than it is told to.
    pub(super) async fn send<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        bytes: &[u8],
    ) -> io::Result<()> {
        let Some(rate) = self.settings.bytes_per_second else {
            stream.write_all(bytes).await?;
            stream.flush().await?;
            self.sent += bytes.len() as u64;
            return Ok(());
        };
        for byte in bytes {
            stream.write_all(&[*byte]).await?;
            stream.flush().await?;
            self.sent += 1;
            sleep(Duration::from_secs(1) / rate.max(1)).await;
        }
        Ok(())
    }

    /// Reads nothing; the end of the connection is seen all the same.
    async fn hang(&self, stream: TcpStream) -> io::Result<Ended> {
        loop {
            let ready = stream.ready(Interest::READABLE).await?;
            if let Some(error) = stream.take_error()? {
                return Err(error);
            }
            if ready.is_read_closed() {
                return Ok((End::Peer, Ending::Fin));
            }
            // What has come stays unread, and would be ready for ever.
            sleep(LOOK).await;
        }
    }
}

/// Bytes as an event.
pub(super) fn received(bytes: &[u8]) -> Seen {
    let first = &bytes[..bytes.len().min(TOLD_BYTES)];
    Seen::Received {
        bytes: bytes.len() as u64,
        text: String::from_utf8_lossy(first).into_owned(),
        raw_hex: first.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// Closes with RST: no time to linger (socket(7), SO_LINGER).
fn reset(stream: TcpStream) -> io::Result<Ended> {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    drop(stream);
    Ok((End::Us, Ending::Rst))
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}
