//! Forwarders by their program and arguments, which every user may read of every process.
//! Shapes are from the programs' manual pages; docker-proxy's and rootlessport's from what
//! their daemons start.

mod dialled;
mod ssh;

use std::net::IpAddr;

use crate::model::forwarder::ForwarderKind;
use crate::model::owner::Process;
use crate::wire::monitor::{self, Monitored, option};

/// The port that somebody holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Port number.
    pub port: u16,
    /// UDP instead of TCP.
    pub udp: bool,
}

/// What a forwarder says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub kind: ForwarderKind,
    pub addr: Option<IpAddr>,
    pub port: Option<u16>,
    pub host: Option<String>,
    pub via: Option<String>,
    /// A container's id.
    pub container: Option<String>,
    /// Its name.
    pub container_name: Option<String>,
    /// A process in the network namespace behind it.
    pub of_pid: Option<u32>,
    /// A file that stands for the network namespace behind it.
    pub netns_file: Option<String>,
}

impl Told {
    fn new(kind: ForwarderKind) -> Self {
        Self {
            kind,
            addr: None,
            port: None,
            host: None,
            via: None,
            container: None,
            container_name: None,
            of_pid: None,
            netns_file: None,
        }
    }

    /// A destination as arguments name it: an address where it is one.
    fn leading_to(mut self, host: &str, port: Option<u16>) -> Self {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        match bare.parse() {
            Ok(addr) => self.addr = Some(addr),
            Err(_) => self.host = Some(bare.to_owned()).filter(|host| !host.is_empty()),
        }
        self.port = port;
        self
    }
}

/// What a process tells of itself as a forwarder of the port; `None` for other processes, and
/// for a forwarder's own main port (sshd's 22).
pub(super) fn recognise(process: &Process, held: Held) -> Option<Told> {
    let program = program(process)?;
    let arguments: Vec<&str> = process.cmdline.iter().skip(1).map(|word| &**word).collect();
    let title = process.cmdline.first().map_or("", |word| &**word);
    match program {
        // rootlesskit's own has the same arguments, and starts docker-proxy.
        "docker-proxy" | "rootlesskit-docker-proxy" | "rootlesskit-doc" => {
            Some(docker_proxy(&arguments))
        }
        "dockerd" => Some(Told::new(ForwarderKind::Dockerd)),
        "rootlesskit" => Some(Told::new(ForwarderKind::Rootlesskit)),
        "conmon" => Some(conmon(process)),
        "rootlessport" | "rootlessport-child" => Some(Told::new(ForwarderKind::Rootlessport)),
        "slirp4netns" => Some(slirp4netns(&arguments)),
        "pasta" | "pasta.avx2" | "passt" | "passt.avx2" => Some(pasta(&arguments, held)),
        "gvproxy" => Some(Told::new(ForwarderKind::Gvproxy)),
        "ssh" => Some(ssh::client(title, &arguments, held)),
        "sshd" | "sshd-session" => ssh::session(title),
        "kubectl" | "oc" => dialled::kubectl(&arguments, held),
        "socat" | "socat1" => dialled::socat(&arguments),
        "systemd-socket-proxyd" | "systemd-socket-" => dialled::socket_proxyd(&arguments),
        _ => None,
    }
}

/// The program's own name: from its file where that may be read, else from the first argument,
/// else as the kernel keeps it (15 bytes).
fn program(process: &Process) -> Option<&str> {
    let name = |path: &str| path.rfind('/').map_or(0, |slash| slash + 1);
    if let Some(exe) = &process.exe {
        let exe = exe.trim_end_matches(" (deleted)");
        return Some(&exe[name(exe)..]);
    }
    let first = process.cmdline.first()?;
    // A title that the program gave itself: `sshd: bob@pts/0`, `ssh: /run/ctl [mux]`.
    let word = first.split([' ', ':']).next().filter(|word| !word.is_empty())?;
    Some(&word[name(word)..])
}

/// `docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8401 -container-ip 172.17.0.2
/// -container-port 80`.
fn docker_proxy(arguments: &[&str]) -> Told {
    let mut told = Told::new(ForwarderKind::DockerProxy);
    told.addr = option(arguments, &["-container-ip"]).and_then(|addr| addr.parse().ok());
    told.port = option(arguments, &["-container-port"]).and_then(|port| port.parse().ok());
    told
}

/// Whether these are the arguments of a docker-proxy for the port.
pub(super) fn is_proxy_for(process: &Process, held: Held) -> bool {
    let arguments: Vec<&str> = process.cmdline.iter().skip(1).map(|word| &**word).collect();
    let protocol = if held.udp { "udp" } else { "tcp" };
    matches!(program(process), Some("docker-proxy" | "rootlesskit-docker-proxy"))
        && option(&arguments, &["-host-port"]) == Some(&*held.port.to_string())
        && option(&arguments, &["-proto"]).is_none_or(|told| told == protocol)
}

/// What a process is the shim or monitor of.
pub(super) fn monitored(process: &Process) -> Option<Monitored> {
    let arguments: Vec<&str> = process.cmdline.iter().skip(1).map(|word| &**word).collect();
    monitor::monitored(program(process)?, &arguments)
}

/// The monitor of podman's and CRI-O's containers holds what they publish.
fn conmon(process: &Process) -> Told {
    let of = monitored(process);
    Told {
        container: of.as_ref().map(|of| of.id.clone()),
        container_name: of.and_then(|of| of.name),
        ..Told::new(ForwarderKind::Conmon)
    }
}

/// `slirp4netns [OPTION]… PID|PATH TAP` (slirp4netns(1)). podman calls the socket by which it
/// adds ports after the container: `…/ID.net`.
fn slirp4netns(arguments: &[&str]) -> Told {
    const WITH_VALUE: [&str; 14] = [
        "-e",
        "--exit-fd",
        "-r",
        "--ready-fd",
        "-m",
        "--mtu",
        "-a",
        "--api-socket",
        "--cidr",
        "--netns-type",
        "--userns-path",
        "--outbound-addr",
        "--outbound-addr6",
        "--macaddress",
    ];
    let mut told = Told::new(ForwarderKind::Slirp4netns);
    let socket = option(arguments, &["-a", "--api-socket"]);
    let id = socket.and_then(|path| path.rsplit('/').next()?.strip_suffix(".net"));
    told.container = id.filter(|id| id.len() == 64).map(str::to_owned);
    let target = positional(arguments, &WITH_VALUE).next();
    told.of_pid = target.and_then(|target| target.parse().ok());
    told.netns_file = target.filter(|target| target.starts_with('/')).map(str::to_owned);
    told
}

/// Options of pasta(1) and passt(1) with a value in the next word.
const PASTA_WITH_VALUE: [&str; 40] = [
    "-l",
    "--log-file",
    "--log-size",
    "--runas",
    "-p",
    "--pcap",
    "-P",
    "--pid",
    "-m",
    "--mtu",
    "-a",
    "--address",
    "-n",
    "--netmask",
    "-M",
    "--mac-addr",
    "-g",
    "--gateway",
    "-i",
    "--interface",
    "-D",
    "--dns",
    "-S",
    "--search",
    "-s",
    "--socket",
    "-t",
    "--tcp-ports",
    "-u",
    "--udp-ports",
    "-T",
    "--tcp-ns",
    "-U",
    "--udp-ns",
    "-I",
    "--ns-ifname",
    "--ns-mac-addr",
    "--netns",
    "--userns",
    "-o",
];

/// `pasta [OPTION]… [PID|PATH|NAME|COMMAND…]` (pasta(1)); `-t` and `-u` say which ports.
fn pasta(arguments: &[&str], held: Held) -> Told {
    let mut told = Told::new(ForwarderKind::Pasta);
    let names: &[&str] = if held.udp { &["-u", "--udp-ports"] } else { &["-t", "--tcp-ports"] };
    let specs = values(arguments, names);
    told.port = specs.iter().find_map(|spec| pasta_port(spec, held.port)).or(Some(held.port));
    told.netns_file =
        option(arguments, &["--netns"]).filter(|path| path.starts_with('/')).map(str::to_owned);
    let target = positional(arguments, &PASTA_WITH_VALUE).last();
    told.of_pid = target.and_then(|word| word.parse().ok());
    told
}

/// Every value of an option that may come again.
fn values<'a>(arguments: &[&'a str], names: &[&str]) -> Vec<&'a str> {
    let at = |at: usize| option(&arguments[at..arguments.len().min(at + 2)], names);
    (0..arguments.len())
        .filter_map(|index| {
            let word = arguments[index];
            let here = names.contains(&word)
                || names.iter().any(|name| word.starts_with(&format!("{name}=")));
            here.then(|| at(index)).flatten()
        })
        .collect()
}

/// Where one of pasta's specifications sends the port: `8604:80`, `127.0.0.1/8604:80`,
/// `8600-8610:80-90`, several with commas between.
fn pasta_port(spec: &str, port: u16) -> Option<u16> {
    spec.split(',').find_map(|part| {
        let part = part.rsplit('/').next().unwrap_or(part);
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        let range = |text: &str| -> Option<(u16, u16)> {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        let ((first, last), (to, _)) = (range(from)?, range(to)?);
        (first..=last).contains(&port).then(|| to.checked_add(port - first)).flatten()
    })
}

/// The arguments that are no options and no values of options.
fn positional<'a>(
    arguments: &'a [&'a str],
    with_value: &'a [&'a str],
) -> impl Iterator<Item = &'a str> {
    let mut is_value = false;
    arguments.iter().copied().filter(move |word| {
        let skip = is_value || word.starts_with('-');
        is_value = !is_value && with_value.contains(word);
        !skip
    })
}

#[cfg(test)]
mod tests;
