//! Asking a flow of packets. Its keys mean what they mean of a socket; which of its ends is the
//! local one is not known, so that it has no keys for one side alone.

use crate::model::packets::{Flow, FlowEnd, FlowOwner};
use crate::model::socket::{Endpoint, Family, Protocol};
use crate::query::ast::Test;
use crate::query::eval::{Match, Row, any, known};
use crate::query::key::{Key, NumberKey, Side, TextKey};

impl Row for Flow {
    fn ask(&self, test: &Test) -> Match {
        match test {
            Test::Number { key, set } => number(*key, self, |number| set.contains(number)),
            Test::Address { set, .. } => {
                any([self.a, self.b], |end| set.contains(&endpoint(self, end)).into())
            }
            Test::Name(set) => set.holds(protocol(self), family(self)).into(),
            Test::Text { key: TextKey::Name, patterns, .. } => {
                owner(self, |owner| patterns.iter().any(|pattern| pattern.matches(&owner.name)))
            }
            Test::Present(Key::Number(key)) => number(*key, self, |_| true),
            Test::Present(Key::Text(TextKey::Name)) => owner(self, |_| true),
            Test::Present(Key::Set(_) | Key::Address(_)) => Match::Yes,
            Test::PortOrPid(wanted) => {
                let is_wanted = |number| number == u64::from(*wanted);
                let ports = number(NumberKey::Port(Side::Either), self, is_wanted);
                ports.or(number(NumberKey::Pid, self, is_wanted))
            }
            Test::Word(word) => {
                let is_shown = word.is_in(&self.protocol)
                    || [self.a, self.b].iter().any(|end| word.is_at(&endpoint(self, *end)));
                if is_shown { Match::Yes } else { owner(self, |owner| word.is_in(&owner.name)) }
            }
            // Keys that flows do not have are refused where a query is read.
            Test::Text { .. } | Test::Option(_) | Test::Present(_) => Match::Inapplicable,
        }
    }
}

fn number(key: NumberKey, flow: &Flow, holds: impl Fn(u64) -> bool) -> Match {
    match key {
        NumberKey::Port(_) if !flow.has_ports() => Match::No,
        NumberKey::Port(_) => any([flow.a, flow.b], |end| holds(end.port.into()).into()),
        NumberKey::Pid => owner(flow, |owner| holds(owner.pid.into())),
        _ => Match::Inapplicable,
    }
}

/// A flow within this host has a process at either end.
fn owner(flow: &Flow, holds: impl Fn(&FlowOwner) -> bool) -> Match {
    let at_ends = || flow.owner_a.iter().chain(&flow.owner_b);
    known(flow.owner.as_ref(), |owner| holds(owner) || at_ends().any(&holds))
}

fn endpoint(flow: &Flow, end: FlowEnd) -> Endpoint {
    let ip = Endpoint::ip(end.addr, end.port);
    if flow.has_ports() { ip } else { Endpoint { port: None, ..ip } }
}

/// By its number (IANA's protocol numbers); `None` for what sockets do not have.
fn protocol(flow: &Flow) -> Option<Protocol> {
    match flow.ip_protocol {
        1 | 58 => Some(Protocol::Icmp),
        6 => Some(Protocol::Tcp),
        17 => Some(Protocol::Udp),
        136 => Some(Protocol::Udplite),
        _ => None,
    }
}

fn family(flow: &Flow) -> Family {
    if flow.a.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
}

#[cfg(test)]
mod tests {
    use crate::model::packets::{Count, Flow, FlowEnd, FlowOwner};
    use crate::query::{Query, Saved, Table, Truth};

    fn flow(ip_protocol: u8, ports: [u16; 2], owner: Option<(u32, &str)>) -> Flow {
        let end = |last, port| FlowEnd { addr: [10, 0, 0, last].into(), port };
        Flow {
            protocol: if ip_protocol == 6 { "tcp" } else { "icmp" }.into(),
            ip_protocol,
            a: end(5, ports[0]),
            b: end(7, ports[1]),
            count: Count { packets: 1, bytes: 60 },
            packets_a_to_b: 1,
            bytes_a_to_b: 60,
            packets_b_to_a: 0,
            bytes_b_to_a: 0,
            flags_a_to_b: 0,
            flags_b_to_a: 0,
            owner: owner.map(|(pid, name)| FlowOwner { pid, name: name.into() }),
            owner_a: None,
            owner_b: None,
            application: None,
            server: None,
            tcp: None,
            icmp: None,
            icmp_errors: 0,
            icmp_error: None,
            interfaces: Vec::new(),
        }
    }

    fn ask(text: &str, flow: &Flow) -> Truth {
        let query = Query::parse_for(&Table::FLOWS, text, &Saved::default()).unwrap();
        query.matches_flow(flow)
    }

    #[test]
    fn keys_mean_of_a_flow_what_they_mean_of_a_socket() {
        let web = flow(6, [443, 51544], Some((812, "nginx")));
        let yes = ["port:443", "port:51000..", "addr:10.0.0.7", "10.0.0.0/24", "proto:tcp", "443"];
        for text in yes.into_iter().chain(["name:nginx", "pid:812", "nginx", "!proto:udp", "*"]) {
            assert_eq!(ask(text, &web), Truth::Yes, "{text}");
        }
        for text in ["port:80", "addr:10.1.0.0/16", "proto:icmp", "name:curl", "!443", "curl"] {
            assert_eq!(ask(text, &web), Truth::No, "{text}");
        }
    }

    #[test]
    fn an_unknown_owner_decides_nothing_and_a_ping_has_no_port() {
        let ping = flow(1, [0, 0], None);
        for text in ["name:ping", "!name:ping", "pid:1", "name:*"] {
            assert_eq!(ask(text, &ping), Truth::Undecided, "{text}");
        }
        for text in ["port:0", "port:*", "proto:tcp"] {
            assert_eq!(ask(text, &ping), Truth::No, "{text}");
        }
        assert_eq!(ask("proto:icmp !port:0", &ping), Truth::Yes);
    }

    #[test]
    fn a_key_that_flows_do_not_have_is_refused_where_it_stands() {
        let refused = |text: &str, saved: &Saved| {
            Query::parse_for(&Table::FLOWS, text, saved).unwrap_err().to_string()
        };
        let text = refused("port:1 recvq:1..", &Saved::default());
        assert_eq!(
            text,
            "query column 8: flows have no key `recvq`; they have port addr proto family pid name"
        );
        assert!(refused("backlog:1", &Saved::default()).contains("no key `backlog`"));
        let saved = Saved::new([("full", "backlog:80%.."), ("web", "port:80")]).unwrap();
        let text = refused("@full", &saved);
        assert!(text.contains("@full is no filter of flows: it asks for `backlog`"), "{text}");
        assert!(Query::parse_for(&Table::FLOWS, "@web", &saved).is_ok());
        assert_eq!(saved.tables_of("full"), ["sockets"]);
        assert_eq!(saved.tables_of("web"), ["sockets", "flows"]);
    }

    #[test]
    fn help_and_completion_offer_the_keys_of_the_table() {
        let help = Table::FLOWS.help_text();
        assert!(help.contains("  port ") && !help.contains("recvq"), "{help}");
        let offers = |text: &str, rows: &[Flow]| -> Vec<String> {
            let offers = crate::query::complete_flows(text, text.len(), &Saved::default(), rows);
            offers.into_iter().map(|offer| offer.text).collect()
        };
        assert_eq!(offers("p", &[]), ["port:", "proto:", "pid:"]);
        let web = flow(6, [443, 51544], Some((812, "nginx")));
        assert_eq!(offers("name:", std::slice::from_ref(&web)), ["nginx"]);
        assert_eq!(offers("port:4", &[web]), ["443"]);
    }
}
