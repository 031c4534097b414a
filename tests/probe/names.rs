//! Real name servers, asked by datagrams, by TLS and by HTTP/2.
//!
//! Written down for dnsmasq 2.90 and unbound 1.17 (Debian 12).

use crate::certificates::Authority;
use crate::servers::{Server, assert_verdict, shown, stage};
use crate::strangers::table;
use crate::support::in_namespace_with;

#[test]
fn dnsmasq() {
    in_namespace_with(&["dnsmasq"], || {
        let arguments = [
            "--no-daemon",
            "--no-resolv",
            "--no-hosts",
            "--port=53",
            "--user=root",
            "--group=root",
            "--pid-file=",
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--conf-file=/dev/null",
            "--address=/here.test/192.0.2.7",
            "--local=/test/",
        ];
        let _dnsmasq = Server::start("dnsmasq", &arguments, 53);
        let args = ["dns://127.0.0.1/here.test"];
        let document = assert_verdict(&args, "ok", None, "A 192.0.2.7");
        assert_eq!(stage(&document, "request")["rcode"], "NOERROR", "{document}");
        let document = assert_verdict(&["dns://127.0.0.1/nobody.test"], "ok", None, "NXDOMAIN");
        assert_eq!(document["summary"]["ok"], 1, "{document}");
        assert!(document["summary"]["p50_us"].is_u64(), "{document}");
        let args = ["dns://127.0.0.1/elsewhere.example"];
        assert_verdict(&args, "refused", Some("peer"), "REFUSED");
        let args = ["dns://127.0.0.1:54/here.test"];
        assert_verdict(&args, "refused", Some("peer"), "UDP port 54");
    });
}

#[test]
fn unbound() {
    in_namespace_with(&["unbound", "openssl"], || {
        let authority = Authority::new();
        let good = authority.good("good", "localhost");
        let directory = tempfile::tempdir().unwrap();
        let at = shown(directory.path());
        let configuration = format!(
            "server:\n username: \"\"\n chroot: \"\"\n directory: \"{at}\"\n pidfile: \"\"\n use-syslog: no\n\
             interface: 127.0.0.1@53\n interface: 127.0.0.1@853\n interface: 127.0.0.1@443\n\
             https-port: 443\n tls-service-key: \"{}\"\n tls-service-pem: \"{}\"\n\
             local-zone: \"here.test.\" static\n local-data: \"here.test. A 192.0.2.7\"\n\
             module-config: \"iterator\"\n do-ip6: no\nremote-control:\n control-enable: no\n",
            shown(&good.key),
            shown(&good.chain),
        );
        let file = directory.path().join("conf");
        std::fs::write(&file, configuration).unwrap();
        let arguments = ["-d", "-p", "-c", &shown(&file)];
        let _unbound = Server::start_in(directory, "unbound", &arguments, 853);
        let ca = authority.file();
        for scheme in ["dns", "dot", "doh"] {
            let asked = |name: &str, ok: bool, word: &str| {
                let target = format!("{scheme}://localhost/{name}");
                let (outcome, side) = if ok { ("ok", None) } else { ("refused", Some("peer")) };
                assert_verdict(&[&target, "-4", "--ca", &ca], outcome, side, word)
            };
            let document = asked("here.test", true, "A 192.0.2.7");
            assert_eq!(stage(&document, "request")["rcode"], "NOERROR", "{document}");
            asked("nobody.here.test", true, "NXDOMAIN");
            // There is no way to any other server.
            asked("elsewhere.example", false, "SERVFAIL");
        }
        table(
            53,
            &[
                ("http", ("timeout", Some("peer"), "says nothing within")),
                ("tls", ("timeout", Some("peer"), "does not answer the TLS handshake")),
                ("tcp", ("ok", None, "answers in")),
            ],
        );
        // It speaks HTTP/2 alone.
        let args = ["https://localhost", "-4", "--ca", &ca];
        assert_verdict(&args, "closed", Some("peer"), "without a word");
    });
}
