//! Trial binds: whether this very bind would succeed now.
//!
//! A trial is never innocent: with SO_REUSEADDR or SO_REUSEPORT a UDP trial takes datagrams
//! from the holder, and even a plain TCP trial can make a server fail that restarts in the
//! same instant. So it never listens and is closed at once, and callers ask for it sparingly.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

use crate::sys::error::{Error, Result};
use crate::sys::here::errno;

/// A bind to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Where.
    pub addr: SocketAddr,
    /// UDP instead of TCP.
    pub udp: bool,
    /// With SO_REUSEADDR.
    pub reuse_addr: bool,
    /// With SO_REUSEPORT.
    pub reuse_port: bool,
    /// IPV6_V6ONLY of an IPv6 socket; `Some(false)` also claims the IPv4 side of `::`.
    /// `None` leaves the system's default.
    pub v6_only: Option<bool>,
}

impl Trial {
    /// A plain bind.
    pub fn plain(addr: SocketAddr, udp: bool) -> Self {
        Self { addr, udp, reuse_addr: false, reuse_port: false, v6_only: None }
    }
}

/// Why a bind was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of refusal, for decisions.
    pub kind: io::ErrorKind,
    /// The name of the error number, or the system's words where it has no name here.
    pub errno: String,
}

impl Refusal {
    /// Whether the host has no such address family at all.
    pub fn is_without_family(&self) -> bool {
        self.errno.ends_with("EAFNOSUPPORT")
    }
}

/// Binds once and closes at once. The inner result is the system's answer; the outer one
/// fails where the trial could not be made at all.
pub fn bind(trial: &Trial) -> Result<std::result::Result<(), Refusal>> {
    let socket = match prepare(trial)? {
        Ok(socket) => socket,
        Err(refusal) => return Ok(Err(refusal)),
    };
    Ok(socket.bind(&trial.addr.into()).map_err(|error| refusal(&error)))
}

/// Binds `port` on every local address of both families at once, or of IPv4 alone on a host
/// without IPv6.
pub fn bind_everywhere(
    port: u16,
    udp: bool,
    reuse_addr: bool,
) -> Result<std::result::Result<(), Refusal>> {
    let at = |addr: IpAddr| Trial { reuse_addr, ..Trial::plain(SocketAddr::new(addr, port), udp) };
    let both = Trial { v6_only: Some(false), ..at(Ipv6Addr::UNSPECIFIED.into()) };
    match bind(&both)? {
        Err(refusal) if refusal.is_without_family() => bind(&at(Ipv4Addr::UNSPECIFIED.into())),
        answer => Ok(answer),
    }
}

fn prepare(trial: &Trial) -> Result<std::result::Result<Socket, Refusal>> {
    let kind = if trial.udp { Type::DGRAM } else { Type::STREAM };
    // A host without IPv6 refuses here; that is an answer, too.
    let socket = match Socket::new(Domain::for_address(trial.addr), kind, None) {
        Ok(socket) => socket,
        Err(error) if is_out_of_resources(&error) => {
            return Err(Error::os("open a socket for a trial bind", error));
        }
        Err(error) => return Ok(Err(refusal(&error))),
    };
    set_options(&socket, trial).map_err(|error| match error.kind() {
        io::ErrorKind::Unsupported => Error::unsupported("a trial bind", error.to_string()),
        _ => Error::os("set the options of a trial bind", error),
    })?;
    Ok(Ok(socket))
}

fn set_options(socket: &Socket, trial: &Trial) -> io::Result<()> {
    if let (Some(only), true) = (trial.v6_only, trial.addr.is_ipv6()) {
        socket.set_only_v6(only)?;
    }
    if trial.reuse_addr {
        socket.set_reuse_address(true)?;
    }
    if trial.reuse_port {
        set_reuse_port(socket)?;
    }
    Ok(())
}

#[cfg(unix)]
fn set_reuse_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(unix))]
fn set_reuse_port(_socket: &Socket) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this platform has no SO_REUSEPORT"))
}

fn is_out_of_resources(error: &io::Error) -> bool {
    matches!(errno::name(error), Some("EMFILE" | "ENFILE" | "ENOBUFS" | "ENOMEM" | "WSAEMFILE"))
}

fn refusal(error: &io::Error) -> Refusal {
    let errno = errno::name(error).map_or_else(|| error.to_string(), str::to_owned);
    Refusal { kind: error.kind(), errno }
}

#[cfg(test)]
mod tests;
