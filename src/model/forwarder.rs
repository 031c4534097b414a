//! Processes that hold a port and only pass on what arrives: what stands behind them, and what
//! ending them does.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::owner::short_id;
use super::why::Forward;

/// A process that forwards a port, and what is behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarder {
    /// The forwarding process.
    pub pid: u32,
    /// Its short name, uncleaned.
    pub name: String,
    /// The user that it runs as; `None` where not told.
    pub uid: Option<u32>,
    /// Which program.
    pub kind: ForwarderKind,
    /// Where it passes the port on to; everything in it is `None` where it is not known.
    pub behind: Behind,
    /// What ending it does.
    pub ending: Ending,
    /// The rules that send packets for its port to the same place, where what is behind goes on
    /// answering without it; `None` where they may not be read, and for what serves no container.
    #[serde(default)]
    pub rules: Option<Vec<Forward>>,
    /// Containers that lose something with it, the one behind the port among them.
    pub containers: Vec<ContainerBehind>,
    /// What stops that which is behind instead: a text, to be shown. `None` where nothing
    /// narrower than ending the forwarder is known.
    pub stop: Option<Vec<String>>,
}

/// The programs that are known to forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwarderKind {
    /// `docker-proxy`: one process for each published port and family.
    DockerProxy,
    /// `dockerd` that holds a published port itself (`userland-proxy: false`, swarm).
    Dockerd,
    /// `rootlesskit`, under which a rootless dockerd or containerd lives.
    Rootlesskit,
    /// `conmon`, the monitor of a container of podman or CRI-O.
    Conmon,
    /// `rootlessport` of rootless podman.
    Rootlessport,
    /// `slirp4netns`: the network of a rootless container, or of all of a user's.
    Slirp4netns,
    /// `pasta` or `passt`.
    Pasta,
    /// `ssh -L`, `-D`, or a forward from its configuration.
    SshClient,
    /// The process of an ssh session on the server's side, with a port of `ssh -R`.
    SshSession,
    /// `kubectl port-forward`.
    KubectlPortForward,
    /// `gvproxy`: the network of a virtual machine, such as podman's.
    Gvproxy,
    /// `socat`.
    Socat,
    /// `systemd-socket-proxyd`.
    SystemdSocketProxyd,
}

impl ForwarderKind {
    /// The program, as its users call it.
    pub fn program(self) -> &'static str {
        match self {
            Self::DockerProxy => "docker-proxy",
            Self::Dockerd => "dockerd",
            Self::Rootlesskit => "rootlesskit",
            Self::Conmon => "conmon",
            Self::Rootlessport => "rootlessport",
            Self::Slirp4netns => "slirp4netns",
            Self::Pasta => "pasta",
            Self::SshClient => "ssh",
            Self::SshSession => "sshd",
            Self::KubectlPortForward => "kubectl",
            Self::Gvproxy => "gvproxy",
            Self::Socat => "socat",
            Self::SystemdSocketProxyd => "systemd-socket-proxyd",
        }
    }

    /// Whether it serves one container, or nothing.
    pub fn is_of_a_container(self) -> bool {
        matches!(
            self,
            Self::DockerProxy
                | Self::Dockerd
                | Self::Rootlesskit
                | Self::Conmon
                | Self::Rootlessport
                | Self::Slirp4netns
        )
    }
}

/// What ends, and what goes on crippled, when the forwarder ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The port alone: what is behind runs on and is not reached by this port any more.
    Port,
    /// The container runs on without its monitor, which keeps its log, notices its end and has it
    /// started again; by a NAT rule it may still serve.
    Monitor,
    /// The container, or all that share its network, lose the network.
    Network,
    /// The whole daemon with all its containers.
    Daemon,
    /// The ssh session with all its forwards, shells and programs.
    Session,
    /// The network of a virtual machine.
    Machine,
}

impl Ending {
    /// Whether others than the port that was asked for go along.
    pub fn harms_others(self) -> bool {
        self != Self::Port
    }
}

/// Where a port leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// The container.
    pub container: Option<ContainerBehind>,
    /// The address, in the network namespace of what is behind.
    pub addr: Option<IpAddr>,
    /// What the forwarder's arguments name instead of an address: a host, a path, `svc/web`.
    /// Uncleaned.
    pub host: Option<String>,
    /// The port there.
    pub port: Option<u16>,
    /// Through what it goes, as its arguments or title say: `bob@gate.example`. Uncleaned.
    pub via: Option<String>,
    /// Inode of the network namespace there.
    pub netns: Option<u64>,
    /// The process there.
    pub process: Option<ProcessBehind>,
}

/// A process behind a forwarded port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessBehind {
    /// Process id.
    pub pid: u32,
    /// Short name, uncleaned.
    pub name: String,
    /// Whether it holds the port there; otherwise it is the container's first process.
    pub serves: bool,
}

/// A container, as a forwarder's user would have to name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerBehind {
    /// `docker`, `podman`, `kubernetes`, `containerd`, `cri-o`, …
    pub runtime: String,
    /// The runtime's id.
    pub id: String,
    /// Its name, uncleaned; `None` where it could not be learned.
    pub name: Option<String>,
    /// The user whose runtime it is: 0 for a rootful one. `None` where not told.
    pub uid: Option<u32>,
    /// Its first process; `None` where not seen.
    pub first: Option<u32>,
    /// Who says that this is the container.
    pub confirmed: ToldBy,
}

impl ContainerBehind {
    /// Its name, or the first twelve digits of its id.
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| short_id(&self.id))
    }
}

/// Where knowledge of a container is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToldBy {
    /// Its runtime was asked.
    Asked,
    /// The arguments of its shim or monitor.
    Arguments,
    /// Its control group.
    Path,
}
