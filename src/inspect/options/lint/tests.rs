use super::*;
use crate::catalog::sockopts;
use crate::inspect::options::Known;
use crate::model::options::{OptionPart, OptionType};
use crate::model::socket::{Backlog, Endpoint, Family, Protocol, State};

fn option(name: &str, value: OptionValue) -> SocketOption {
    let (level, entry) = sockopts::find(name).expect("in the catalogue");
    Known { level, entry }.option(entry.r#type, value, None)
}

fn tcp_info(fields: &[(&'static str, i64)]) -> SocketOption {
    let mut info = option("TCP_INFO", OptionValue::Text(String::new()));
    info.r#type = OptionType::Opaque;
    let part = |(name, value): &(&'static str, i64)| OptionPart {
        group: "time".into(),
        name: (*name).into(),
        value: OptionValue::Number(*value),
        unit: None,
    };
    info.parts = fields.iter().map(part).collect();
    info
}

fn kinds(socket: &Socket, options: &[SocketOption], neighbours: &[Socket]) -> Vec<String> {
    let look = Look { socket, options, waits: None, neighbours, peer: None, parents: &[] };
    findings(&look).into_iter().map(|finding| finding.kind).collect()
}

#[test]
fn a_connection_that_is_idle_for_hours_needs_keepalive() {
    let local = Endpoint::ip([192, 0, 2, 1], 40_000);
    let socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Established, local);
    let options = |idle_ms, keepalive| {
        [
            tcp_info(&[("last_data_recv", idle_ms), ("last_data_sent", idle_ms)]),
            option("SO_KEEPALIVE", OptionValue::Bool(keepalive)),
            option("TCP_USER_TIMEOUT", OptionValue::Number(0)),
        ]
    };
    assert_eq!(kinds(&socket, &options(7_200_000, false), &[]), ["keepalive_off"]);
    assert_eq!(kinds(&socket, &options(7_200_000, true), &[]), ["idle"]);
    assert_eq!(kinds(&socket, &options(660_000, false), &[]), ["idle"]);
    assert!(kinds(&socket, &options(60_000, false), &[]).is_empty());
}

#[test]
fn a_group_of_several_users_is_pointed_out() {
    let listener = |inode, uid| {
        let local = Endpoint::ip([127, 0, 0, 1], 8080);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, local);
        (socket.inode, socket.uid) = (Some(inode), Some(uid));
        socket.backlog = Some(Backlog { queued: 0, limit: 5 });
        socket
    };
    let on = [option("SO_REUSEPORT", OptionValue::Bool(true))];
    let (own, other) = (listener(1, 1000), listener(2, 33));
    assert_eq!(kinds(&own, &on, &[own.clone(), other.clone()]), ["reuse_port_users"]);
    assert!(kinds(&own, &on, &[own.clone(), listener(2, 1000)]).is_empty());
    let off = [option("SO_REUSEPORT", OptionValue::Bool(false))];
    assert!(kinds(&own, &off, &[own.clone(), other]).is_empty());
}
