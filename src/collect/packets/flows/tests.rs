use super::*;
use crate::model::packets::FlowEnd;
use crate::wire::frame::{Application, TCP_RST};

fn packet(source: u32, port: u16) -> Ip {
    Ip {
        source: Address::V4(source),
        destination: Address::V4(0x0a00_0001),
        protocol: 17,
        transport: Transport::Ports { source: port, destination: 53, opens: false },
        fragment: None,
        inner: None,
    }
}

fn reply(to: &Ip) -> Ip {
    let (source, destination) = to.transport.ports().unwrap_or_default();
    Ip {
        source: to.destination,
        destination: to.source,
        transport: Transport::Ports { source: destination, destination: source, opens: false },
        ..*to
    }
}

fn seen(bytes: u32) -> Seen {
    let application = Application::Unknown;
    Seen { bytes, interface: 0, again: false, time_ns: 0, application, segment: None }
}

fn count(table: &mut FlowTable, ip: &Ip, bytes: u32) {
    let mut steps = [Step::NONE; BATCH];
    steps[0] = table.step(ip, &seen(bytes));
    table.count(&steps, 1);
}

#[test]
fn both_directions_are_one_flow() {
    let mut table = FlowTable::new(MAX_FLOWS);
    let request = packet(0x0a00_0002, 4000);
    count(&mut table, &request, 60);
    count(&mut table, &reply(&request), 100);
    count(&mut table, &reply(&request), 100);
    let [entry] = table.entries() else { panic!("one flow") };
    let flow = entry.flow();
    assert_eq!(flow.a.to_owned(), FlowEnd { addr: [10, 0, 0, 1].into(), port: 53 });
    assert_eq!(flow.count, Count { packets: 3, bytes: 260 });
    assert_eq!((flow.packets_a_to_b, flow.bytes_a_to_b), (2, 200));
    assert_eq!((flow.packets_b_to_a, flow.bytes_b_to_a), (1, 60));
}

fn tcp(source: u32, flags: u8) -> Ip {
    let transport = Transport::Tcp { source: 4000, destination: 80, flags: Some(flags) };
    Ip { protocol: 6, transport, ..packet(source, 0) }
}

fn sources(table: &FlowTable) -> Vec<u32> {
    let of = |entry: &Entry| match entry.id.b {
        Address::V4(number) => number,
        Address::V6(..) => 0,
    };
    table.entries().iter().map(of).collect()
}

#[test]
fn a_full_table_lets_the_oldest_that_ended_go_and_hands_out_what_they_counted() {
    const BASE: u32 = 0x0a00_0100;
    let mut table = FlowTable::new(8);
    for source in 0..8 {
        count(&mut table, &tcp(BASE + source, TCP_SYN), 60);
    }
    count(&mut table, &tcp(BASE + 5, TCP_RST), 60);
    count(&mut table, &tcp(BASE + 3, TCP_RST), 60);
    for new in 8..10 {
        count(&mut table, &tcp(BASE + new, TCP_SYN), 60);
    }
    assert_eq!(sources(&table), [0, 1, 2, 4, 6, 7, 8, 9].map(|source| BASE + source));
    let counts = |table: &mut FlowTable| -> Vec<u64> {
        table.take_evicted().iter().map(|(entry, _)| entry.count().packets).collect()
    };
    assert_eq!(counts(&mut table), [2, 2]);
    // None of the rest has ended: the one that was silent longest goes.
    count(&mut table, &tcp(BASE, TCP_ACK), 60);
    count(&mut table, &tcp(BASE + 10, TCP_SYN), 60);
    assert_eq!(sources(&table), [0, 2, 4, 6, 7, 8, 9, 10].map(|source| BASE + source));
    assert_eq!(counts(&mut table), [1]);
    assert!(!table.has_evicted());
}

#[test]
fn the_end_that_was_asked_for_a_connection_is_known() {
    let opened = |packets: &[Ip]| {
        let mut table = FlowTable::new(8);
        packets.iter().for_each(|packet| count(&mut table, packet, 60));
        table.entries()[0].was_opened_to_b()
    };
    let back = |flags| {
        let to = tcp(0x0a00_0002, 0);
        let transport = Transport::Tcp { source: 80, destination: 4000, flags: Some(flags) };
        Ip { source: to.destination, destination: to.source, transport, ..to }
    };
    // The server has the smaller address, so it is the smaller end.
    assert_eq!(opened(&[tcp(0x0a00_0002, TCP_SYN), back(TCP_SYN | TCP_ACK)]), Some(false));
    assert_eq!(opened(&[back(TCP_SYN | TCP_ACK)]), Some(false));
    assert_eq!(opened(&[back(TCP_SYN)]), Some(true));
    assert_eq!(opened(&[tcp(0x0a00_0002, TCP_ACK)]), None);
    assert_eq!(opened(&[tcp(0x0a00_0002, TCP_SYN), back(TCP_SYN)]), None, "opened at once");
}

#[test]
fn the_largest_table_tells_all_its_flows_apart() {
    let mut table = FlowTable::new(MAX_FLOWS);
    for _ in 0..2 {
        for number in 0..=u16::MAX {
            count(&mut table, &packet(0x0b00_0000 | u32::from(number % 256), number), 1);
        }
    }
    assert_eq!((table.entries().len(), table.has_evicted()), (MAX_FLOWS, false));
    assert!(table.entries().iter().all(|entry| entry.count().packets == 2));
}

#[test]
fn ipv6_addresses_that_differ_in_any_half_are_told_apart() {
    let mut table = FlowTable::new(MAX_FLOWS);
    let address = |bit: u32| match bit {
        0..64 => Address::V6(1 << bit, 0),
        _ => Address::V6(0, 1 << (bit - 64)),
    };
    for source in 0..128 {
        for destination in 0..128 {
            count(
                &mut table,
                &Ip {
                    source: address(source),
                    destination: address(destination),
                    protocol: 58,
                    transport: Transport::None,
                    fragment: None,
                    inner: None,
                },
                1,
            );
        }
    }
    // Unordered pairs, and each address with itself.
    assert_eq!(table.entries().len(), 128 * 127 / 2 + 128);
}

#[test]
fn packets_of_a_batch_count_as_if_they_came_alone() {
    let mut together = FlowTable::new(3_000);
    let mut alone = FlowTable::new(3_000);
    let mut random = 1u32;
    for _ in 0..2_000 {
        let mut steps = [Step::NONE; BATCH];
        for step in &mut steps {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let request = packet(random >> 20, (random >> 8) as u16 & 1);
            let ip = if random & 0x80 == 0 { request } else { reply(&request) };
            *step = together.step(&ip, &seen(random >> 24));
            count(&mut alone, &ip, random >> 24);
        }
        together.count(&steps, BATCH);
    }
    assert!(together.has_evicted());
    assert_eq!(together.take_evicted().len(), alone.take_evicted().len());
    let flows = |table: &FlowTable| -> Vec<_> { table.entries().iter().map(Entry::flow).collect() };
    assert_eq!(flows(&together), flows(&alone));
}
