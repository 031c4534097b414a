//! Asking the kernel for its sockets over NETLINK_SOCK_DIAG (`sock_diag(7)`).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::netlink;

use super::netlink::{Netlink, unreadable};
use super::rights::{Missing, remedy_for};
use crate::sys::error::{Error, Result};
use crate::wire::netlink::inet::{DumpRequest, Encoded, LookupRequest, Record};
use crate::wire::netlink::{Malformed, Message, Reply};

/// A connection to the kernel's socket tables, in the network namespace it was opened in.
#[derive(Debug)]
pub(super) struct SockDiag {
    netlink: Netlink,
    /// The kernel, or a sandbox, gives no such connection (WSL 1, gVisor): the socket is another
    /// one then, and no table is told over it.
    is_absent: bool,
}

/// How a dump ended that the kernel did not refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dumped {
    /// Everything was told.
    Complete,
    /// The table changed meanwhile: something may be missing or told twice.
    Interrupted,
    /// The kernel has no such table, or has not loaded its module.
    NoSuchTable,
    /// It has none, and everything that `/proc` tells of it was told.
    Read,
}

impl SockDiag {
    /// Opens a connection.
    pub(super) fn open() -> Result<Self> {
        let (netlink, is_absent) = match Netlink::open(Some(netlink::SOCK_DIAG)) {
            Err(
                Errno::PROTONOSUPPORT
                | Errno::AFNOSUPPORT
                | Errno::ACCESS
                | Errno::PERM
                | Errno::INVAL
                | Errno::NOSYS,
            ) => (Netlink::stand_in(), true),
            opened => (opened, false),
        };
        let netlink = netlink.map_err(|errno| refused("open a sock_diag socket", errno))?;
        Ok(Self { netlink, is_absent })
    }

    /// Whether no table can be asked for.
    pub(super) fn is_absent(&self) -> bool {
        self.is_absent
    }

    /// Another descriptor of the same socket, for what any socket of the namespace serves.
    pub(super) fn duplicate(&self) -> Option<OwnedFd> {
        rustix::io::fcntl_dupfd_cloexec(self.netlink.socket(), 0).ok()
    }

    /// The socket itself, for what any socket of the namespace serves.
    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.netlink.socket().as_fd()
    }

    /// The inode of the socket itself, which is in the tables that it tells of.
    pub(super) fn inode(&self) -> Option<u64> {
        rustix::fs::fstat(self.netlink.socket()).ok().map(|stat| stat.st_ino)
    }

    /// Hands every socket that `request` matches to `visit`.
    pub(super) fn dump(
        &mut self,
        request: &DumpRequest,
        visit: impl FnMut(&Record<'_>),
    ) -> Result<Dumped> {
        self.ask(request, DumpRequest::encode, visit)
    }

    /// The same for those sockets alone that have this local port.
    pub(super) fn dump_port(
        &mut self,
        request: &DumpRequest,
        port: u16,
        visit: impl FnMut(&Record<'_>),
    ) -> Result<Dumped> {
        self.ask(request, |request, sequence| request.encode_for_port(sequence, port), visit)
    }

    fn ask(
        &mut self,
        request: &DumpRequest,
        encode: impl Fn(&DumpRequest, u32) -> Option<Encoded>,
        mut visit: impl FnMut(&Record<'_>),
    ) -> Result<Dumped> {
        let what = || match request.family {
            Some(family) => {
                format!("list {} sockets of {}", request.protocol.name(), family.name())
            }
            None => format!("list {} sockets", request.protocol.name()),
        };
        let request = encode(request, self.next_sequence());
        self.hear_dump(&what, request.as_deref(), |payload| {
            visit(&Record::parse(payload)?);
            Ok(())
        })
    }

    /// Hands every record of another family's table to `visit`; `encode` makes the request for
    /// it.
    pub(super) fn dump_family<const LEN: usize>(
        &mut self,
        name: &str,
        encode: impl FnOnce(u32) -> [u8; LEN],
        visit: impl FnMut(&[u8]) -> std::result::Result<(), Malformed>,
    ) -> Result<Dumped> {
        let what = || format!("list {name} sockets");
        let request = encode(self.next_sequence());
        self.hear_dump(&what, Some(&request), visit)
    }

    fn hear_dump(
        &mut self,
        what: &impl Fn() -> String,
        request: Option<&[u8]>,
        mut visit: impl FnMut(&[u8]) -> std::result::Result<(), Malformed>,
    ) -> Result<Dumped> {
        if self.is_absent {
            return Ok(Dumped::NoSuchTable);
        }
        let mut outcome = Dumped::Complete;
        self.converse(what, request, |message, reply| {
            if message.is_interrupted() {
                outcome = Dumped::Interrupted;
            }
            match reply {
                Reply::Noop | Reply::Error(0) => Ok(None),
                Reply::Done(0) => Ok(Some(outcome)),
                Reply::Done(errno) | Reply::Error(errno) => {
                    ended(&what(), Errno::from_raw_os_error(errno)).map(Some)
                }
                Reply::Object(payload) => {
                    visit(payload).map_err(|error| unreadable(&what(), error))?;
                    Ok(None)
                }
            }
        })
    }

    /// Whether this very connection is still there; if so, how it is now goes to `visit`.
    pub(super) fn look_up(
        &mut self,
        request: &LookupRequest,
        mut visit: impl FnMut(&Record<'_>),
    ) -> Result<bool> {
        let what = || format!("look for the connection of {}", request.local);
        let request = request.encode(self.next_sequence());
        let request = request.as_ref().map(|bytes| &bytes[..]);
        self.converse(&what, request, |_, reply| match reply {
            Reply::Object(payload) => {
                visit(&Record::parse(payload).map_err(|error| unreadable(&what(), error))?);
                Ok(Some(true))
            }
            Reply::Noop | Reply::Done(0) | Reply::Error(0) => Ok(None),
            Reply::Done(errno) | Reply::Error(errno) => match Errno::from_raw_os_error(errno) {
                Errno::NOENT | Errno::STALE => Ok(Some(false)),
                errno => Err(refused(&what(), errno)),
            },
        })
    }

    /// Aborts this very connection (SOCK_DESTROY): the holder's next call fails with
    /// ECONNABORTED, and a TCP peer gets a RST. `Ok(false)` when it was not found.
    pub(super) fn destroy(&mut self, request: &LookupRequest) -> Result<bool> {
        let what = || format!("close the connection of {}", request.local);
        let request = request.encode_destroy(self.next_sequence());
        let request = request.as_ref().map(|bytes| &bytes[..]);
        self.converse(&what, request, |_, reply| match reply {
            Reply::Error(0) => Ok(Some(true)),
            Reply::Noop | Reply::Done(0) | Reply::Object(_) => Ok(None),
            Reply::Done(errno) | Reply::Error(errno) => match Errno::from_raw_os_error(errno) {
                Errno::NOENT | Errno::STALE => Ok(Some(false)),
                errno => Err(destroy_refused(&what(), errno)),
            },
        })
    }

    /// See [`Netlink::converse`].
    fn converse<T>(
        &mut self,
        what: &impl Fn() -> String,
        request: Option<&[u8]>,
        hear: impl FnMut(&Message<'_>, Reply<'_>) -> Result<Option<T>>,
    ) -> Result<T> {
        if self.is_absent {
            return Err(refused(&what(), Errno::PROTONOSUPPORT));
        }
        let request = request.ok_or_else(|| {
            Error::unsupported(what(), "inet_diag knows only TCP and UDP over IP")
        })?;
        self.netlink.converse(what, refused, request, hear)
    }

    fn next_sequence(&mut self) -> u32 {
        self.netlink.next_sequence()
    }
}

fn ended(what: &str, errno: Errno) -> Result<Dumped> {
    match errno {
        // No handler is registered: the *_diag module is neither built in nor loadable.
        Errno::NOENT | Errno::PROTONOSUPPORT | Errno::OPNOTSUPP | Errno::AFNOSUPPORT => {
            Ok(Dumped::NoSuchTable)
        }
        errno => Err(refused(what, errno)),
    }
}

fn refused(what: &str, errno: Errno) -> Error {
    match errno {
        Errno::ACCESS | Errno::PERM => {
            Error::not_permitted(what, "a sandbox or security policy forbids netlink sockets")
        }
        Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT => Error::unsupported(
            what,
            "there is no sock_diag here (WSL 1, gVisor or another sandbox)",
        ),
        errno => Error::os(what, errno),
    }
}

fn destroy_refused(what: &str, errno: Errno) -> Error {
    match errno {
        Errno::ACCESS | Errno::PERM => Error::not_permitted(what, remedy_for(Missing::Network)),
        Errno::OPNOTSUPP | Errno::PROTONOSUPPORT => Error::unsupported(
            what,
            "this kernel was built without CONFIG_INET_DIAG_DESTROY, or cannot abort this protocol",
        ),
        errno => refused(what, errno),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::model::socket::{Family, Protocol};
    use crate::wire::netlink::inet::{ALL_STATES, Detail};

    #[test]
    fn a_connection_exists_until_it_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (local, remote) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let mut diag = SockDiag::open().unwrap();
        let mut cookie = None;
        let request = DumpRequest {
            family: Some(Family::Ipv4),
            protocol: Protocol::Tcp,
            states: ALL_STATES,
            detail: Detail::Bare,
        };
        let told = diag.dump(&request, |record| {
            if (record.local_port, record.remote_port) == (local.port(), remote.port()) {
                cookie = Some(record.cookie);
            }
        });
        assert_eq!(told.unwrap(), Dumped::Complete);
        let cookie = cookie.expect("it is listed");
        let mut request =
            LookupRequest { protocol: Protocol::Tcp, local, remote, interface: 0, cookie };
        let mut told = None;
        assert!(
            diag.look_up(&request, |record| told = Some((record.cookie, record.inode))).unwrap()
        );
        assert!(matches!(told, Some((told, inode)) if told == cookie && inode != 0));
        let mut is_there = |request: LookupRequest| diag.look_up(&request, |_| {}).unwrap();
        request.cookie += 1;
        assert!(!is_there(request), "another socket with these addresses");
        request.remote.set_port(1);
        assert!(!is_there(request), "no such connection");
    }
}
