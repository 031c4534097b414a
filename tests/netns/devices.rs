//! Sockets that are bound to a device.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use socket2::{Domain, Socket as RawSocket, Type};

use crate::support::{in_namespace, run, sockpit};

#[test]
fn two_listeners_on_two_devices_are_told_apart() {
    in_namespace(|| {
        run(Command::new("ip").args(["link", "add", "va", "type", "veth", "peer", "name", "vb"]));
        let listen = |device: &str| {
            let socket = RawSocket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.bind_device(Some(device.as_bytes())).unwrap();
            socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)).into()).unwrap();
            socket.listen(1).unwrap();
            socket
        };
        let _listeners = [listen("va"), listen("vb")];
        let told = |args: &[&str]| run(sockpit().arg("ports").args(args));
        let shown = told(&["lport:8080"]);
        for device in ["va", "vb"] {
            assert_eq!(shown.matches(&format!("0.0.0.0%{device}:8080")).count(), 1, "{shown}");
        }
        for key in ["dev:va", "if:va", "interface:va"] {
            let shown = told(&["lport:8080", key]);
            assert!(shown.contains("%va:8080") && !shown.contains("%vb:8080"), "{key}: {shown}");
        }
        let csv = told(&["lport:8080", "--columns", "local,interface", "--csv"]);
        assert!(csv.contains(",va") && csv.contains(",vb"), "{csv}");
    });
}
