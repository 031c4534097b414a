//! A flow of packets in words.

use super::clean::clean_to;
use super::units;
use crate::model::packets::{Flow, FlowIcmp};

/// Letters of a server's name that are shown.
const MOST_OF_NAME: usize = 40;

/// What it carries, and the name that its server goes by: `tls example.net`,
/// `echo request, echo reply, ident 7`.
pub fn application(flow: &Flow) -> String {
    if let Some(icmp) = &flow.icmp {
        return messages(icmp);
    }
    let name = flow.application.as_deref().unwrap_or(units::UNKNOWN);
    match &flow.server {
        Some(server) => format!("{name} {}", clean_to(server, MOST_OF_NAME)),
        None => name.to_owned(),
    }
}

/// The message that asks comes first, where it is known which one does.
fn messages(icmp: &FlowIcmp) -> String {
    let is_answer = |kind: u8| matches!(kind, 0 | 129);
    let mut kinds = [&icmp.a_to_b, &icmp.b_to_a];
    if kinds[0].as_ref().is_some_and(|kind| is_answer(kind.r#type)) {
        kinds.reverse();
    }
    let mut words: Vec<String> =
        kinds.into_iter().flatten().map(|kind| kind.name.to_string()).collect();
    words.dedup();
    words.extend(icmp.ident.map(|ident| format!("ident {ident}")));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::packets::IcmpKind;

    fn kind(number: u8, name: &'static str) -> Option<IcmpKind> {
        Some(IcmpKind { r#type: number, code: 0, name: name.into() })
    }

    #[test]
    fn who_asks_comes_first() {
        let (request, reply) = (kind(8, "echo request"), kind(0, "echo reply"));
        let both = "echo request, echo reply, ident 7";
        for (a_to_b, b_to_a, text) in [
            (request.clone(), reply.clone(), both),
            (reply, request.clone(), both),
            (None, request, "echo request, ident 7"),
        ] {
            assert_eq!(messages(&FlowIcmp { ident: Some(7), a_to_b, b_to_a }), text);
        }
        let unreachable = kind(3, "port unreachable");
        let icmp = FlowIcmp { ident: None, a_to_b: unreachable.clone(), b_to_a: unreachable };
        assert_eq!(messages(&icmp), "port unreachable");
    }
}
