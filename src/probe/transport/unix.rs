//! A stream socket of this host, by its path.

use std::io;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// A full accept queue is asked again this often.
const AGAIN: Duration = Duration::from_millis(5);

/// Connects to the socket at `path`, or to the abstract one behind an `@`. The stream is handed to
/// the runtime as what it has: for reading and writing a descriptor is a descriptor.
pub(in crate::probe) async fn connect(
    path: &str,
    patience: Duration,
) -> (io::Result<TcpStream>, Duration) {
    let started = Instant::now();
    let made = attempt(path, started, patience).await;
    (made, started.elapsed())
}

async fn attempt(path: &str, started: Instant, patience: Duration) -> io::Result<TcpStream> {
    let address = match path.strip_prefix('@') {
        // An abstract name begins with a NUL (unix(7)).
        Some(name) => SockAddr::unix(format!("\0{name}"))?,
        None => SockAddr::unix(path)?,
    };
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    loop {
        match socket.connect(&address) {
            Ok(()) => return TcpStream::from_std(socket.into()),
            // Its accept queue is full (unix(7)): the system does not tell when it no longer is.
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && started.elapsed() < patience =>
            {
                sleep(AGAIN).await;
            }
            Err(error) => return Err(error),
        }
    }
}
