//! Addresses and protocols the way tables show them.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;

use super::clean;
use crate::model::packets::{Flow, FlowEnd};
use crate::model::socket::{Endpoint, Family, Protocol, Socket};

/// The sign for an end that may be anyone.
pub const ANYONE: &str = "*";

/// One end: `10.0.0.5:80`, `[::1]:80`, `[fe80::1%eth0]:80`, `/run/app.sock`, `@abstract`; bound
/// to a device, `0.0.0.0%eth1:80` and `[::]%eth1:80`, as `ss` has it.
/// A name that was looked up stands in the place of the address. Shown without allocation by
/// its `Display`.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    end: &'a Endpoint,
    is_any: bool,
    /// What its socket is bound to, unless the zone says so.
    device: Option<&'a str>,
    instead: Instead<'a>,
}

/// What stands where an end has no address, or no port.
#[derive(Clone, Copy, Debug)]
enum Instead<'a> {
    Nothing,
    /// Number of the protocol that a raw socket receives.
    IpProtocol(u16),
    /// EtherType and interface of a packet socket: `arp:eth0`, `*:*`.
    Link(u16, Option<&'a str>),
    /// Family and address of a netlink socket: `rtnl:4242`, `genl:kernel`.
    Netlink(&'a str, u32),
    /// An unnamed UNIX socket, as a query would ask for it: `inode:4242`.
    Inode(u64),
}

/// One end of a flow: `10.0.0.5:80`, and the address alone where its protocol has no ports.
pub fn flow_end(flow: &Flow, end: FlowEnd) -> String {
    if flow.has_ports() {
        SocketAddr::new(end.addr, end.port).to_string()
    } else {
        end.addr.to_string()
    }
}

/// An end by itself.
pub fn endpoint(end: &Endpoint) -> End<'_> {
    End { end, is_any: false, device: None, instead: Instead::Nothing }
}

/// This end of a socket; `*:22` when it takes both IPv4 and IPv6 on every address.
pub fn local(socket: &Socket) -> End<'_> {
    let instead = match (socket.protocol, &socket.netlink, socket.protocol_number) {
        (_, Some(netlink), _) => Instead::Netlink(&netlink.family, netlink.port_id),
        (Protocol::Raw, _, Some(number)) => Instead::IpProtocol(number),
        (Protocol::Packet, _, Some(number)) => Instead::Link(number, socket.interface.as_deref()),
        _ => inode(socket, socket.inode),
    };
    let is_ip = matches!(socket.family, Family::Ipv4 | Family::Ipv6);
    let device = socket.interface.as_deref().filter(|_| is_ip && socket.local.scope.is_none());
    End { end: &socket.local, is_any: socket.is_dual_stack(), device, instead }
}

/// The other end of a socket; `*` when there is none.
pub fn remote(socket: &Socket) -> Remote<'_> {
    let peer = socket.netlink.as_ref().and_then(|netlink| netlink.peer_port_id);
    let instead = match (&socket.netlink, peer) {
        (Some(netlink), Some(peer)) => Instead::Netlink(&netlink.family, peer),
        _ => inode(socket, socket.peer_inode),
    };
    Remote(socket.remote.as_ref(), instead)
}

fn inode(socket: &Socket, inode: Option<u64>) -> Instead<'_> {
    match inode.filter(|&inode| inode != 0 && socket.family == Family::Unix) {
        Some(inode) => Instead::Inode(inode),
        None => Instead::Nothing,
    }
}

/// See [`remote`].
#[derive(Clone, Copy, Debug)]
pub struct Remote<'a>(Option<&'a Endpoint>, Instead<'a>);

impl Display for Remote<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Some(end), _) => f.pad(&endpoint(end).to_string()),
            (None, Instead::Nothing) => f.pad(ANYONE),
            (None, instead) => f.pad(&instead.to_string()),
        }
    }
}

impl Display for Instead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Nothing => f.write_str(ANYONE),
            Self::IpProtocol(number) => match ip_protocol(number) {
                Some(name) => f.write_str(name),
                None => write!(f, "proto-{number}"),
            },
            Self::Link(number, interface) => {
                match ether_type(number) {
                    Some(name) => f.write_str(name)?,
                    None => write!(f, "{number:#06x}")?,
                }
                write!(f, ":{}", clean(interface.unwrap_or(ANYONE)))
            }
            Self::Netlink(family, 0) => write!(f, "{}:kernel", clean(family)),
            Self::Netlink(family, port_id) => write!(f, "{}:{port_id}", clean(family)),
            Self::Inode(inode) => write!(f, "inode:{inode}"),
        }
    }
}

/// Short names of the protocols that raw sockets mostly are for (IANA, Protocol Numbers).
fn ip_protocol(number: u16) -> Option<&'static str> {
    Some(match number {
        1 => "icmp",
        2 => "igmp",
        4 => "ipip",
        6 => "tcp",
        17 => "udp",
        41 => "ipv6",
        46 => "rsvp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmpv6",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        132 => "sctp",
        255 => "raw",
        _ => return None,
    })
}

/// Short names of link-layer protocols (`linux/if_ether.h`); `*` for every one.
fn ether_type(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0003 => ANYONE,
        0x0800 => "ipv4",
        0x0806 => "arp",
        0x86dd => "ipv6",
        0x8100 => "vlan",
        0x8863 | 0x8864 => "pppoe",
        0x888e => "eapol",
        0x88cc => "lldp",
        0x88f7 => "ptp",
        _ => return None,
    })
}

impl Display for End<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if f.width().is_none() && f.precision().is_none() {
            return self.write(f);
        }
        let mut text = String::new();
        self.write(&mut text)?;
        f.pad(&text)
    }
}

impl End<'_> {
    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let Endpoint { addr, port, path, scope, name } = self.end;
        if let Some(path) = path {
            return out.write_str(&clean(path));
        }
        let addr = addr.filter(|_| !self.is_any);
        match (addr, name) {
            (Some(_), Some(name)) => out.write_str(&clean(&name.0))?,
            // Brackets set the port apart from the groups of an IPv6 address.
            (Some(addr), None) if addr.is_ipv6() && port.is_some() => {
                write!(out, "[{addr}{}]", Zone(scope.as_deref()))?;
            }
            (Some(addr), None)
                if addr.is_ipv6() && matches!(self.instead, Instead::IpProtocol(_)) =>
            {
                write!(out, "[{addr}{}]", Zone(scope.as_deref()))?;
            }
            (Some(addr), None) => write!(out, "{addr}{}", Zone(scope.as_deref()))?,
            (None, _) if self.is_any => out.write_str(ANYONE)?,
            (None, _) => write!(out, "{}", self.instead)?,
        }
        write!(out, "{}", Zone(self.device))?;
        match (port, self.instead) {
            (Some(port), _) => write!(out, ":{port}"),
            (None, Instead::IpProtocol(_)) => write!(out, ":{}", self.instead),
            (None, _) => Ok(()),
        }
    }
}

struct Zone<'a>(Option<&'a str>);

impl Display for Zone<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |zone| write!(f, "%{}", clean(zone)))
    }
}

/// The protocol with its family where that matters: `tcp4`, `tcp6`, or `tcp` for a socket
/// that takes both.
pub fn protocol(socket: &Socket) -> &'static str {
    let is_v4 = match socket.family {
        Family::Ipv4 => true,
        Family::Ipv6 if !socket.is_dual_stack() => false,
        family if !family.has_table() => return family.name(),
        _ => return socket.protocol.name(),
    };
    match (socket.protocol, is_v4) {
        (Protocol::Tcp, true) => "tcp4",
        (Protocol::Tcp, false) => "tcp6",
        (Protocol::Udp, true) => "udp4",
        (Protocol::Udp, false) => "udp6",
        (Protocol::Udplite, true) => "udplite4",
        (Protocol::Udplite, false) => "udplite6",
        (Protocol::Mptcp, true) => "mptcp4",
        (Protocol::Mptcp, false) => "mptcp6",
        (Protocol::Raw, true) => "raw4",
        (Protocol::Raw, false) => "raw6",
        (Protocol::Icmp, true) => "icmp4",
        (Protocol::Icmp, false) => "icmp6",
        (protocol, _) => protocol.name(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use crate::model::socket::{HostName, NetlinkSocket, State};

    fn listener(family: Family, local: Endpoint, v6_only: Option<bool>) -> Socket {
        let mut socket = Socket::new(family, Protocol::Tcp, State::Listen, local);
        socket.v6_only = v6_only;
        socket
    }

    #[test]
    fn a_dual_stack_listener_is_every_address() {
        let any = Endpoint::ip(Ipv6Addr::UNSPECIFIED, 22);
        let dual = listener(Family::Ipv6, any.clone(), Some(false));
        assert_eq!((local(&dual).to_string().as_str(), protocol(&dual)), ("*:22", "tcp"));
        let v6 = listener(Family::Ipv6, any, Some(true));
        assert_eq!((local(&v6).to_string().as_str(), protocol(&v6)), ("[::]:22", "tcp6"));
        let v4 = listener(Family::Ipv4, Endpoint::ip(Ipv4Addr::UNSPECIFIED, 22), None);
        assert_eq!((local(&v4).to_string().as_str(), protocol(&v4)), ("0.0.0.0:22", "tcp4"));
        let on_device = |socket: &Socket| {
            let device = Some("eth1".into());
            local(&Socket { interface: device, ..socket.clone() }).to_string()
        };
        assert_eq!(on_device(&v4), "0.0.0.0%eth1:22");
        assert_eq!((on_device(&v6), on_device(&dual)), ("[::]%eth1:22".into(), "*%eth1:22".into()));
        let mut zoned = v6.clone();
        zoned.local = Endpoint {
            scope: Some("eth1".into()),
            ..Endpoint::ip([0xfe80, 0, 0, 0, 0, 0, 0, 1], 22)
        };
        assert_eq!(on_device(&zoned), "[fe80::1%eth1]:22", "the zone says it");
        assert_eq!(remote(&v4).to_string(), "*");
    }

    #[test]
    fn a_name_that_was_looked_up_stands_for_its_address_and_is_cleaned() {
        let mut end = Endpoint::ip([10, 0, 0, 7], 443);
        end.name = Some(Box::new(HostName("web.example".into())));
        assert_eq!(endpoint(&end).to_string(), "web.example:443");
        end.name = Some(Box::new(HostName("e\x1b]0;v\u{202e}il\n".into())));
        assert_eq!(endpoint(&end).to_string(), "e\u{FFFD}]0;v\u{FFFD}il\u{FFFD}:443");
    }

    #[test]
    fn what_has_no_port_says_what_it_is_for() {
        let any = || Endpoint { port: None, ..Endpoint::ip(Ipv6Addr::UNSPECIFIED, 0) };
        let mut raw = Socket::new(Family::Ipv6, Protocol::Raw, State::Unconnected, any());
        raw.protocol_number = Some(58);
        assert_eq!(local(&raw).to_string(), "[::]:icmpv6");
        raw.protocol_number = Some(99);
        assert_eq!((local(&raw).to_string().as_str(), protocol(&raw)), ("[::]:proto-99", "raw6"));
        raw.v6_only = Some(false);
        assert_eq!(local(&raw).to_string(), "*:proto-99");

        let nowhere = Endpoint::default();
        let new =
            |family, protocol| Socket::new(family, protocol, State::Connected, nowhere.clone());
        let mut packet = new(Family::Packet, Protocol::Packet);
        packet.protocol_number = Some(0x0806);
        packet.interface = Some("eth0".into());
        assert_eq!(local(&packet).to_string(), "arp:eth0");
        (packet.protocol_number, packet.interface) = (Some(0x1234), None);
        assert_eq!(local(&packet).to_string(), "0x1234:*");

        let mut unix = new(Family::Unix, Protocol::Stream);
        (unix.inode, unix.peer_inode) = (Some(7), Some(8));
        assert_eq!(
            (local(&unix).to_string(), remote(&unix).to_string()),
            ("inode:7".into(), "inode:8".into())
        );
        unix.peer_inode = Some(0);
        assert_eq!(remote(&unix).to_string(), "*");

        let mut netlink = new(Family::Netlink, Protocol::Netlink);
        netlink.netlink = Some(Box::new(NetlinkSocket {
            family: "rtnl".into(),
            port_id: 812,
            peer_port_id: Some(0),
        }));
        let ends = (local(&netlink).to_string(), remote(&netlink).to_string());
        assert_eq!(ends, ("rtnl:812".into(), "rtnl:kernel".into()));
        assert_eq!(protocol(&netlink), "netlink");
    }

    #[test]
    fn ends_are_written_as_a_client_would_type_them() {
        let mut end = Endpoint::ip(Ipv6Addr::LOCALHOST, 80);
        assert_eq!(endpoint(&end).to_string(), "[::1]:80");
        end.port = None;
        assert_eq!(endpoint(&end).to_string(), "::1");
        let mut zoned = Endpoint::ip("fe80::1".parse::<Ipv6Addr>().unwrap(), 80);
        zoned.scope = Some("eth0".into());
        assert_eq!(endpoint(&zoned).to_string(), "[fe80::1%eth0]:80");
        assert_eq!(endpoint(&Endpoint::unix("/run/a\u{1b}[m")).to_string(), "/run/a\u{fffd}[m");
        assert_eq!(format!("{:>10}", endpoint(&Endpoint::ip([1, 2, 3, 4], 5))), " 1.2.3.4:5");
    }
}
