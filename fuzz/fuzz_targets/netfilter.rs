//! Any bytes are rules of nftables or iptables or an error, and following them ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockpit::inspect::nat::{Question, follow};
use sockpit::wire::netfilter::xtables::{self, INFO_LEN, Info};
use sockpit::wire::netfilter::{Origin, Ruleset, TableFamily, nft};
use sockpit::wire::netlink::{Reply, messages};

fuzz_target!(|bytes: &[u8]| {
    let mut ruleset = Ruleset::empty(Origin::Nftables);
    read(bytes, &mut ruleset);
    for message in messages(bytes).map_while(Result::ok) {
        if let Ok(Reply::Object(payload)) = message.reply() {
            read(payload, &mut ruleset);
        }
    }
    let mut rulesets = vec![ruleset];
    if let Some((info, entries)) = bytes.split_at_checked(INFO_LEN) {
        if let Ok(info) = Info::parse(info) {
            for family in [TableFamily::Ip, TableFamily::Ip6] {
                rulesets.extend(xtables::ruleset(family, "nat", &info, entries));
            }
        }
    }
    for udp in [false, true] {
        follow(&rulesets, &Question { port: 8080, udp, addr: None });
    }
});

/// Whatever the bytes may be: a mutation seldom gets the lengths around an object right.
fn read(payload: &[u8], ruleset: &mut Ruleset) {
    ruleset.chains.extend(nft::chain(payload).ok().flatten());
    ruleset.rules.extend(nft::rule(payload).ok().flatten());
    if let Ok(Some(mut set)) = nft::set(payload) {
        set.fill(nft::elements(payload).unwrap_or_default());
        ruleset.sets.push(set);
    }
}
