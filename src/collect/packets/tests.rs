#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;

use super::*;
use crate::model::flow_owner::FlowOwners;
use crate::model::owner::{Owner, Process};
use crate::model::packets::{
    Count, FlowEnd, FlowFocus, Losses, PacketCounts, ProtocolCount, ProtocolLayer, TcpFlagCounts,
};
use crate::model::socket::{Endpoint, Family, Protocol, Socket, State};
use crate::wire::frame::{Detail, Inner, Ip, Layers, Network, Summary, Transport};

fn ip(source: [u8; 4], destination: [u8; 4], protocol: u8, transport: Transport) -> Network {
    let (source, destination) = (source.into(), destination.into());
    Network::Ip(Ip { source, destination, protocol, transport, fragment: None, inner: None })
}

fn udp(source: u16, destination: u16) -> Network {
    ip([10, 0, 0, 1], [10, 0, 0, 2], 17, Transport::Ports { source, destination, opens: false })
}

fn tcp(flags: u8) -> Network {
    let transport = Transport::Tcp { source: 4000, destination: 80, flags: Some(flags) };
    ip([10, 0, 0, 1], [10, 0, 0, 2], 6, transport)
}

fn frame(network: Network, length: u32) -> Frame<'static> {
    let summary = Summary { layers: Layers::NONE, network, truncated: false };
    let detail = Detail::default();
    Frame { interface: 0, length, cut: false, summary, time_ns: None, again: false, detail }
}

fn counted(frames: impl IntoIterator<Item = Frame<'static>>) -> Counter {
    let mut counter = Counter::with_flow_limit(4);
    frames.into_iter().for_each(|frame| counter.count(&frame));
    counter
}

fn snapshot(counter: &mut Counter) -> PacketCounts {
    counter.snapshot(&[Some("eth0".into())], &Limits::ALL, Listing::default())
}

fn named(name: &'static str, packets: u64, bytes: u64) -> ProtocolCount {
    ProtocolCount { name: name.into(), layer: layer_of(name), count: Count { packets, bytes } }
}

fn layer_of(name: &str) -> Option<ProtocolLayer> {
    Some(match name {
        "vlan" => ProtocolLayer::Link,
        "ipv4" | "ipv6" | "arp" => ProtocolLayer::Network,
        _ => ProtocolLayer::Transport,
    })
}

#[test]
fn each_protocol_counts_the_packets_that_carry_it() {
    let mut tagged = frame(udp(1, 53), 64);
    tagged.summary.layers = Layers::VLAN;
    let counts = snapshot(&mut counted([
        frame(udp(1, 53), 60),
        tagged,
        frame(tcp(0x10), 1500),
        frame(Network::EtherType(0x0806), 42),
        frame(Network::Unreadable, 7),
    ]));
    assert_eq!(counts.total, Count { packets: 5, bytes: 1673 });
    assert_eq!(
        counts.protocols,
        [
            named("ipv4", 3, 1624),
            named("udp", 2, 124),
            named("tcp", 1, 1500),
            named("vlan", 1, 64),
            named("arp", 1, 42),
        ]
    );
    assert_eq!(counts.losses.undecoded, 1);
    assert_eq!(counts.interfaces[0].name.as_deref(), Some("eth0"));
    assert_eq!(counts.interfaces[0].count, counts.total);
}

#[test]
fn a_tunnel_counts_for_what_it_carries_too() {
    let tunnel = |inner| {
        let mut network = ip([10, 0, 0, 1], [10, 0, 0, 2], 47, Transport::None);
        if let Network::Ip(ip) = &mut network {
            ip.inner = Some(inner);
        }
        frame(network, 100)
    };
    let counts = snapshot(&mut counted([
        tunnel(Inner { is_v4: false, protocol: 6 }),
        tunnel(Inner { is_v4: true, protocol: 47 }),
    ]));
    let expected =
        [named("gre", 2, 200), named("ipv4", 2, 200), named("ipv6", 1, 100), named("tcp", 1, 100)];
    assert_eq!(counts.protocols, expected);
    assert_eq!(counts.flows.len(), 1, "the tunnel's own ends");
    assert!(counts.ports.is_empty());
}

#[test]
fn losses_stand_beside_the_counts() {
    let mut frames: Vec<Frame<'_>> = (0..6).map(|port| frame(udp(port, 53), 60)).collect();
    frames[0].cut = true;
    let counts = snapshot(&mut counted(frames));
    assert_eq!(
        counts.losses,
        Losses { truncated: 1, flow_table: 2, ..Losses::default() },
        "four flows fit"
    );
    assert_eq!((counts.flows.len(), counts.flows_seen), (4, 6));
    assert_eq!((counts.ports_seen, counts.ports[0].count.packets), (1, 6), "ports lose nothing");
    assert_eq!(counts.unattributed, Some(Count { packets: 6, bytes: 360 }));
}

#[test]
fn tcp_flags_are_counted_once_each() {
    let counts = snapshot(&mut counted(
        [0x02, 0x12, 0x10, 0x11, 0x14, 0x04, 0xc2].map(|flags| frame(tcp(flags), 60)),
    ));
    assert_eq!(counts.tcp_flags, TcpFlagCounts { syn: 2, syn_ack: 1, fin: 1, rst: 2 });
    assert_eq!((counts.flows[0].flags_a_to_b, counts.flows[0].flags_b_to_a), (0xd7, 0));
}

#[test]
fn icmp_messages_have_names() {
    let echo = |kind| {
        ip([10, 0, 0, 1], [10, 0, 0, 2], 1, Transport::Icmp { kind, code: 0, ident: Some(7) })
    };
    let counts =
        snapshot(&mut counted([frame(echo(8), 98), frame(echo(0), 98), frame(echo(8), 98)]));
    let names: Vec<_> = counts.icmp.iter().map(|line| (&*line.name, line.packets)).collect();
    assert_eq!(names, [("echo request", 2), ("echo reply", 1)]);
    assert!(counts.ports.is_empty());
    let [flow] = &counts.flows[..] else { panic!("one flow") };
    let icmp = flow.icmp.as_ref().unwrap();
    assert_eq!((icmp.ident, flow.key().ident, flow.has_ports()), (Some(7), Some(7), false));
    assert_eq!(icmp.a_to_b.as_ref().map(|kind| &*kind.name), Some("echo request"));
    assert_eq!(icmp.b_to_a, None, "both went the same way");
}

#[test]
fn lists_are_cut_to_the_limits_and_say_how_much_there_was() {
    let frames = (1..=4u16).flat_map(|port| vec![frame(udp(port, 53), 60); usize::from(port)]);
    let mut counter = counted(frames);
    let limits = Limits { flows: 2, ports: 2, processes: 2 };
    let counts = counter.snapshot(&[], &limits, Listing::default());
    let ports: Vec<u16> = counts.ports.iter().map(|line| line.port).collect();
    assert_eq!((ports, counts.ports_seen), (vec![53], 1));
    let flows: Vec<u16> = counts.flows.iter().map(|flow| flow.a.port).collect();
    assert_eq!((flows, counts.flows_seen), (vec![4, 3], 4));

    let local = FlowEnd { addr: [10, 0, 0, 1].into(), port: 1 };
    let focus = FlowFocus { ip_protocol: 17, local, remote: None };
    let counts = counter.snapshot(&[], &limits, Listing { focus: Some(&focus), wanted: None });
    let flows: Vec<u16> = counts.flows.iter().map(|flow| flow.a.port).collect();
    assert_eq!(flows, [4, 3, 1], "the focus comes besides");
}

#[test]
fn the_span_reaches_from_the_first_to_the_last_time_stamp() {
    let mut counter = Counter::new();
    assert_eq!(snapshot(&mut counter).duration_ms, 0);
    for second in [7, 5, 9] {
        let time_ns = Some(second * 1_000_000_000);
        counter.count(&Frame { time_ns, ..frame(Network::Beyond, 60) });
    }
    let counts = snapshot(&mut counter);
    assert_eq!(counts.duration_ms, 4_000);
    assert_eq!(counts.first_at.map(|at| at.to_string()).as_deref(), Some("1970-01-01T00:00:05Z"));
}

fn owners(pid: u32) -> FlowOwners {
    let local = Endpoint::ip([10, 0, 0, 1], 1);
    let mut socket = Socket::new(Family::Ipv4, Protocol::Udp, State::Unconnected, local);
    let process = Process::named(pid, 0, "dig");
    socket.owners.push(Owner::new(None, Arc::new(process)));
    FlowOwners::new([&socket], [])
}

fn processes(counter: &mut Counter) -> Vec<(u32, u64)> {
    snapshot(counter).processes.iter().map(|line| (line.pid, line.count.packets)).collect()
}

#[test]
fn packets_before_and_after_the_socket_was_seen_are_its_process_s() {
    let mut counter = counted([frame(udp(1, 53), 60), frame(udp(2, 53), 60)]);
    counter.attribute(&FlowOwners::default());
    assert_eq!(processes(&mut counter), []);
    counter.attribute(&owners(7));
    assert_eq!(processes(&mut counter), [(7, 1)]);
    counter.count(&frame(udp(1, 53), 60));
    counter.attribute(&FlowOwners::default());
    assert_eq!(processes(&mut counter), [(7, 2)], "the socket is gone, its flow keeps the name");
    let flows = snapshot(&mut counter).flows;
    assert_eq!(flows[0].owner.as_ref().unwrap().pid, 7);
    assert_eq!(flows[1].owner, None);
}

#[test]
fn a_port_that_changes_hands_is_counted_for_each_hand() {
    let mut counter = counted([frame(udp(1, 53), 60)]);
    counter.attribute(&owners(7));
    counter.count(&frame(udp(1, 53), 60));
    counter.count(&frame(udp(1, 53), 60));
    counter.attribute(&owners(8));
    assert_eq!(processes(&mut counter), [(8, 2), (7, 1)]);
}

#[test]
fn what_is_made_of_flows_is_made_of_the_wanted_ones_alone() {
    let mut counter = counted([
        frame(udp(5000, 53), 60),
        frame(udp(5001, 53), 60),
        frame(udp(5002, 123), 90),
        frame(tcp(0x10), 1500),
    ]);
    let wanted = Wanted::new(|flow| flow.a.port == 53 || flow.b.port == 53);
    let listing = Listing { focus: None, wanted: Some(&wanted) };
    let counts = counter.snapshot(&[], &Limits::ALL, listing);
    assert_eq!((counts.flows.len(), counts.flows_wanted, counts.flows_seen), (2, Some(2), 4));
    assert!(counts.flows.iter().all(|flow| wanted.has(flow)));
    let ports: Vec<u16> = counts.ports.iter().map(|port| port.port).collect();
    assert_eq!(ports, [53]);
    assert_eq!(counts.ports[0].count, Count { packets: 2, bytes: 120 });
    assert_eq!(counts.unattributed, Some(Count { packets: 2, bytes: 120 }));
    assert_eq!(counts.hosts[0].count, Count { packets: 2, bytes: 120 });
    assert_eq!(counts.total.packets, 4, "totals are of everything");
    assert_eq!(snapshot(&mut counter).flows_wanted, None);
}
