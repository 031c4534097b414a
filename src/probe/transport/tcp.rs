//! The handshake of a TCP connection, told as the kernel saw it.
//!
//! Three things are not what they seem. An ICMP error that answers a SYN need not be the last
//! word: the socket may still be connecting, and SO_ERROR both tells that error as if it were
//! and forgets it. A connect to a port of this host that is outside of nobody's use can meet
//! itself (simultaneous open, RFC 9293, 3.5) and read as success. And an RST that reads as reset
//! came after a handshake that was too short to be seen.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{SockRef, Socket};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::super::fault::Fault;
use super::super::outfit::Outfit;
use crate::model::probe::{ConnectDetail, FastOpenDetail};
use crate::sys::handshake::Phase;
use crate::sys::{self, connecting, errno};

/// The first SYN is sent again after a second (RFC 6298, 2); its answer takes a while, too.
const SECOND_SYN: Duration = Duration::from_millis(1_300);
/// After an error that is not the last word the socket is looked at this often.
const GLANCE: Duration = Duration::from_millis(2);
/// A connection to oneself is tried again from another port as often as this.
const TRIES: u32 = 8;

/// Whether data shall go with the SYN (RFC 7413).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) enum Opening {
    /// No.
    Plain,
    /// Yes; `with_data` says whether we are the ones who speak first.
    Fast {
        /// Else the SYN goes alone.
        with_data: bool,
    },
}

/// What a handshake led to.
pub(in crate::probe) enum Connection {
    /// It stands, or will with the first bytes that are sent on it.
    Open(TcpStream),
    /// The peer broke it off as soon as it stood.
    Broken(io::Error),
}

/// A try to connect, and what is known of it.
pub(in crate::probe) struct Connecting {
    /// What came of it.
    pub result: Result<Connection, Fault>,
    /// From the system call to the end of the handshake, or to the failure.
    pub took: Duration,
    /// What was learnt.
    pub detail: ConnectDetail,
}

/// Connects. A connection to oneself is closed and tried again from another port.
pub(in crate::probe) async fn connect(
    address: SocketAddr,
    outfit: &Outfit,
    opening: Opening,
    patience: Duration,
) -> Connecting {
    // Held until another port is found, so that the system does not choose the same again.
    let mut met_itself = Vec::new();
    loop {
        let mut tried = once(address, outfit, opening, patience).await;
        tried.detail.self_connects = met_itself.len() as u32;
        match tried.result {
            Ok(Connection::Open(stream)) if is_self(&stream) => {
                // Nobody else has this connection: an RST ends it without TIME_WAIT.
                let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                met_itself.push(stream);
                tried.result = Err(Fault::OnlyItself);
                if met_itself.len() as u32 == TRIES {
                    tried.detail.self_connects = TRIES;
                    return tried;
                }
            }
            Err(Fault::Connect { error, at_once: true })
                if !met_itself.is_empty() && error.kind() == io::ErrorKind::AddrNotAvailable =>
            {
                tried.result = Err(Fault::OnlyItself);
                return tried;
            }
            result => return Connecting { result, ..tried },
        }
    }
}

/// Whether both ends are the same.
fn is_self(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(own), Ok(peer)) if own == peer)
}

async fn once(
    address: SocketAddr,
    outfit: &Outfit,
    opening: Opening,
    patience: Duration,
) -> Connecting {
    let mut detail = ConnectDetail { remote: Some(address), ..ConnectDetail::default() };
    let socket = match prepare(address, outfit, opening) {
        Ok(socket) => socket,
        Err(error) => {
            return Connecting { result: Err(Fault::Here(error)), took: Duration::ZERO, detail };
        }
    };
    let started = Instant::now();
    let begun = match opening {
        Opening::Plain => begin(&socket, address),
        Opening::Fast { with_data } => begin_fast(&socket, address, with_data, &mut detail),
    };
    let mut took = started.elapsed();
    // Not earlier: a socket that never connected reads as writable and hung up.
    let mut stream = match TcpStream::from_std(socket.into()) {
        Ok(stream) => stream,
        Err(error) => return Connecting { result: Err(Fault::Here(error)), took, detail },
    };
    let done = match begun {
        Ok(Handshake::Running) => {
            let waited = Waiting { started, patience, detail: &mut detail }.settle(stream).await;
            took = started.elapsed();
            match waited {
                Ok((settled, done)) => {
                    stream = settled;
                    done
                }
                Err(error) => {
                    return Connecting { result: Err(Fault::Here(error)), took, detail };
                }
            }
        }
        Ok(Handshake::Done) => Ok(()),
        Err(fault) => Err(fault),
    };
    note(&stream, &mut detail);
    if outfit.mptcp && done.is_ok() {
        detail.mptcp = connecting::speaks_mptcp(&SockRef::from(&stream)).ok();
    }
    let result = match done {
        Ok(()) => Ok(Connection::Open(stream)),
        // An RST in answer to the SYN reads as refused: one that reads as reset came later,
        // so the handshake was done, only too briefly to be seen.
        Err(Fault::Connect { error, at_once: false })
            if error.kind() == io::ErrorKind::ConnectionReset =>
        {
            Ok(Connection::Broken(error))
        }
        Err(fault) => Err(fault),
    };
    Connecting { result, took, detail }
}

fn prepare(address: SocketAddr, outfit: &Outfit, opening: Opening) -> io::Result<Socket> {
    let socket = outfit.plain(address)?;
    if opening != Opening::Plain {
        connecting::open_fast(&socket).map_err(io::Error::other)?;
    }
    if address.is_ipv6() {
        // Without it an error is told without its code and sender.
        let _ = connecting::queue_icmp_errors(&socket, true, true);
    }
    outfit.dress(&socket, address)?;
    Ok(socket)
}

/// What is known of the socket now that the handshake has ended.
fn note(stream: &TcpStream, detail: &mut ConnectDetail) {
    let socket = SockRef::from(stream);
    while let Some((answer, _)) = connecting::next_icmp_error(&socket) {
        detail.icmp.push(answer);
    }
    if detail.remote.is_some_and(|remote| remote.is_ipv6()) {
        // On an open connection it would make an end of what is only news.
        let _ = connecting::queue_icmp_errors(&socket, true, false);
    }
    detail.local = stream.local_addr().ok().filter(|local| local.port() != 0);
    if let Ok(info) = sys::tcp_info::of(&socket) {
        detail.rtt_us = info.rtt_us;
        detail.mss = info.snd_mss_bytes;
        detail.retransmits = info.retransmits;
    }
}

/// How far a handshake has come.
enum Handshake {
    Running,
    Done,
}

/// Sends the SYN, and looks once whether that was all: a peer on this machine has answered
/// before the system call returns, and a wake-up would cost more than its handshake.
fn begin(socket: &Socket, address: SocketAddr) -> Result<Handshake, Fault> {
    match socket.connect(&address.into()) {
        Ok(()) => return Ok(Handshake::Done),
        Err(error) if errno::is_connecting(&error) => {}
        Err(error) => return Err(Fault::Connect { error, at_once: true }),
    }
    how_far(socket)
}

fn how_far(socket: &Socket) -> Result<Handshake, Fault> {
    if socket.peer_addr().is_ok() {
        return Ok(Handshake::Done);
    }
    match connecting::phase(socket) {
        Ok(Phase::Connecting) => Ok(Handshake::Running),
        Ok(Phase::Open) => Ok(Handshake::Done),
        Ok(Phase::Closed) => Err(last_word(socket)),
        // A platform that does not tell keeps an error until the handshake has failed.
        Err(_) => match socket.take_error() {
            Ok(None) => Ok(Handshake::Running),
            Ok(Some(error)) | Err(error) => Err(Fault::Connect { error, at_once: false }),
        },
    }
}

/// The same where data may go with the SYN. With a cookie of the peer the kernel sends nothing before
/// there is something to send; without one it asks for one, in an ordinary handshake.
fn begin_fast(
    socket: &Socket,
    address: SocketAddr,
    with_data: bool,
    detail: &mut ConnectDetail,
) -> Result<Handshake, Fault> {
    let cookie = match socket.connect(&address.into()) {
        Ok(()) => true,
        Err(error) if errno::is_connecting(&error) => false,
        Err(error) => return Err(Fault::Connect { error, at_once: true }),
    };
    detail.fast_open = Some(FastOpenDetail { cookie, accepted: None });
    if cookie && with_data {
        return Ok(Handshake::Done);
    }
    // Without a word of ours nothing would ever go.
    match if cookie { socket.send(&[]) } else { Ok(0) } {
        Err(error) if !errno::is_connecting(&error) => Err(Fault::Connect { error, at_once: true }),
        Ok(_) | Err(_) => how_far(socket),
    }
}

/// Why a handshake that is over has failed.
fn last_word(socket: &Socket) -> Fault {
    let error = match socket.take_error() {
        Ok(Some(error)) | Err(error) => error,
        Ok(None) => io::ErrorKind::ConnectionReset.into(),
    };
    Fault::Connect { error, at_once: false }
}

/// A handshake that is waited for.
struct Waiting<'a> {
    started: Instant,
    patience: Duration,
    detail: &'a mut ConnectDetail,
}

impl Waiting<'_> {
    fn left(&self, until: Duration) -> Duration {
        until.min(self.patience).saturating_sub(self.started.elapsed())
    }

    /// The stream again, and how it went. An error of its own is one of this host.
    async fn settle(&mut self, stream: TcpStream) -> io::Result<(TcpStream, Result<(), Fault>)> {
        if let Ok(ready) = timeout(self.left(self.patience), stream.writable()).await {
            ready?;
        }
        let socket = SockRef::from(&stream);
        let done = match connecting::phase(&socket) {
            Ok(Phase::Open) => Ok(()),
            Ok(Phase::Closed) => Err(last_word(&socket)),
            Ok(Phase::Connecting) => match self.soft_error(&socket) {
                Some(error) => return self.second_syn(stream, error).await,
                None => Err(Fault::Silence),
            },
            Err(_) if self.left(self.patience).is_zero() => Err(Fault::Silence),
            Err(_) => match socket.take_error() {
                Ok(None) => Ok(()),
                Ok(Some(error)) | Err(error) => Err(Fault::Connect { error, at_once: false }),
            },
        };
        Ok((stream, done))
    }

    /// Takes what waits in the error queue; the newest is what counts.
    fn soft_error(&mut self, socket: &Socket) -> Option<io::Error> {
        let mut newest = None;
        while let Some((answer, error)) = connecting::next_icmp_error(socket) {
            self.detail.icmp.push(answer);
            newest = Some(error);
        }
        newest
    }

    /// Waits for what becomes of a SYN that is sent again, after an error that was no last word.
    /// The readiness of the socket does not tell: the error stays in it.
    async fn second_syn(
        &mut self,
        stream: TcpStream,
        mut error: io::Error,
    ) -> io::Result<(TcpStream, Result<(), Fault>)> {
        loop {
            let socket = SockRef::from(&stream);
            match connecting::phase(&socket) {
                // The runtime would take the error for the end: the socket is handed to it anew.
                Ok(Phase::Open) => break,
                Ok(Phase::Closed) => {
                    let fault = last_word(&socket);
                    return Ok((stream, Err(fault)));
                }
                Ok(Phase::Connecting) | Err(_) => {}
            }
            error = self.soft_error(&socket).unwrap_or(error);
            if self.left(SECOND_SYN).is_zero() {
                return Ok((stream, Err(Fault::Connect { error, at_once: false })));
            }
            sleep(GLANCE).await;
        }
        Ok((TcpStream::from_std(stream.into_std()?)?, Ok(())))
    }
}
