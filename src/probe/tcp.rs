//! The stages of a TCP connection: connect, what the peer says first, close.

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fault::Fault;
use super::local;
use crate::model::tcp::TcpInfo;
use crate::sys::{self, errno};

/// As much of a greeting as is kept.
const GREETING_BYTES: usize = 512;

/// What a handshake led to.
pub(super) enum Connection {
    /// It stands.
    Open(TcpStream),
    /// The peer broke it off as soon as it stood.
    Broken(io::Error),
}

/// A try to connect, and what is known of it.
pub(super) struct Connecting {
    /// What came of it.
    pub result: Result<Connection, Fault>,
    /// From the system call to the end of the handshake, or to the failure.
    pub took: Duration,
    /// What the kernel counted; `None` where it does not tell.
    pub info: Option<TcpInfo>,
}

/// Connects.
pub(super) async fn connect(
    address: SocketAddr,
    source: Option<IpAddr>,
    patience: Duration,
) -> Connecting {
    let unable = |error, took| Connecting { result: Err(Fault::Here(error)), took, info: None };
    let socket = match prepare(address, source) {
        Ok(socket) => socket,
        Err(error) => return unable(error, Duration::ZERO),
    };
    let started = Instant::now();
    let begun = begin(&socket, address);
    let mut took = started.elapsed();
    // Not earlier: a socket that never connected reads as writable and hung up.
    let stream = match TcpStream::from_std(socket.into()) {
        Ok(stream) => stream,
        Err(error) => return unable(error, took),
    };
    let done = match begun {
        Ok(Handshake::Running) => {
            let done = wait(&stream, patience.saturating_sub(took)).await;
            took = started.elapsed();
            done
        }
        Ok(Handshake::Done) => Ok(()),
        Err(fault) => Err(fault),
    };
    let info = sys::tcp_info::of(&SockRef::from(&stream)).ok();
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
    Connecting { result, took, info }
}

fn prepare(address: SocketAddr, source: Option<IpAddr>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    local::bind(&socket, address, source)?;
    Ok(socket)
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
    if socket.peer_addr().is_ok() {
        return Ok(Handshake::Done);
    }
    match socket.take_error() {
        Ok(None) => Ok(Handshake::Running),
        Ok(Some(error)) | Err(error) => Err(Fault::Connect { error, at_once: false }),
    }
}

async fn wait(stream: &TcpStream, patience: Duration) -> Result<(), Fault> {
    match timeout(patience, stream.writable()).await {
        Err(_) => Err(Fault::Silence),
        Ok(Err(error)) => Err(Fault::Here(error)),
        Ok(Ok(())) => match stream.take_error() {
            Ok(None) => Ok(()),
            Ok(Some(error)) | Err(error) => Err(Fault::Connect { error, at_once: false }),
        },
    }
}

/// How the other side behaved while it was listened to.
#[derive(Debug)]
pub(super) enum Heard {
    /// Nothing, and the connection stands.
    Silence,
    /// Bytes; the connection stands.
    Words(Vec<u8>),
    /// The end of its side (FIN).
    End,
    /// It broke the connection off (RST), or the connection broke.
    Broken(io::Error),
}

/// Listens for what the peer says unasked, at most for `patience`.
pub(super) async fn listen(stream: &TcpStream, patience: Duration) -> Heard {
    let mut buffer = [0; GREETING_BYTES];
    timeout(patience, read(stream, &mut buffer)).await.unwrap_or(Heard::Silence)
}

/// Ends our side with a FIN, and waits for the peer's end, at most for `patience`. What it
/// still sends is read and dropped: unread bytes would turn our close into an RST.
pub(super) async fn close(stream: TcpStream, patience: Duration) -> Heard {
    if let Err(error) = SockRef::from(&stream).shutdown(Shutdown::Write) {
        return Heard::Broken(error);
    }
    let ending = async {
        let mut buffer = [0; 4096];
        loop {
            match read(&stream, &mut buffer).await {
                Heard::Words(_) => {}
                ended => return ended,
            }
        }
    };
    timeout(patience, ending).await.unwrap_or(Heard::Silence)
}

async fn read(stream: &TcpStream, buffer: &mut [u8]) -> Heard {
    loop {
        if let Err(error) = stream.readable().await {
            return Heard::Broken(error);
        }
        match stream.try_read(buffer) {
            Ok(0) => return Heard::End,
            Ok(length) => return Heard::Words(buffer[..length].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Heard::Broken(error),
        }
    }
}
