//! MariaDB: the upgrade to TLS, and connections without a login, which it counts as errors: probes lock
//! nobody out.
//!
//! Written down for MariaDB 10.11 (Debian 12).

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::Authority;
use crate::servers::{Server, assert_verdict, shown, stage};
use crate::support::{in_namespace_with, run};

/// How many errors the server forgives.
const FORGIVEN: usize = 5;

/// An address of this host that is not the loopback's own: that one is never locked out.
const HOST: &str = "192.0.2.9";

/// MariaDB on port 3306 with a data directory of its own, and these options besides.
fn start_mariadb(directory: TempDir, more: &[&str]) -> Server {
    let at = |name: &str| directory.path().join(name).display().to_string();
    let data = format!("--datadir={}", at("data"));
    // Temporary tables are named by the process id, which is the same in every PID namespace.
    let temporary = format!("--tmpdir={}", directory.path().display());
    let install = ["--no-defaults", "--user=root", &data, &temporary];
    run(Command::new("mariadb-install-db").args(install));
    // From a host without any user the server does not even greet.
    fs::write(at("init"), "CREATE USER 'somebody'@'%' IDENTIFIED BY 'secret';\n").unwrap();
    let mut arguments = vec![
        "--no-defaults".to_owned(),
        "--user=root".to_owned(),
        data,
        temporary,
        format!("--socket={}", at("socket")),
        format!("--pid-file={}", at("pid")),
        format!("--init-file={}", at("init")),
        "--port=3306".to_owned(),
    ];
    arguments.extend(more.iter().map(|option| (*option).to_owned()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Server::start_in(directory, "mariadbd", &arguments, 3306)
}

#[test]
fn mariadb_is_asked_for_tls() {
    in_namespace_with(&["mariadbd", "openssl"], || {
        let authority = Authority::new();
        let good = authority.good("good", "localhost");
        let (chain, key) = (shown(&good.chain), shown(&good.key));
        let secured = [format!("--ssl-cert={chain}"), format!("--ssl-key={key}")];
        let secured: Vec<&str> = secured.iter().map(String::as_str).collect();
        let server = start_mariadb(tempfile::tempdir().unwrap(), &secured);
        let ca = authority.file();
        let args = ["mysql://localhost", "-4", "--starttls", "--ca", &ca];
        let document = assert_verdict(&args, "ok", None, "MariaDB");
        assert_eq!(stage(&document, "tls")["fault"], Value::Null, "{document}");
        assert!(stage(&document, "tls")["version"].is_string(), "{document}");
        // Whom the server takes for an anonymous user is in.
        assert!(stage(&document, "request")["logged_in"].is_boolean(), "{document}");
        // A certificate that nobody vouches for is a fault, and the login goes on.
        let args = ["mysql://localhost", "-4", "--starttls"];
        let document = assert_verdict(&args, "tls_failed", Some("peer"), "");
        assert!(stage(&document, "request")["logged_in"].is_boolean(), "{document}");
        drop(server);
        let _plain = start_mariadb(tempfile::tempdir().unwrap(), &["--skip-ssl"]);
        let args = ["mysql://localhost", "-4", "--starttls"];
        let document = assert_verdict(&args, "tls_failed", Some("peer"), "no upgrade to TLS");
        assert_eq!(stage(&document, "tls"), &Value::Null, "{document}");
    });
}

#[test]
fn mariadb_locks_nobody_out_who_is_probed_by_its_protocol() {
    // The package has both; `mariadb-install-db --version` would install into the machine's own
    // data directory.
    in_namespace_with(&["mariadbd"], || {
        run(Command::new("ip").args(["addr", "add", &format!("{HOST}/32"), "dev", "lo"]));
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        // Only hosts that have a name are counted.
        fs::write(at("hosts"), format!("127.0.0.1 localhost\n{HOST} probe.example\n")).unwrap();
        run(Command::new("mount").args(["--bind", &at("hosts"), "/etc/hosts"]));
        let more = format!("--max-connect-errors={FORGIVEN}");
        let _server = start_mariadb(directory, &[&more]);

        let target = format!("mysql://{HOST}");
        for _ in 0..2 * FORGIVEN {
            let document = assert_verdict(&[&target, "--source", HOST], "ok", None, "MariaDB");
            assert!(document.to_string().contains("Access denied for user"), "{document}");
        }
        // One that listens first, as it knows nothing of the port, learns from what greets it.
        let listening = format!("tcp://{HOST}:3306");
        let args = [listening.as_str(), "--source", HOST, "--count", "8", "--interval", "1ms"];
        let document = assert_verdict(&args, "ok", None, "MariaDB");
        assert_eq!(document["summary"]["ok"], 8, "{document}");
        assert_verdict(&[&target, "--source", HOST], "ok", None, "MariaDB");
        // What the probes must not do, so that the test would notice: greet and go.
        let addr: SocketAddr = format!("{HOST}:3306").parse().unwrap();
        for _ in 0..FORGIVEN {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
            let socket = socket.unwrap();
            socket.bind(&format!("{HOST}:0").parse::<SocketAddr>().unwrap().into()).unwrap();
            socket.connect(&addr.into()).unwrap();
            let mut stream = TcpStream::from(socket);
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            stream.shutdown(std::net::Shutdown::Both).unwrap();
        }
        let locked_out = crate::support::wait_for("the host to be locked out", || {
            let (code, document) = crate::servers::probe(&[&target, "--source", HOST]);
            (code == 1).then_some(document)
        });
        assert_eq!(locked_out["verdict"]["outcome"], "refused", "{locked_out}");
        assert!(locked_out.to_string().contains("is blocked because of"), "{locked_out}");
    });
}
