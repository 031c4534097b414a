//! Through real proxies: dante for SOCKS.

use crate::servers::{Server, assert_verdict, stage};
use crate::support::in_namespace_with;

#[test]
fn dante() {
    in_namespace_with(&["danted", "nginx"], || {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("conf");
        std::fs::write(
            &file,
            "logoutput: stderr\ninternal: 127.0.0.1 port = 1080\nexternal: lo\n\
             clientmethod: none\nsocksmethod: none\nuser.privileged: root\n\
             user.unprivileged: root\n\
             client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n\
             socks block { from: 0.0.0.0/0 to: 0.0.0.0/0 port = 82 }\n\
             socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n",
        )
        .unwrap();
        let file = file.display().to_string();
        let _dante = Server::start_in(directory, "danted", &["-f", &file], 1080);
        let _nginx =
            Server::nginx("server { listen 127.0.0.1:80; location / { return 404; } }", 80);
        assert_verdict(&["socks5://127.0.0.1"], "ok", None, "SOCKS 5");
        let via = ["--via", "socks5://127.0.0.1:1080"];
        let args = |target| [target, via[0], via[1]];
        let document = assert_verdict(&args("http://127.0.0.1"), "ok", None, "HTTP 404");
        assert_eq!(stage(&document, "proxy")["status"], 0, "{document}");
        let args_closed = args("http://127.0.0.1:81");
        assert_verdict(&args_closed, "refused", Some("peer"), "the target refuses");
        let args_forbidden = args("http://127.0.0.1:82");
        assert_verdict(&args_forbidden, "refused", Some("path"), "rules forbid");
        let none = ["http://127.0.0.1", "--via", "socks5://127.0.0.1:80"];
        assert_verdict(&none, "protocol_error", Some("path"), "it speaks HTTP");
        let closed = ["http://127.0.0.1", "--via", "socks5://127.0.0.1:1081"];
        assert_verdict(&closed, "refused", Some("path"), "the proxy is not reached");
    });
}
