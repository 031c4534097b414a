//! Who answers on the links of this network namespace (`arp(7)`, RFC 4861), over NETLINK_ROUTE.

use std::net::IpAddr;

use rustix::io::Errno;

use super::netlink::{Netlink, unreadable};
use crate::sys::error::{Error, Result};
use crate::wire::netlink::Reply;
use crate::wire::netlink::neighbour::{Neighbour, State, dump};

/// Whether a link address was asked for and nobody has answered, on the interface with this
/// index; `None` where nothing was asked or is known.
pub fn is_silent(interface: u32, address: IpAddr) -> Result<Option<bool>> {
    let what = || "list the neighbours".to_owned();
    let refused = |what: &str, errno: Errno| Error::os(what, errno);
    let mut netlink = Netlink::open(None).map_err(|errno| refused(&what(), errno))?;
    let request = dump(netlink.next_sequence());
    let mut found = None;
    netlink.converse(&what, refused, &request, |_, reply| match reply {
        Reply::Object(payload) => {
            let neighbour = Neighbour::parse(payload).map_err(|e| unreadable(&what(), e))?;
            let ours = neighbour.filter(|n| n.interface == interface && n.address == address);
            found = ours.map(|n| n.state != State::Known).or(found);
            Ok(None)
        }
        Reply::Done(0) => Ok(Some(())),
        Reply::Done(errno) | Reply::Error(errno) if errno != 0 => {
            Err(Error::os(what(), std::io::Error::from_raw_os_error(errno)))
        }
        _ => Ok(None),
    })?;
    Ok(found)
}
