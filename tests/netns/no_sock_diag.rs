//! Where nobody may ask over sock_diag, as under WSL 1 and gVisor: a seccomp filter refuses it.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{cannot_run, in_namespace};

/// Refuses socket(AF_NETLINK, _, NETLINK_SOCK_DIAG), and becomes the program named.
const WRAPPER: &str = "
import ctypes, os, struct, sys
number = {'x86_64': 41, 'aarch64': 198}[os.uname().machine]
steps = [(0x20, 0, 0, 0), (0x15, 0, 5, number), (0x20, 0, 0, 16), (0x15, 0, 3, 16),
         (0x20, 0, 0, 32), (0x15, 0, 1, 4), (0x06, 0, 0, 0x00050000 | 93), (0x06, 0, 0, 0x7fff0000)]
code = b''.join(struct.pack('HBBI', *step) for step in steps)
kept = ctypes.create_string_buffer(code)
program = struct.pack('HxxxxxxP', len(steps), ctypes.addressof(kept))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
";

fn without_sock_diag(arguments: &[&str]) -> Output {
    Command::new("python3")
        .args(["-c", WRAPPER, env!("CARGO_BIN_EXE_sockpit")])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn without_sock_diag_the_tables_are_read_from_proc_and_the_loss_is_said() {
    if !matches!(std::env::consts::ARCH, "x86_64" | "aarch64") {
        return cannot_run("the filter knows the numbers of x86_64 and aarch64 alone");
    }
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let _client = TcpStream::connect("127.0.0.1:8080").unwrap();
        let _accepted = listener.accept().unwrap();
        let _v6 = TcpListener::bind("[::1]:9090").unwrap();
        let output = without_sock_diag(&["ports", "lport:8080,9090", "--json"]);
        let json: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let sockets = json["sockets"].as_array().unwrap();
        let states: Vec<&str> =
            sockets.iter().map(|socket| socket["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["LISTEN", "ESTABLISHED", "LISTEN"], "{json}");
        assert!(sockets.iter().all(|it| it["owners"][0]["pid"] == std::process::id()), "{json}");
        let health = json["health"].to_string();
        assert!(health.contains("are read from /proc/net"), "{health}");

        let output = without_sock_diag(&["why", "8080", "--json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &json["bindable"]), (Some(1), &Value::Bool(false)));
        assert_eq!(json["findings"][0]["kind"], "listener", "{json}");
        assert_eq!(without_sock_diag(&["why", "8081"]).status.code(), Some(0));
        let waited = without_sock_diag(&["wait", "8080", "--listening", "--timeout", "0"]);
        assert_eq!(waited.status.code(), Some(0), "{waited:?}");
        let free = without_sock_diag(&["free", "8080"]);
        assert_eq!(String::from_utf8_lossy(&free.stdout), "8081\n", "{free:?}");
    });
}
