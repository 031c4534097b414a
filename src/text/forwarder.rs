//! What stands behind a forwarder, and what ending one does, in words. Names are uncleaned:
//! whoever shows a line cleans it.

use std::net::SocketAddr;

use crate::model::forwarder::{Behind, ContainerBehind, Ending, Forwarder, ForwarderKind};
use crate::model::why::{Forward, ForwardFrom};

/// More containers than this are counted.
const MOST: usize = 5;

/// `container web (docker)`, `container web (podman of user 1000)`.
pub fn container(container: &ContainerBehind) -> String {
    let of = match container.uid {
        Some(0) | None => String::new(),
        Some(uid) => format!(" of user {uid}"),
    };
    format!("container {} ({}{of})", container.shown(), container.runtime)
}

/// Where a port leads: `container web (docker) at 172.17.0.2:80, where httpd 577 serves`;
/// `None` where nothing is known of it.
pub fn behind(behind: &Behind) -> Option<String> {
    let end = match (behind.addr, &behind.host, behind.port) {
        (Some(addr), _, Some(port)) => Some(SocketAddr::new(addr, port).to_string()),
        (Some(addr), _, None) => Some(addr.to_string()),
        (None, Some(host), Some(port)) => Some(format!("{host}:{port}")),
        (None, Some(host), None) => Some(host.clone()),
        (None, None, Some(port)) => Some(format!("port {port}")),
        (None, None, None) => None,
    };
    let process = behind.process.as_ref().map(|process| {
        let who = format!("{} {}", process.name, process.pid);
        if process.serves {
            format!(", where {who} serves")
        } else {
            format!(", whose first process is {who}")
        }
    });
    let process = process.unwrap_or_default();
    let via = behind.via.as_ref().map_or(String::new(), |via| format!(" through {via}"));
    match (behind.container.as_ref().map(container), end) {
        (Some(container), Some(end)) => Some(format!("{container} at {end}{process}{via}")),
        (Some(container), None) => Some(format!("{container}{process}{via}")),
        (None, Some(end)) => Some(format!("{end}{via}{process}")),
        (None, None) => None,
    }
}

/// Where a NAT rule sends packets: `172.17.0.2:80`, `port 9000 of this host`.
pub fn destination(forward: &Forward) -> String {
    match (forward.to_this_host, forward.addr, forward.port) {
        (true, _, Some(port)) => format!("port {port} of this host"),
        (true, _, None) => "another port of this host".to_owned(),
        (false, Some(addr), Some(port)) => SocketAddr::new(addr, port).to_string(),
        (false, Some(addr), None) => addr.to_string(),
        (false, None, Some(port)) => format!("port {port} of another address"),
        (false, None, None) => "another address".to_owned(),
    }
}

/// Whose packets rules take, behind a word for these: ` from outside`; nothing for all.
pub fn origin(forwards: &[Forward]) -> &'static str {
    let comes = |from| forwards.iter().any(|it| it.from == from);
    match (comes(ForwardFrom::Outside), comes(ForwardFrom::ThisHost)) {
        (true, false) => " from outside",
        (false, true) => " from this host",
        _ => "",
    }
}

/// What the process is, and where it leads: `docker-proxy 536 only forwards, to container web
/// (docker) at 172.17.0.2:80`.
pub fn sentence(forwarder: &Forwarder) -> String {
    let who = format!("{} {}", forwarder.name, forwarder.pid);
    let to = behind(&forwarder.behind);
    match forwarder.kind {
        ForwarderKind::SshSession => {
            let whose = forwarder.behind.via.as_deref().unwrap_or("a user");
            format!(
                "{who} is the ssh session of {whose} and forwards to the client's side (ssh -R, \
                 or an X11 display)"
            )
        }
        ForwarderKind::Dockerd | ForwarderKind::Rootlesskit if to.is_none() => format!(
            "{who} holds it for a container or service; which one, `docker ps` and `docker \
             service ls` tell"
        ),
        ForwarderKind::SshClient if to.is_none() => {
            let via = forwarder.behind.via.as_deref().unwrap_or("a server");
            format!("{who} forwards through {via}; where to, its arguments do not tell")
        }
        ForwarderKind::Gvproxy => {
            format!("{who} is the network of a virtual machine, and forwards to it")
        }
        kind => {
            let only = match kind {
                ForwarderKind::Conmon => "only holds it for",
                ForwarderKind::Dockerd | ForwarderKind::Rootlesskit => "holds it for",
                _ => "only forwards, to",
            };
            let unknown = || match kind.is_of_a_container() {
                true => "an unknown container".to_owned(),
                false => "a place that its arguments do not tell".to_owned(),
            };
            format!("{who} {only} {}", to.unwrap_or_else(unknown))
        }
    }
}

/// What ending the forwarder itself would do, as a clause: `container web would run on
/// without its port`.
pub fn ending(forwarder: &Forwarder) -> String {
    let one = forwarder.behind.container.as_ref();
    let name = one.map_or("the container".to_owned(), |it| format!("container {}", it.shown()));
    let losers = losers(forwarder);
    match forwarder.ending {
        Ending::Port if one.is_some() || forwarder.kind.is_of_a_container() => {
            format!("{name} would run on{}", still_reached(forwarder))
        }
        Ending::Port => "what is behind would run on".to_owned(),
        Ending::Monitor => format!(
            "{name} would run on without its monitor: nobody would keep its log, notice its end or \
             start it again; it would run{}",
            still_reached(forwarder)
        ),
        Ending::Network => match losers {
            Some(losers) => format!("{losers} would lose the whole network"),
            None => "what is behind would lose its whole network".to_owned(),
        },
        Ending::Daemon => match losers {
            Some(losers) => format!("the daemon would end, and with it {losers}"),
            None => "the daemon would end, and with it all of its containers".to_owned(),
        },
        Ending::Session => {
            "the whole session would end, with its shells and other forwards".to_owned()
        }
        Ending::Machine => "the virtual machine would lose its whole network".to_owned(),
    }
}

/// Whether packets still reach what is behind when the forwarder has ended.
fn still_reached(forwarder: &Forwarder) -> String {
    match forwarder.rules.as_deref() {
        Some([]) => " without its port".to_owned(),
        Some(rules @ [first, ..]) => format!(
            " and go on answering there: a rule of {} sends packets{} to it",
            first.rule.program,
            origin(rules)
        ),
        None => " without its port, unless rules of nftables or iptables lead to it".to_owned(),
    }
}

/// `container web`, `containers web, db and 3 more`.
fn losers(forwarder: &Forwarder) -> Option<String> {
    let mut names: Vec<&str> = forwarder.containers.iter().map(ContainerBehind::shown).collect();
    names.sort_unstable();
    let rest = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    let (last, first) = names.split_last()?;
    Some(match (first, rest) {
        ([], 0) => format!("container {last}"),
        (_, 0) => format!("containers {} and {last}", first.join(", ")),
        _ => format!("containers {} and {rest} more", names.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::forwarder::{ProcessBehind, ToldBy};

    fn container_named(name: &str, uid: u32) -> ContainerBehind {
        ContainerBehind {
            runtime: "docker".to_owned(),
            id: "3f".repeat(32),
            name: Some(name.to_owned()),
            uid: Some(uid),
            first: Some(577),
            confirmed: ToldBy::Asked,
        }
    }

    fn forwarder(kind: ForwarderKind, ending: Ending, behind: Behind) -> Forwarder {
        Forwarder {
            pid: 536,
            name: kind.program().to_owned(),
            uid: Some(0),
            kind,
            containers: behind.container.iter().cloned().collect(),
            behind,
            ending,
            stop: None,
            rules: Some(Vec::new()),
        }
    }

    #[test]
    fn a_forwarder_is_named_with_what_is_behind_it() {
        let behind = Behind {
            container: Some(container_named("web", 0)),
            addr: Some("172.17.0.2".parse().unwrap()),
            port: Some(80),
            process: Some(ProcessBehind { pid: 577, name: "httpd".to_owned(), serves: true }),
            ..Behind::default()
        };
        let proxy = forwarder(ForwarderKind::DockerProxy, Ending::Port, behind);
        assert_eq!(
            sentence(&proxy),
            "docker-proxy 536 only forwards, to container web (docker) at 172.17.0.2:80, where \
             httpd 577 serves"
        );
        assert_eq!(ending(&proxy), "container web would run on without its port");
        let lost = forwarder(ForwarderKind::DockerProxy, Ending::Port, Behind::default());
        assert_eq!(sentence(&lost), "docker-proxy 536 only forwards, to an unknown container");
        let behind = Behind {
            host: Some("db.internal".to_owned()),
            port: Some(5432),
            via: Some("bob@gate".to_owned()),
            ..Behind::default()
        };
        let ssh = forwarder(ForwarderKind::SshClient, Ending::Port, behind);
        assert_eq!(sentence(&ssh), "ssh 536 only forwards, to db.internal:5432 through bob@gate");
        assert_eq!(ending(&ssh), "what is behind would run on");
        let behind = Behind { via: Some("bob@gate".to_owned()), ..Behind::default() };
        let ssh = forwarder(ForwarderKind::SshClient, Ending::Port, behind);
        assert_eq!(
            sentence(&ssh),
            "ssh 536 forwards through bob@gate; where to, its arguments do not tell"
        );
    }

    #[test]
    fn those_that_go_along_are_named_up_to_a_few() {
        let mut daemon = forwarder(ForwarderKind::Dockerd, Ending::Daemon, Behind::default());
        assert!(ending(&daemon).ends_with("all of its containers"));
        daemon.containers = ["b", "a"].map(|name| container_named(name, 0)).to_vec();
        assert_eq!(ending(&daemon), "the daemon would end, and with it containers a and b");
        daemon.containers = (0..7).map(|n| container_named(&format!("c{n}"), 1000)).collect();
        assert!(ending(&daemon).ends_with("containers c0, c1, c2, c3, c4 and 2 more"));
    }
}
