//! What the socket table alone tells of options, where no duplicate is to be had.

use crate::catalog::sockopts;
use crate::model::options::{HiddenOption, OptionValue, SocketOption};
use crate::model::owner::{Owner, OwnershipKind, Through};
use crate::model::socket::{Family, Protocol, Socket, State};
use crate::sys::options::SocketKind;

use super::defaults::{Defaults, Fresh};
use super::situation::Situation;
use super::{Known, READ, domain_number, index_of};

/// The options that a row implies, in catalogue order.
pub(super) fn options(socket: &Socket, fresh: &mut Fresh) -> Vec<SocketOption> {
    let names = kind_names(socket);
    let defaults = Defaults::of_kind(fresh, names.and_then(kind), socket.netns);
    let situation = Situation::of_row(socket);
    let mut options: Vec<SocketOption> = told(socket, names)
        .into_iter()
        .filter_map(|(name, value)| {
            let (level, entry) = sockopts::find(name)?;
            let mut option = Known { level, entry }.option(entry.r#type, value, None);
            option.writable = situation.takes(entry);
            defaults.judge(index_of(name)?, entry, &situation, &mut option);
            Some(option)
        })
        .collect();
    options.sort_by_key(|option| index_of(&option.name));
    options
}

/// The other options that an untouched socket of the kind has; none for what no descriptor can
/// refer to, which has none to read.
pub(super) fn hidden(
    socket: &Socket,
    told: &[SocketOption],
    fresh: &mut Fresh,
) -> Vec<HiddenOption> {
    if socket.ownership.kind == OwnershipKind::Kernel {
        return Vec::new();
    }
    let Some(made) = kind_names(socket).and_then(kind).and_then(|kind| fresh.here(kind)) else {
        return Vec::new();
    };
    let is_there = |(at, known): (usize, &'static Known)| {
        made.answers.get(at)?.as_ref()?;
        let name = &known.entry.name;
        let is_told = told.iter().any(|option| option.name == *name);
        (!is_told).then(|| HiddenOption {
            level: known.level.name.as_str().into(),
            name: name.as_str().into(),
        })
    };
    READ.iter().enumerate().filter_map(is_there).collect()
}

/// Why there is no descriptor to duplicate.
pub(super) fn why_no_descriptor(socket: &Socket) -> String {
    let ownership = &socket.ownership;
    let ring = |owner: &Owner| match owner.through {
        Through::IoUring { fd, .. } => Some((owner.process.pid, fd)),
        Through::Descriptor | Through::Thread { .. } => None,
    };
    if let Some((pid, fd)) = socket.owners.iter().find_map(ring) {
        return format!(
            "the io_uring at descriptor {fd} of process {pid} holds this socket as a direct \
             descriptor, which cannot be duplicated"
        );
    }
    match (ownership.kind, &ownership.reason, &ownership.detail) {
        (OwnershipKind::Kernel, _, Some(detail)) => {
            format!("no process holds this socket ({detail}): only sock_diag lists it")
        }
        (OwnershipKind::Owned, None, _) => "no descriptor of this socket is known".to_owned(),
        (_, Some(reason), _) => format!("no descriptor of this socket is known: {reason}"),
        (kind, None, _) => format!("no descriptor of this socket is known ({})", kind.name()),
    }
}

/// Names of family, type and protocol in C.
type KindNames = (&'static str, &'static str, &'static str);

/// What the row says of options by itself.
fn told(socket: &Socket, kind: Option<KindNames>) -> Vec<(&'static str, OptionValue)> {
    let mut told = Vec::new();
    // Anything that the kernel's own table told comes with a cookie.
    if socket.cookie.is_none() {
        return told;
    }
    if let Some((domain, r#type, protocol)) = kind {
        told.push(("SO_DOMAIN", OptionValue::Text(domain.to_owned())));
        told.push(("SO_TYPE", OptionValue::Text(r#type.to_owned())));
        told.push(("SO_PROTOCOL", OptionValue::Text(protocol.to_owned())));
    }
    if socket.protocol == Protocol::Tcp {
        told.push(("SO_ACCEPTCONN", OptionValue::Bool(socket.state == State::Listen)));
    }
    if let Some(memory) = socket.memory {
        told.push(("SO_SNDBUF", OptionValue::Number(memory.sndbuf_bytes.into())));
        told.push(("SO_RCVBUF", OptionValue::Number(memory.rcvbuf_bytes.into())));
    }
    if let Some(interface) = &socket.interface {
        told.push(("SO_BINDTODEVICE", OptionValue::Text(interface.to_string())));
    }
    if let Some(cookie) = socket.cookie.and_then(|cookie| i64::try_from(cookie).ok()) {
        told.push(("SO_COOKIE", OptionValue::Number(cookie)));
    }
    if let Some(v6_only) = socket.v6_only {
        told.push(("IPV6_V6ONLY", OptionValue::Bool(v6_only)));
    }
    if let Some(congestion) = socket.tcp.as_ref().and_then(|tcp| tcp.congestion.as_ref()) {
        told.push(("TCP_CONGESTION", OptionValue::Text(congestion.to_string())));
    }
    told
}

fn kind_names(socket: &Socket) -> Option<KindNames> {
    let domain = match socket.family {
        Family::Ipv4 => "AF_INET",
        Family::Ipv6 => "AF_INET6",
        Family::Unix => "AF_UNIX",
        _ => return None,
    };
    let (r#type, protocol) = match socket.protocol {
        Protocol::Tcp => ("SOCK_STREAM", "IPPROTO_TCP"),
        Protocol::Mptcp => ("SOCK_STREAM", "IPPROTO_MPTCP"),
        Protocol::Udp => ("SOCK_DGRAM", "IPPROTO_UDP"),
        Protocol::Udplite => ("SOCK_DGRAM", "IPPROTO_UDPLITE"),
        Protocol::Stream => ("SOCK_STREAM", "IPPROTO_IP"),
        Protocol::Dgram => ("SOCK_DGRAM", "IPPROTO_IP"),
        Protocol::Seqpacket => ("SOCK_SEQPACKET", "IPPROTO_IP"),
        Protocol::Raw | Protocol::Icmp | Protocol::Packet | Protocol::Netlink => return None,
    };
    Some((domain, r#type, protocol))
}

fn kind((domain, r#type, protocol): KindNames) -> Option<SocketKind> {
    let number = |option: &str, name: &str| {
        let (_, entry) = sockopts::find(option)?;
        let (_, number) = entry.values.iter().find(|(known, _)| known == name)?;
        i32::try_from(*number).ok()
    };
    Some(SocketKind {
        domain: domain_number(domain)?,
        r#type: number("SO_TYPE", r#type)?,
        protocol: number("SO_PROTOCOL", protocol)?,
    })
}
