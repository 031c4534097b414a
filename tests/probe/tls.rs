//! TLS of a real nginx, with a certificate of every fault.

use crate::certificates::{Authority, Certificate};
use crate::servers::{Server, assert_verdict, shown, stage};
use crate::support::in_namespace_with;

const PROGRAMS: [&str; 2] = ["nginx", "openssl"];

fn block(port: u16, certificate: &Certificate, more: &str) -> String {
    format!(
        "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {}; return 404; {more} }}\n",
        shown(&certificate.chain),
        shown(&certificate.key)
    )
}

#[test]
fn each_fault_of_a_certificate_is_told_apart_and_the_probe_goes_on() {
    in_namespace_with(&PROGRAMS, || {
        let authority = Authority::new();
        let good = authority.good("good", "localhost");
        let expired =
            authority.signed("expired", "localhost", "20200101000000Z", "20210101000000Z");
        let early = authority.signed("early", "localhost", "20900101000000Z", "20910101000000Z");
        let other = authority.good("other", "other.example");
        let own = authority.self_signed("own", "rsa:2048");
        let weak = authority.self_signed("weak", "rsa:1024");
        let _nginx = Server::nginx(
            &[
                block(5001, &good, "ssl_protocols TLSv1.3;"),
                block(5002, &expired, ""),
                block(5003, &early, ""),
                block(5004, &other, ""),
                block(5005, &own, ""),
                block(5006, &weak, "ssl_ciphers DEFAULT@SECLEVEL=0;"),
                block(5007, &good, "ssl_protocols TLSv1.2;"),
                block(5008, &good, "ssl_protocols TLSv1.1; ssl_ciphers DEFAULT@SECLEVEL=0;"),
            ]
            .concat(),
            5001,
        );
        let ca = authority.file();
        for (port, fault, word) in [
            (5002, "expired", "has expired at 2021-01-01"),
            (5003, "not_yet_valid", "counts only from 2090-01-01"),
            (5004, "wrong_name", "is for other.example, not for localhost"),
            (5005, "self_signed", "signed by itself"),
        ] {
            let target = format!("https://localhost:{port}");
            let args = [target.as_str(), "--ca", &ca];
            let document = assert_verdict(&args, "tls_failed", Some("peer"), word);
            assert_eq!(stage(&document, "tls")["fault"], fault, "{document}");
            // The later stages ran all the same.
            assert_eq!(stage(&document, "request")["status"], 404, "{document}");
        }
        // Alert 70 is about the version, and says nothing of ciphers.
        let args = ["https://localhost:5008", "--ca", &ca];
        let document = assert_verdict(&args, "tls_failed", Some("peer"), "alert 70");
        let tls = stage(&document, "tls");
        assert_eq!((&tls["fault"], &tls["alert"]), (&"no_common_version".into(), &70.into()));
        // An authority that nobody knows.
        let args = ["https://localhost:5001"];
        let document = assert_verdict(&args, "tls_failed", Some("peer"), "CN=authority");
        assert_eq!(stage(&document, "tls")["fault"], "unknown_issuer", "{document}");
        // Trusted by name, its weakness is what is left.
        let weak = shown(&weak.chain);
        let args = ["tls://localhost:5006", "--ca", &weak];
        let document = assert_verdict(&args, "tls_failed", Some("peer"), "RSA 1024");
        assert_eq!(stage(&document, "tls")["fault"], "weak", "{document}");
        // A certificate that is its own authority is trusted where the user says so.
        let own = shown(&own.chain);
        assert_verdict(&["tls://localhost:5005", "--ca", &own], "ok", None, "speaks TLSv1");

        let args = ["https://localhost:5001", "--ca", &ca];
        let document = assert_verdict(&args, "ok", None, "HTTP 404");
        let tls = stage(&document, "tls");
        assert_eq!((&tls["version"], &tls["alpn"]), (&"TLSv1.3".into(), &"http/1.1".into()));
        assert_eq!((&tls["fault"], &tls["group"]), (&serde_json::Value::Null, &"X25519".into()));
        let own = &tls["peer"][0];
        assert_eq!(
            (&own["subject"], &own["issuer"]),
            (&"CN=localhost".into(), &"CN=authority".into())
        );
        assert_eq!((&own["names"][0], &own["key"]), (&"localhost".into(), &"EC P-256".into()));
        assert!(own["days_left"].as_i64().unwrap() > 20_000, "{document}");
        let args = ["https://localhost:5007", "--ca", &ca];
        let document = assert_verdict(&args, "ok", None, "HTTP 404");
        assert_eq!(stage(&document, "tls")["version"], "TLSv1.2", "{document}");
        // Another name is asked for, and the address is another's.
        let args = ["https://other.example:5004", "--at", "127.0.0.1", "--ca", &ca];
        assert_verdict(&args, "ok", None, "HTTP 404");
        let args = ["https://localhost:5004", "--sni", "other.example", "--ca", &ca];
        assert_verdict(&args, "ok", None, "HTTP 404");
    });
}

#[test]
fn a_required_client_certificate_is_named_whenever_the_server_says_so() {
    in_namespace_with(&PROGRAMS, || {
        let authority = Authority::new();
        let good = authority.good("good", "localhost");
        let client = authority.good("client", "somebody");
        let ca = authority.file();
        let verify = format!("ssl_client_certificate {ca}; ssl_verify_client on;");
        let _nginx = Server::nginx(
            &[block(5011, &good, &verify), block(5012, &good, "ssl_reject_handshake on;")].concat(),
            5011,
        );
        let args = ["https://localhost:5011", "--ca", &ca];
        let document = assert_verdict(&args, "tls_failed", Some("peer"), "--cert");
        assert_eq!(stage(&document, "tls")["client_certificate_asked"], true, "{document}");
        let (chain, key) = (shown(&client.chain), shown(&client.key));
        let args = ["https://localhost:5011", "--ca", &ca, "--cert", &chain, "--key", &key];
        assert_verdict(&args, "ok", None, "HTTP 404");
        let args = ["https://localhost:5012", "--ca", &ca];
        let document = assert_verdict(&args, "tls_failed", Some("peer"), "alert 112");
        assert_eq!(stage(&document, "tls")["fault"], "unrecognized_name", "{document}");

        // openssl's own server makes the handshake fail: in TLS 1.3 only after it has succeeded.
        for (port, version) in [(5013, "-tls1_3"), (5014, "-tls1_2")] {
            let (chain, key) = (shown(&good.chain), shown(&good.key));
            let port_text = port.to_string();
            let _server = Server::start(
                "openssl",
                &[
                    "s_server",
                    "-accept",
                    &port_text,
                    "-cert",
                    &chain,
                    "-key",
                    &key,
                    "-CAfile",
                    &ca,
                    "-Verify",
                    "1",
                    "-verify_return_error",
                    version,
                    "-www",
                ],
                port,
            );
            let target = format!("tls://localhost:{port}");
            let args = [target.as_str(), "--ca", &ca, "-4"];
            assert_verdict(&args, "tls_failed", Some("peer"), "wants a certificate of the client");
        }
    });
}
