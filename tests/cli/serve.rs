//! `sockpit serve`: each manner as a client meets it, and what it prints.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::support::sockpit;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server.
struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    addr: SocketAddr,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let mut command = sockpit();
        command.arg("serve").args(args).arg("--jsonl").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child, lines, addr: "127.0.0.1:0".parse().unwrap() };
        let first = server.event();
        assert!(["listening", "held"].contains(&first["event"].as_str().unwrap()), "{first}");
        server.addr = first["addr"].as_str().unwrap().parse().unwrap();
        server
    }

    fn event(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Reads events up to the first of this name.
    fn seen(&mut self, name: &str) -> Value {
        loop {
            let event = self.event();
            if event["event"] == name {
                return event;
            }
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect_timeout(&self.addr, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(stream: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).map(|_| all)
}

#[test]
fn echo_sends_back_what_comes_and_tells_of_it() {
    let mut server = Server::start(&["tcp", "0", "--count", "1"]);
    let mut stream = server.connect();
    stream.write_all(b"hello\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read(&mut stream).unwrap(), b"hello\n");
    let accepted = server.event();
    assert_eq!((&accepted["event"], &accepted["connection"]), (&"accepted".into(), &1.into()));
    assert_eq!(accepted["peer"], stream.local_addr().unwrap().to_string());
    let received = server.event();
    assert_eq!((&received["bytes"], &received["text"]), (&6.into(), &"hello\n".into()));
    assert_eq!(received["raw_hex"], "68656c6c6f0a");
    let ended = server.seen("ended");
    assert_eq!((&ended["by"], &ended["how"]), (&"peer".into(), &"fin".into()));
    assert_eq!((&ended["bytes_received"], &ended["bytes_sent"]), (&6.into(), &6.into()));
    assert_eq!(server.child.wait().unwrap().code(), Some(0), "--count 1 ends it");
}

#[test]
fn a_peer_that_hangs_says_nothing_and_sees_the_end() {
    let mut server = Server::start(&["tcp", "0", "--hang"]);
    let mut stream = server.connect();
    stream.write_all(b"hello?").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let error = stream.read(&mut [0; 8]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    drop(stream);
    assert_eq!(server.seen("ended")["by"], "peer");
}

#[test]
fn discard_reads_and_says_nothing() {
    let mut server = Server::start(&["tcp", "0", "--discard"]);
    let mut stream = server.connect();
    stream.write_all(b"hello").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read(&mut stream).unwrap(), b"");
    let ended = server.seen("ended");
    assert_eq!((&ended["bytes_received"], &ended["bytes_sent"]), (&5.into(), &0.into()));
}

#[test]
fn close_ends_with_fin_and_reset_with_rst() {
    let server = Server::start(&["tcp", "0", "--close"]);
    assert_eq!(read(&mut server.connect()).unwrap(), b"");
    let server = Server::start(&["tcp", "0", "--reset"]);
    let error = read(&mut server.connect()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let mut server = Server::start(&["tcp", "0", "--reset-on-data"]);
    let mut stream = server.connect();
    assert_eq!(server.event()["event"], "accepted");
    stream.write_all(b"x").unwrap();
    assert_eq!(read(&mut stream).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let ended = server.seen("ended");
    assert_eq!((&ended["by"], &ended["how"]), (&"us".into(), &"rst".into()));
}

#[test]
fn after_so_many_connections_further_ones_are_refused() {
    let mut server = Server::start(&["tcp", "0", "--refuse-after", "1"]);
    let _first = server.connect();
    assert_eq!(server.seen("refusing")["after"], 1);
    let error = TcpStream::connect_timeout(&server.addr, PATIENCE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let server = Server::start(&["tcp", "0", "--refuse-after", "0"]);
    let error = TcpStream::connect_timeout(&server.addr, PATIENCE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(TcpListener::bind(server.addr).unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[test]
fn a_full_accept_queue_leaves_connects_without_an_answer() {
    let mut server = Server::start(&["tcp", "0", "--queue-full"]);
    assert_eq!(server.event()["event"], "queue_full");
    let tried = TcpStream::connect_timeout(&server.addr, Duration::from_millis(700));
    assert_eq!(tried.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[test]
fn a_greeting_is_said_first_and_slowly() {
    let server = Server::start(&["tcp", "0", "--say", "220 \\x68i\\r\\n", "--slow=20"]);
    let mut stream = server.connect();
    let (started, mut greeting) = (Instant::now(), [0; 8]);
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"220 hi\r\n");
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
}

#[test]
fn datagrams_are_sent_back() {
    let mut server = Server::start(&["udp", "0", "--count", "1"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(b"ping", server.addr).unwrap();
    let mut buffer = [0; 16];
    let (count, from) = socket.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..count], from), (&b"ping"[..], server.addr));
    let received = server.seen("received");
    assert_eq!(received["peer"], socket.local_addr().unwrap().to_string());
    assert_eq!(received["connection"], Value::Null);
}

#[test]
fn every_request_gets_the_status_that_was_told() {
    let mut server = Server::start(&["http", "0", "--status", "503"]);
    let mut stream = server.connect();
    stream.write_all(b"GET /a?b HTTP/1.1\r\nHost: name.example\r\n\r\n").unwrap();
    let answer = String::from_utf8(read(&mut stream).unwrap()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n503 Service Unavailable\n"), "{answer}");
    let request = server.seen("request");
    assert_eq!((&request["method"], &request["target"]), (&"GET".into(), &"/a?b".into()));
    assert_eq!((&request["host"], &request["status"]), (&"name.example".into(), &503.into()));
    let mut stream = server.connect();
    stream.write_all(b"\x16\x03\x01\x00\x05hello").unwrap();
    assert!(read(&mut stream).unwrap().starts_with(b"HTTP/1.1 400 "));
}

/// A TLS client that trusts this authority alone, and what its handshake comes to.
fn handshake(addr: SocketAddr, authority: &Path) -> Result<Vec<u8>, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "name.example".try_into().unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect_timeout(&addr, PATIENCE).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = StreamOwned::new(session, socket);
    stream.write_all(b"hello").map_err(|error| error.to_string())?;
    let mut echoed = vec![0; 5];
    stream.read_exact(&mut echoed).map_err(|error| error.to_string())?;
    Ok(echoed)
}

#[test]
fn a_certificate_is_right_for_whoever_trusts_its_authority() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    let file = authority.to_str().unwrap();
    let mut server = Server::start(&["tls", "0", "--name", "name.example", "--ca-out", file]);
    assert_eq!(handshake(server.addr, &authority), Ok(b"hello".to_vec()));
    let tls = server.seen("tls");
    assert_eq!((&tls["sni"], &tls["version"]), (&"name.example".into(), &"TLSv1.3".into()));
    assert_eq!(server.seen("received")["text"], "hello");
}

#[test]
fn each_fault_is_what_it_is_called() {
    for (fault, complaint) in [
        ("expired", "expired"),
        ("not-yet-valid", "not valid yet"),
        ("wrong-name", "not valid for name"),
        ("self-signed", "UnknownIssuer"),
        ("incomplete-chain", "UnknownIssuer"),
        ("client-certificate", "CertificateRequired"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let authority = folder.path().join("ca.pem");
        let file = authority.to_str().unwrap();
        let args = ["tls", "0", "--name", "name.example", "--fault", fault, "--ca-out", file];
        let mut server = Server::start(&args);
        let error = handshake(server.addr, &authority).unwrap_err();
        assert!(error.contains(complaint), "{fault}: {error}");
        assert!(!server.seen("tls_failed")["reason"].as_str().unwrap().is_empty());
    }
}

#[test]
fn a_taken_port_and_wrong_words_are_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let serve = |args: &[&str]| sockpit().arg("serve").args(args).output().unwrap();
    let output = serve(&["tcp", &addr.to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("sockpit why {}", addr.port())), "{said}");
    for args in [
        &["udp", "0", "--hang"][..],
        &["http", "0", "--reset"],
        &["tcp", "0", "--fault", "expired"],
        &["tcp", "name.example:80"],
        &["tcp", "0", "--hang", "--echo"],
        &["tcp", "0", "--say", "\\q"],
        &["tls", "0", "--ca-out", "/"],
    ] {
        assert_eq!(serve(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn words_for_people_name_the_peer_and_end_by_themselves() {
    let mut command = sockpit();
    command.args(["serve", "tcp", "0", "--count", "1", "--say", "hi"]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let addr: SocketAddr = first.strip_prefix("listening on ").unwrap().parse().unwrap();
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE).unwrap();
    stream.write_all(b"\x1b[31mred").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = read(&mut stream);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let peer = stream.local_addr().unwrap();
    assert_eq!(rest[0], format!("#1 {peer}  connected"));
    assert!(rest[1].contains("received") && !rest[1].contains('\x1b'), "{rest:?}");
    assert!(rest[2].contains("closed by the peer (FIN)"), "{rest:?}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_option_of_another_kind_of_service_is_wrong_usage() {
    for words in [
        &["tcp", "0", "--tls"][..],
        &["udp", "0", "--tls"],
        &["tcp", "0", "--status", "500"],
        &["tls", "0", "--delay", "1s"],
        &["udp", "0", "--slow=5"],
        &["http", "0", "--say", "hello"],
    ] {
        let output = crate::support::sockpit().arg("serve").args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
    }
}
