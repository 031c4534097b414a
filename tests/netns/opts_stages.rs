//! Sockets of every kind at every stage of life, on which nobody has set anything.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::kinds;

const MPTCP: i32 = 262;

/// Sockets by what they are.
pub(super) type Stages = Vec<(String, Socket)>;

pub(super) fn all() -> Stages {
    let mut all = Stages::new();
    for kind in kinds::ALL {
        let opened = kind.open();
        all.extend(opened.map(|fd| (format!("{} fresh", kind.name), Socket::from(fd))));
    }
    for (name, domain, protocol) in [
        ("tcp4", Domain::IPV4, libc::IPPROTO_TCP),
        ("tcp6", Domain::IPV6, libc::IPPROTO_TCP),
        ("mptcp4", Domain::IPV4, MPTCP),
        ("mptcp6", Domain::IPV6, MPTCP),
    ] {
        streams(&mut all, name, domain, protocol);
    }
    mixed(&mut all);
    for (name, domain) in [("udp4", Domain::IPV4), ("udp6", Domain::IPV6)] {
        datagrams(&mut all, name, domain, libc::IPPROTO_UDP);
        datagrams(&mut all, &format!("{name}lite"), domain, 136);
    }
    link_local(&mut all);
    unix(&mut all);
    others(&mut all);
    all
}

fn open(domain: Domain, r#type: Type, protocol: i32) -> Socket {
    Socket::new(domain, r#type, Some(Protocol::from(protocol))).unwrap()
}

fn loopback(domain: Domain) -> SockAddr {
    match domain {
        Domain::IPV4 => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into(),
        _ => SocketAddr::from((Ipv6Addr::LOCALHOST, 0)).into(),
    }
}

fn any(domain: Domain) -> SockAddr {
    match domain {
        Domain::IPV4 => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into(),
        _ => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into(),
    }
}

fn listener(at: &SockAddr, domain: Domain, protocol: i32) -> Socket {
    let socket = open(domain, Type::STREAM, protocol);
    socket.bind(at).unwrap();
    socket.listen(8).unwrap();
    socket
}

/// Where a local client reaches a listener.
fn address_of(listener: &Socket, domain: Domain) -> SockAddr {
    let port = listener.local_addr().unwrap().as_socket().unwrap().port();
    let mut at = loopback(domain).as_socket().unwrap();
    at.set_port(port);
    at.into()
}

fn pair(listener: &Socket, domain: Domain, protocol: i32) -> (Socket, Socket) {
    let client = open(domain, Type::STREAM, protocol);
    client.connect(&address_of(listener, domain)).unwrap();
    (client, listener.accept().unwrap().0)
}

fn streams(all: &mut Stages, name: &str, domain: Domain, protocol: i32) {
    let mut add = |stage: &str, socket| all.push((format!("{name} {stage}"), socket));
    let new = || open(domain, Type::STREAM, protocol);
    let (here, any) = (loopback(domain), any(domain));
    for (stage, at) in [("bound", &here), ("bound to any", &any)] {
        let socket = new();
        socket.bind(at).unwrap();
        add(stage, socket);
    }
    for (stage, at) in [("one address", &here), ("any address", &any)] {
        let listener = listener(at, domain, protocol);
        let (client, accepted) = pair(&listener, domain, protocol);
        add(&format!("connected to {stage}"), client);
        add(&format!("accepted on {stage}"), accepted);
        let (client, accepted) = pair(&listener, domain, protocol);
        traffic(&client, &accepted);
        add("with traffic", client);
        add("accepted with traffic", accepted);
        let (client, accepted) = pair(&listener, domain, protocol);
        client.shutdown(std::net::Shutdown::Write).unwrap();
        add("half closed", client);
        add("half closed by its peer", accepted);
        let (client, accepted) = pair(&listener, domain, protocol);
        accepted.set_linger(Some(Duration::ZERO)).unwrap();
        drop(accepted);
        add("reset", client);
        add(&format!("listening on {stage}"), listener);
    }
    let refused = new();
    let mut nobody = here.as_socket().unwrap();
    nobody.set_port(1);
    refused.connect(&nobody.into()).unwrap_err();
    add("refused", refused);
    let connecting = new();
    connecting.set_nonblocking(true).unwrap();
    // A neighbour that is not there.
    let nowhere: SocketAddr = match domain {
        Domain::IPV4 => "10.9.9.77:9".parse().unwrap(),
        _ => "[2001:db8:9::77]:9".parse().unwrap(),
    };
    connecting.connect(&nowhere.into()).unwrap_err();
    add("connecting", connecting);
}

fn traffic(client: &Socket, server: &Socket) {
    use std::io::{Read, Write};
    let (mut client, mut server) = (client, server);
    let mut bytes = vec![0; 20_000];
    for _ in 0..20 {
        client.write_all(&[7; 1000]).unwrap();
        server.read_exact(&mut bytes[..1000]).unwrap();
        server.write_all(&[8; 20_000]).unwrap();
        client.read_exact(&mut bytes).unwrap();
    }
}

/// Families and protocols that meet: mapped addresses, and MPTCP that falls back to TCP.
fn mixed(all: &mut Stages) {
    let mut add = |stage: &str, socket| all.push((stage.to_owned(), socket));
    let mapped = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), 0));
    let bound = open(Domain::IPV6, Type::STREAM, libc::IPPROTO_TCP);
    bound.bind(&mapped.into()).unwrap();
    add("tcp6 bound to a mapped address", bound);
    for (name, domain, at, listens, connects) in [
        ("tcp6 from tcp4", Domain::IPV6, any(Domain::IPV6), libc::IPPROTO_TCP, libc::IPPROTO_TCP),
        ("tcp from mptcp", Domain::IPV4, loopback(Domain::IPV4), libc::IPPROTO_TCP, MPTCP),
        ("mptcp from tcp", Domain::IPV4, loopback(Domain::IPV4), MPTCP, libc::IPPROTO_TCP),
        ("mptcp6 from tcp4", Domain::IPV6, any(Domain::IPV6), MPTCP, libc::IPPROTO_TCP),
        ("mptcp6 from mptcp4", Domain::IPV6, any(Domain::IPV6), MPTCP, MPTCP),
    ] {
        let listener = listener(&at, domain, listens);
        let client = open(Domain::IPV4, Type::STREAM, connects);
        client.connect(&address_of(&listener, Domain::IPV4)).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        traffic(&client, &accepted);
        add(&format!("{name}, the client"), client);
        add(&format!("{name}, accepted"), accepted);
    }
}

fn datagrams(all: &mut Stages, name: &str, domain: Domain, protocol: i32) {
    let mut add = |stage: &str, socket| all.push((format!("{name} {stage}"), socket));
    let new = || open(domain, Type::DGRAM, protocol);
    let bound = new();
    bound.bind(&loopback(domain)).unwrap();
    let to_any = new();
    to_any.bind(&any(domain)).unwrap();
    add("bound to any", to_any);
    let at = bound.local_addr().unwrap();
    let connected = new();
    connected.connect(&at).unwrap();
    connected.send(b"hello").unwrap();
    add("connected", connected);
    let sender = new();
    sender.send_to(b"hello", &at).unwrap();
    add("that has sent", sender);
    add("bound", bound);
}

fn link_local(all: &mut Stages) {
    let index = std::fs::read_to_string("/sys/class/net/va/ifindex");
    // /sys may show another namespace's devices: the kernel's own word is asked then.
    let index: u32 = index.ok().and_then(|text| text.trim().parse().ok()).unwrap_or_else(|| {
        let name = c"va";
        // SAFETY: the name ends with NUL.
        unsafe { libc::if_nametoindex(name.as_ptr()) }
    });
    let own: Ipv6Addr = "fe80::77".parse().unwrap();
    let at = |port| SockAddr::from(SocketAddr::V6(SocketAddrV6::new(own, port, 0, index)));
    let bound = open(Domain::IPV6, Type::DGRAM, libc::IPPROTO_UDP);
    bound.bind(&at(0)).unwrap();
    all.push(("udp6 bound to a link-local address".to_owned(), bound));
    let connected = open(Domain::IPV6, Type::DGRAM, libc::IPPROTO_UDP);
    connected.connect(&at(9)).unwrap();
    all.push(("udp6 connected to a link-local address".to_owned(), connected));
    let listener = listener(&any(Domain::IPV6), Domain::IPV6, libc::IPPROTO_TCP);
    let port = listener.local_addr().unwrap().as_socket().unwrap().port();
    let client = open(Domain::IPV6, Type::STREAM, libc::IPPROTO_TCP);
    client.connect(&at(port)).unwrap();
    all.push(("tcp6 accepted on a link-local address".to_owned(), listener.accept().unwrap().0));
    all.push(("tcp6 connected to a link-local address".to_owned(), client));
}

fn unix(all: &mut Stages) {
    for (name, r#type) in [("stream", Type::STREAM), ("seqpacket", Type::SEQPACKET)] {
        let new = || Socket::new(Domain::UNIX, r#type, None).unwrap();
        let listener = new();
        let at = SockAddr::unix(format!("\0of {name}")).unwrap();
        listener.bind(&at).unwrap();
        listener.listen(3).unwrap();
        let client = new();
        client.connect(&at).unwrap();
        all.push((format!("unix {name} accepted"), listener.accept().unwrap().0));
        all.push((format!("unix {name} connected"), client));
        all.push((format!("unix {name} listening"), listener));
    }
    let (left, right) = Socket::pair(Domain::UNIX, Type::DGRAM, None).unwrap();
    left.send(b"hello").unwrap();
    all.push(("unix dgram of a pair".to_owned(), left));
    all.push(("unix dgram of a pair, the other".to_owned(), right));
}

/// Families without ports: bound to a group, receiving, listening.
fn others(all: &mut Stages) {
    let new = |name: &str| {
        let kind = kinds::ALL.iter().find(|kind| kind.name == name).unwrap();
        kind.open().map(Socket::from)
    };
    if let Some(netlink) = new("netlink") {
        // SAFETY: a sockaddr_nl of zeros is one.
        let mut at: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
        at.nl_family = libc::sa_family_t::try_from(libc::AF_NETLINK).unwrap();
        at.nl_groups = 1;
        let length = libc::socklen_t::try_from(size_of_val(&at)).unwrap();
        // SAFETY: the address outlives the call, which reads `length` bytes of it.
        let result = unsafe { libc::bind(netlink.as_raw_fd(), (&raw const at).cast(), length) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        all.push(("netlink bound to a group".to_owned(), netlink));
    }
    let every_protocol = i32::from(u16::try_from(libc::ETH_P_ALL).unwrap().to_be());
    let receiving = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(every_protocol)));
    all.extend(receiving.ok().map(|socket| ("packet receiving".to_owned(), socket)));
    if let Some(vsock) = new("vsock") {
        let any = SockAddr::vsock(libc::VMADDR_CID_ANY, libc::VMADDR_PORT_ANY);
        if vsock.bind(&any).is_ok() {
            vsock.listen(3).unwrap();
            all.push(("vsock listening".to_owned(), vsock));
        }
    }
}
