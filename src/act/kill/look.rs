//! Temporary look.
use std::sync::Arc;

use netstat2::{AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, TcpState};

use super::Depth;
use crate::inspect::Error;
use crate::model::owner::{Owner, Ownership, Process};
use crate::model::socket::{Endpoint, Family, Protocol, Socket, State};
use crate::sys::process;

pub(super) fn sockets(_: Depth) -> Result<Vec<Socket>, Error> {
    let tree = process::tree()?;
    let all = netstat2::iterate_sockets_info(
        AddressFamilyFlags::IPV4 | AddressFamilyFlags::IPV6,
        ProtocolFlags::TCP | ProtocolFlags::UDP,
    )
    .map_err(|e| Error::unsupported("x", e.to_string()))?;
    let mut out = Vec::new();
    for s in all.flatten() {
        let (protocol, state, remote) = match &s.protocol_socket_info {
            ProtocolSocketInfo::Tcp(t) => (
                Protocol::Tcp,
                match t.state {
                    TcpState::Listen => State::Listen,
                    TcpState::Established => State::Established,
                    TcpState::TimeWait => State::TimeWait,
                    TcpState::FinWait2 => State::FinWait2,
                    _ => State::CloseWait,
                },
                Some(Endpoint::ip(t.remote_addr, t.remote_port)),
            ),
            ProtocolSocketInfo::Udp(_) => (Protocol::Udp, State::Unconnected, None),
        };
        let local = Endpoint::ip(s.local_addr(), s.local_port());
        let family = if s.local_addr().is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        let mut socket = Socket::new(family, protocol, state, local);
        socket.remote = remote.filter(|_| state != State::Listen);
        socket.inode = Some(u64::from(s.inode));
        for pid in s.associated_pids {
            let Some(n) = tree.get(pid) else { continue };
            socket.ownership = Ownership::OWNED;
            socket.owners.push(Owner {
                fd: None,
                process: Arc::new(Process {
                    pid,
                    name: n.name.clone(),
                    exe: None,
                    cmdline: vec![],
                    uid: None,
                    ppid: Some(n.ppid),
                    started_at: None,
                    unit: None,
                    container: None,
                    start_time: n.key.start_time,
                }),
            });
        }
        out.push(socket);
    }
    Ok(out)
}
