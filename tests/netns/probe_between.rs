//! What stands between this host and the target: a router with rules of its own.

use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use crate::probe::{assert_fails, ip, probe};
use crate::probe_lies::{OtherHost, nft};
use crate::support::{in_namespace_with, wait_for};

/// A host with 10.78.0.3, and the router to it, 10.77.0.2, with these rules in a table of its own.
fn far_host(rules: &'static str) -> (OtherHost, OtherHost) {
    let router = OtherHost::new();
    let (far, tid) = OtherHost::unlinked();
    router.within(move || {
        ip(&format!("link add vC type veth peer name vD netns {}", tid.as_raw_nonzero()));
        ip("addr add 10.78.0.2/24 dev vC");
        ip("link set vC up");
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        nft(rules);
    });
    far.within(|| {
        ip("link set lo up");
        ip("addr add 10.78.0.3/24 dev vD");
        ip("link set vD up");
        ip("route add default via 10.78.0.2");
    });
    ip("route add 10.78.0.0/24 via 10.77.0.2");
    wait_for("the far host to answer", || (probe(&["icmp://10.78.0.3"]).0 == 0).then_some(()));
    (far, router)
}

fn rst_of(document: &Value) -> &Value {
    let stages = document["attempts"][0]["stages"].as_array().unwrap();
    &stages.iter().find(|stage| stage["name"] == "connect").unwrap()["detail"]["rst"]
}

#[test]
fn the_path_ends_at_the_target_or_where_somebody_rejects() {
    in_namespace_with(&["nft"], || {
        let (far, _router) = far_host(
            "table ip f { chain fw { type filter hook forward priority 0;
             tcp dport 81 reject with icmp type admin-prohibited }}",
        );
        let _listener = far.within(|| TcpListener::bind("10.78.0.3:80").unwrap());
        let (_, connected) = probe(&["tcp://10.78.0.3:80", "--path"]);
        let hops = connected["path"].as_array().unwrap();
        let told: Vec<_> = hops.iter().map(|hop| (&hop["address"], &hop["end"])).collect();
        let (first, last) = ("10.77.0.2".into(), "10.78.0.3".into());
        assert_eq!(told, [(&first, &Value::Null), (&last, &"connected".into())], "{connected}");
        let (_, document) = probe(&["tcp://10.78.0.3:81", "--path"]);
        let hops = document["path"].as_array().unwrap();
        let end = hops.last().unwrap();
        assert_eq!((&end["address"], &end["end"]), (&first, &"rejected".into()), "{document}");
    });
}

#[test]
fn an_rst_of_a_device_before_the_target_is_not_the_targets() {
    in_namespace_with(&["nft"], || {
        let (far, router) = far_host(
            "table ip f { chain fw { type filter hook forward priority 0;
             tcp dport 82 reject with tcp reset
             tcp dport 84 ct state established reject with tcp reset }}",
        );
        let refused = assert_fails(&["10.78.0.3:82"], "refused", "path", Some("ECONNREFUSED"));
        let text = refused["verdict"]["text"].as_str().unwrap();
        assert!(text.contains("a device before 10.78.0.3:82"), "{refused}");
        let rst = rst_of(&refused);
        assert_eq!((&rst["ttl"], &rst["echo_ttl"]), (&64.into(), &63.into()), "{refused}");
        // The target's own is the target's.
        let own = assert_fails(&["10.78.0.3:83"], "refused", "peer", Some("ECONNREFUSED"));
        assert_eq!(rst_of(&own)["before_target"], false, "{own}");
        // One that comes once the connection stands.
        let _listener = far.within(|| TcpListener::bind("10.78.0.3:84").unwrap());
        let reset = assert_fails(&["http://10.78.0.3:84/"], "reset", "path", Some("ECONNRESET"));
        let text = reset["verdict"]["text"].as_str().unwrap();
        assert!(text.contains("a device before 10.78.0.3:84"), "{reset}");
        assert_eq!(rst_of(&reset)["syn_ack_ttl"], 63, "{reset}");
        // A target that answers no echo, behind a gateway from whose link the RST comes.
        router.within(|| {
            nft("table ip e { chain fw { type filter hook forward priority 0;
                              icmp type echo-request drop }}");
        });
        let unheard = assert_fails(&["10.78.0.3:82"], "refused", "path", Some("ECONNREFUSED"));
        assert_eq!(rst_of(&unheard)["echo_ttl"], Value::Null, "{unheard}");
    });
}
