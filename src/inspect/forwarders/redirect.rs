//! Where packets for a port go by rules of this host, in one sentence: for those who look for
//! a holder of the port and find none.

use std::net::IpAddr;

use super::{Forwarders, Held};
use crate::inspect::nat::{Question, follow};
use crate::model::why::Forward;
use crate::sys::nat_rules;
use crate::text::forwarder as words;
use crate::wire::netfilter::Ruleset;

/// `packets to 8080/tcp from outside go to 172.17.0.2:80, container web (docker), by a rule of
/// nftables`; `None` where no rule sends them away, or where rules may not be read. Names are
/// uncleaned. Blocks, as [`Forwarders::of`] does.
pub fn redirect(held: Held) -> Option<String> {
    let rules = nat_rules::read().ok()?;
    let question = Question { port: held.port, udp: held.udp, addr: None };
    let forwards = follow(&rules, &question).forwards;
    let forward = forwards.first()?;
    let port = forward.port.unwrap_or(held.port);
    let behind = forward.addr.filter(|_| !forward.to_this_host);
    let behind = behind.and_then(|addr| Forwarders::look().at(addr, Held { port, ..held }));
    let container = behind.and_then(|behind| behind.container);
    let container = container.map(|container| format!(", {},", words::container(&container)));
    Some(sentence(held, &forwards, container.as_deref()))
}

/// The rules that send packets for a port to a place, told by its address and port.
pub(super) fn to(
    rules: &[Ruleset],
    held: Held,
    is_it: &dyn Fn(IpAddr, u16) -> bool,
) -> Vec<Forward> {
    let question = Question { port: held.port, udp: held.udp, addr: None };
    let mut forwards = follow(rules, &question).forwards;
    forwards.retain(|forward| {
        let addr = forward.addr.filter(|_| !forward.to_this_host);
        addr.is_some_and(|addr| is_it(addr, forward.port.unwrap_or(held.port)))
    });
    forwards
}

fn sentence(held: Held, forwards: &[Forward], container: Option<&str>) -> String {
    let (first, from) = (&forwards[0], words::origin(forwards));
    let others = forwards.iter().any(|it| words::destination(it) != words::destination(first));
    let others = if others { " or elsewhere" } else { "" };
    let protocol = if held.udp { "udp" } else { "tcp" };
    format!(
        "packets to {}/{protocol}{from} go to {}{}{others} by a rule of {}",
        held.port,
        words::destination(first),
        container.unwrap_or_default(),
        first.rule.program,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::why::{ForwardFrom, ForwardRule};

    #[test]
    fn it_is_said_where_packets_go() {
        let forward = |from, port| Forward {
            from,
            addr: Some([172, 17, 0, 2].into()),
            to_this_host: false,
            port: Some(port),
            rule: ForwardRule {
                program: "nftables".to_owned(),
                family: "ip".to_owned(),
                table: "nat".to_owned(),
                chain: "DOCKER".to_owned(),
                handle: 9,
            },
            conditions: Vec::new(),
        };
        let held = Held { port: 8401, udp: false };
        let outside = forward(ForwardFrom::Outside, 80);
        assert_eq!(
            sentence(held, std::slice::from_ref(&outside), Some(", container web (docker),")),
            "packets to 8401/tcp from outside go to 172.17.0.2:80, container web (docker), by a \
             rule of nftables"
        );
        let two = [outside, forward(ForwardFrom::ThisHost, 81)];
        assert_eq!(
            sentence(held, &two, None),
            "packets to 8401/tcp go to 172.17.0.2:80 or elsewhere by a rule of nftables"
        );
    }
}
