//! Host names to addresses by the standard library.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use crate::sys::lookup::{LookupError, LookupFailure};

/// Winsock's `WSAHOST_NOT_FOUND`.
const HOST_NOT_FOUND: i32 = 11_001;
/// Winsock's `WSATRY_AGAIN`.
const TRY_AGAIN: i32 = 11_002;
/// Winsock's `WSANO_DATA`.
const NO_DATA: i32 = 11_004;

/// The addresses of `host` with `port`, in the order in which the system would try them,
/// each once. Blocks for as long as the resolver takes.
pub fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, LookupError> {
    let mut found = Vec::new();
    for address in (host, port).to_socket_addrs().map_err(|error| failure(&error))? {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    Ok(found)
}

/// The standard library does not turn addresses into names.
pub fn name_of(_: IpAddr) -> Result<String, LookupError> {
    Err(LookupError {
        failure: LookupFailure::Other,
        text: "sockpit cannot ask this platform for the names of addresses".to_owned(),
        source: None,
    })
}

/// The index that `name` is. Names of interfaces cannot be looked up by portable means.
pub fn interface_index(name: &str) -> io::Result<u32> {
    name.parse().map_err(|_| {
        io::Error::new(io::ErrorKind::Unsupported, "write the interface's number, not its name")
    })
}

fn failure(error: &io::Error) -> LookupError {
    let failure = match error.raw_os_error() {
        Some(HOST_NOT_FOUND) => LookupFailure::NoSuchName,
        Some(NO_DATA) => LookupFailure::NoAddress,
        Some(TRY_AGAIN) => LookupFailure::Temporary,
        _ => LookupFailure::Other,
    };
    LookupError { failure, text: error.to_string(), source: None }
}
