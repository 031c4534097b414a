//! Sockets that no table of the kernel lists: rows by a duplicate, or a number without the right.

use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::fs::MetadataExt;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::kill::Server;
use crate::support::{cannot_run, in_namespace, sockpit};

const AF_ALG: i32 = 38;
const AF_VSOCK: i32 = 40;
const AF_XDP: i32 = 44;

fn inode(socket: &impl AsFd) -> u64 {
    let fd = socket.as_fd().as_raw_fd();
    std::fs::metadata(format!("/proc/self/fd/{fd}")).unwrap().st_ino()
}

fn ports(args: &[&str]) -> (i32, Value) {
    let output = sockpit().arg("ports").args(args).arg("--json").output().unwrap();
    let told = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), told.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

/// The row of a socket of ours.
#[track_caller]
fn row(told: &Value, socket: &impl AsFd) -> Value {
    let inode = inode(socket);
    let mut rows = told["sockets"].as_array().unwrap().iter();
    rows.find(|row| row["inode"] == inode).unwrap_or_else(|| panic!("{inode}: {told}")).clone()
}

#[test]
fn what_was_never_bound_and_what_has_no_table_are_rows_of_their_process() {
    in_namespace(|| {
        let own = format!("pid:{}", std::process::id());
        let leaked: Vec<Socket> = (0..70)
            .map(|number| {
                let kind = if number % 2 == 0 { Type::STREAM } else { Type::DGRAM };
                let domain = if number % 3 == 0 { Domain::IPV6 } else { Domain::IPV4 };
                Socket::new(domain, kind, None).unwrap()
            })
            .collect();
        let listed: Vec<Socket> = [AF_XDP, AF_VSOCK, AF_ALG]
            .into_iter()
            .filter_map(|domain| {
                let kind = match domain {
                    AF_XDP => Type::RAW,
                    AF_ALG => Type::SEQPACKET,
                    _ => Type::STREAM,
                };
                Socket::new(Domain::from(domain), kind, None).ok()
            })
            .collect();
        let (code, told) = ports(&[&own]);
        assert_eq!(code, 0);
        for socket in &leaked {
            let row = row(&told, socket);
            let protocol = if socket.r#type().unwrap() == Type::STREAM { "tcp" } else { "udp" };
            assert_eq!((&row["protocol"], &row["state"]), (&protocol.into(), &"CLOSED".into()));
            let owner = &row["owners"][0];
            assert_eq!(
                (&owner["pid"], &owner["fd"]),
                (&std::process::id().into(), &socket.as_raw_fd().into())
            );
            assert_eq!(row["local"]["port"], Value::Null, "{row}");
        }
        if listed.is_empty() {
            return cannot_run("this kernel has neither XDP nor vsock nor AF_ALG");
        }
        let named = ["xdp", "vsock", "alg"];
        for socket in &listed {
            let row = row(&told, socket);
            assert!(named.iter().any(|name| row["family"] == *name), "{row}");
        }
        // Someone who looks for a port is not told of them.
        let (code, told) = ports(&["port:1", &own]);
        assert_eq!((code, told["sockets"].as_array().unwrap().len()), (1, 0));
    });
}

#[test]
fn a_socket_that_was_reset_is_a_row_until_it_is_closed() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let client = TcpStream::connect("127.0.0.1:8080").unwrap();
        let (server, _) = listener.accept().unwrap();
        let server = Socket::from(server);
        server.set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(server);
        let own = format!("pid:{}", std::process::id());
        let (code, told) = ports(&[&own, "state:closed"]);
        let row = row(&told, &client);
        assert_eq!((code, &row["state"], &row["protocol"]), (0, &"CLOSED".into(), &"tcp".into()));
        let text = sockpit().args(["ports", &own, "state:closed"]).output().unwrap();
        assert!(String::from_utf8_lossy(&text.stdout).contains("CLOSED"), "{text:?}");
    });
}

#[test]
fn what_cannot_be_looked_at_is_counted() {
    in_namespace(|| {
        // A ring holds it: there is no descriptor to duplicate, whatever the rights.
        let mut server = Server::start_unready(
            "
import ctypes
libc = ctypes.CDLL(None)
ring = libc.syscall(425, 8, ctypes.create_string_buffer(256))
if ring < 0: os.write(1, b'0\\n'); sys.exit()
s = socket.socket()
files = (ctypes.c_int * 1)(s.fileno())
if libc.syscall(427, ring, 2, files, 1) < 0: os.write(1, b'0\\n'); sys.exit()
s.close()
ready()",
        );
        if server.read_pid() == 0 {
            return cannot_run("this kernel has no io_uring, or none for us");
        }
        let own = format!("pid:{}", server.pid());
        let output = sockpit().args(["ports", &own]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains(&format!("{} has 1 socket that no table lists", server.pid())),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(3), "{output:?}");
    });
}
