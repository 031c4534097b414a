//! Host names to addresses and back by the system's resolver, getaddrinfo(3) and
//! getnameinfo(3).

use std::ffi::{CStr, CString};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ptr;

use crate::sys::lookup::{LookupError, LookupFailure};

/// The addresses of `host` with `port`, in the order in which the system would try them
/// (RFC 6724), each once. Blocks for as long as the resolver takes.
pub fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, LookupError> {
    let name = CString::new(host).map_err(|_| LookupError {
        failure: LookupFailure::NoSuchName,
        text: "a host name cannot hold a NUL byte".to_owned(),
        source: None,
    })?;
    let list = AddressList::of(&name)?;
    let mut found = Vec::new();
    for mut address in list.addresses() {
        address.set_port(port);
        if !found.contains(&address) {
            found.push(address);
        }
    }
    Ok(found)
}

/// The name of `addr`, as whatever the system asks has it: the hosts file, DNS, or another
/// source of `nsswitch.conf(5)`. Whoever answers chose the name: it is neither checked nor
/// cleaned. Blocks for as long as the resolver takes.
pub fn name_of(addr: IpAddr) -> Result<String, LookupError> {
    let addr = socket2::SockAddr::from(SocketAddr::new(addr, 0));
    let mut name = [0 as libc::c_char; libc::NI_MAXHOST as usize];
    // SAFETY: `addr` is a socket address of its own length, `name` takes as many bytes as is
    // said, and no room for a service is given; all outlive the call.
    let code = unsafe {
        libc::getnameinfo(
            addr.as_ptr().cast(),
            addr.len(),
            name.as_mut_ptr(),
            name.len() as libc::socklen_t,
            ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    if code != 0 {
        return Err(failure(code, io::Error::last_os_error()));
    }
    // SAFETY: on success the buffer holds a NUL-terminated name, and outlives this borrow.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    Ok(name.to_string_lossy().into_owned())
}

/// The index of the network interface `name`, or of the number that `name` is
/// (if_nametoindex(3)).
pub fn interface_index(name: &str) -> io::Result<u32> {
    if let Ok(index) = name.parse() {
        let mut name = [0 as libc::c_char; libc::IF_NAMESIZE];
        // SAFETY: the buffer has the IF_NAMESIZE bytes that if_indextoname(3) asks for.
        let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr()) };
        return if found.is_null() { Err(io::Error::last_os_error()) } else { Ok(index) };
    }
    let name = CString::new(name)?;
    // SAFETY: `name` is a NUL-terminated string that outlives the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

/// What getaddrinfo allocated; freed on drop.
struct AddressList(*mut libc::addrinfo);

impl AddressList {
    fn of(name: &CStr) -> Result<Self, LookupError> {
        // SAFETY: addrinfo is plain numbers and pointers, for which zero means "no wish".
        let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
        hints.ai_socktype = libc::SOCK_STREAM;
        let mut first = ptr::null_mut();
        // SAFETY: `name` and `hints` outlive the call; `first` is written only on success.
        match unsafe { libc::getaddrinfo(name.as_ptr(), ptr::null(), &hints, &mut first) } {
            0 => Ok(Self(first)),
            code => Err(failure(code, io::Error::last_os_error())),
        }
    }

    /// The IPv4 and IPv6 addresses of the list, in its order.
    fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let mut next = self.0;
        std::iter::from_fn(move || {
            // SAFETY: `next` is null or an entry of the list, which lives as long as `self`.
            let entry = unsafe { next.as_ref() }?;
            next = entry.ai_next;
            Some(socket_addr(entry))
        })
        .flatten()
    }
}

impl Drop for AddressList {
    fn drop(&mut self) {
        // SAFETY: the pointer came from getaddrinfo and is freed once.
        unsafe { libc::freeaddrinfo(self.0) }
    }
}

fn socket_addr(entry: &libc::addrinfo) -> Option<SocketAddr> {
    // SAFETY: getaddrinfo gives `ai_addrlen` valid bytes at `ai_addr`, no more than a
    // sockaddr_storage holds for the IP families asked of it; the length is checked first.
    let ((), address) = unsafe {
        socket2::SockAddr::try_init(|storage, length| {
            if entry.ai_addr.is_null() || entry.ai_addrlen > *length {
                return Err(io::ErrorKind::InvalidData.into());
            }
            ptr::copy_nonoverlapping(
                entry.ai_addr.cast::<u8>(),
                storage.cast::<u8>(),
                entry.ai_addrlen as usize,
            );
            *length = entry.ai_addrlen;
            Ok(())
        })
    }
    .ok()?;
    address.as_socket()
}

fn failure(code: libc::c_int, os_error: io::Error) -> LookupError {
    let failure = match code {
        libc::EAI_NONAME => LookupFailure::NoSuchName,
        libc::EAI_NODATA => LookupFailure::NoAddress,
        libc::EAI_AGAIN => LookupFailure::Temporary,
        _ => LookupFailure::Other,
    };
    let source = (code == libc::EAI_SYSTEM).then_some(os_error);
    // SAFETY: gai_strerror returns a NUL-terminated string that is never freed.
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(code)) };
    LookupError { failure, text: text.to_string_lossy().into_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_address_resolves_to_itself_once() {
        let found = lookup("127.0.0.1", 80).unwrap();
        assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
        assert_eq!(lookup("::1", 8).unwrap(), ["[::1]:8".parse().unwrap()]);
    }

    #[test]
    fn this_machine_has_a_name_for_itself() {
        // Where there is a hosts file at all, this stands in it.
        match name_of(IpAddr::from([127, 0, 0, 1])) {
            Ok(name) => assert!(!name.is_empty() && name.parse::<IpAddr>().is_err(), "{name}"),
            Err(error) => assert_ne!(error.failure, LookupFailure::Other, "{error}"),
        }
    }

    #[test]
    fn a_name_that_cannot_exist_is_an_error() {
        assert!(lookup("a..b", 80).is_err());
        assert!(lookup("a\0b", 80).is_err());
    }

    #[test]
    fn an_interface_has_an_index() {
        let lo = ["lo", "lo0"].iter().find_map(|name| interface_index(name).ok()).unwrap();
        assert_eq!(interface_index(&lo.to_string()).unwrap(), lo);
        assert!(interface_index("4000000000").is_err());
        assert!(interface_index("no-such-device").is_err());
    }
}
