//! Asking the kernel which ports it holds itself. Needs no rights for most; WireGuard and MPTCP
//! endpoints are told to CAP_NET_ADMIN alone.

use std::fs;

use rustix::io::Errno;
use rustix::net::{Protocol as NetlinkProtocol, netlink};

use super::netlink::{Netlink, unreadable};
use crate::model::kernel_port::{KernelPort, Use};
use crate::model::socket::Protocol;
use crate::sys::error::{Error, Result};
use crate::wire::netlink::kernel_port::{self as wire, Device, Family};
use crate::wire::netlink::{Malformed, Reply};
use crate::wire::procfs;

/// The NFS server's sockets, where its file system is mounted.
const NFSD: &str = "/proc/fs/nfsd/portlist";

/// Ports of the lock manager that were chosen by the administrator; 0 for none.
const LOCKD: [(Protocol, &str); 2] = [
    (Protocol::Tcp, "/proc/sys/fs/nfs/nlm_tcpport"),
    (Protocol::Udp, "/proc/sys/fs/nfs/nlm_udpport"),
];

/// Every port that the kernel tells of in the network namespace of this thread. What it does
/// not tell, or not to us, is left out.
pub(super) fn here() -> Vec<KernelPort> {
    let mut ports = Vec::new();
    let devices = devices().unwrap_or_default();
    let wireguard: Vec<&str> = devices.iter().filter_map(name_of_wireguard).collect();
    if let Ok(mut generic) = Netlink::open(Some(netlink::GENERIC)) {
        for family in [Family::Fou, Family::L2tp, Family::Mptcp] {
            ports.extend(ask(&mut generic, family, None).unwrap_or_default());
        }
        for device in wireguard {
            ports.extend(ask(&mut generic, Family::WireGuard, Some(device)).unwrap_or_default());
        }
    }
    ports.extend(devices.into_iter().flat_map(|device| match device {
        Device::Tunnel(ports) => ports,
        Device::WireGuard(_) => Vec::new(),
    }));
    ports.extend(nfs());
    ports
}

fn name_of_wireguard(device: &Device) -> Option<&str> {
    match device {
        Device::WireGuard(name) => Some(name),
        Device::Tunnel(_) => None,
    }
}

fn devices() -> Result<Vec<Device>> {
    const ROUTE: Option<NetlinkProtocol> = None;
    let mut route = Netlink::open(ROUTE).map_err(|errno| refused("open a route socket", errno))?;
    let request = wire::links(route.next_sequence());
    let mut devices = Vec::new();
    collect(&mut route, "list devices", &request, |payload| {
        devices.extend(wire::device(payload)?);
        Ok(())
    })?;
    Ok(devices)
}

fn ask(generic: &mut Netlink, family: Family, device: Option<&str>) -> Result<Vec<KernelPort>> {
    let what = format!("ask for {}", family.name());
    let request = family.find(generic.next_sequence());
    let number = generic.converse(&|| what.clone(), refused, &request, |_, reply| match reply {
        Reply::Object(payload) => {
            wire::family_number(payload).map(Some).map_err(|error| unreadable(&what, error))
        }
        Reply::Noop | Reply::Error(0) | Reply::Done(0) => Ok(None),
        // Not built in, or not loaded: then nothing of it is there.
        Reply::Error(_) | Reply::Done(_) => Ok(Some(None)),
    })?;
    let Some(number) = number else { return Ok(Vec::new()) };
    let request = family.list(number, generic.next_sequence(), device);
    let mut ports = Vec::new();
    collect(generic, &what, &request, |payload| {
        ports.extend(family.port(payload)?);
        Ok(())
    })?;
    Ok(ports)
}

/// Hands every object of a dump to `take`.
fn collect(
    netlink: &mut Netlink,
    what: &str,
    request: &[u8],
    mut take: impl FnMut(&[u8]) -> std::result::Result<(), Malformed>,
) -> Result<()> {
    netlink.converse(&|| what.to_owned(), refused, request, |_, reply| match reply {
        Reply::Object(payload) => {
            take(payload).map_err(|error| unreadable(what, error)).map(|()| None)
        }
        Reply::Noop | Reply::Error(0) => Ok(None),
        Reply::Done(0) => Ok(Some(())),
        Reply::Error(errno) | Reply::Done(errno) => {
            Err(refused(what, Errno::from_raw_os_error(errno)))
        }
    })
}

fn refused(what: &str, errno: Errno) -> Error {
    Error::os(what, errno)
}

fn nfs() -> Vec<KernelPort> {
    let port = |(protocol, port)| KernelPort { protocol, port, r#use: Use::Nfs, device: None };
    let server = fs::read_to_string(NFSD).unwrap_or_default();
    let locks = LOCKD.into_iter().filter_map(|(protocol, path)| {
        let number: u16 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
        (number != 0).then_some((protocol, number))
    });
    procfs::net::nfsd_ports(&server).into_iter().chain(locks).map(port).collect()
}
