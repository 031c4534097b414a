use std::collections::HashMap;

use super::recognise::recognise;
use super::resolve::Found;
use super::*;
use crate::model::forwarder::Ending;
use crate::model::owner::ProcessKey;
use crate::model::tree::ProcessNode;

/// A machine of which everything is told.
#[derive(Default)]
struct Made {
    running: Vec<Running>,
    nodes: Vec<ProcessNode>,
    processes: HashMap<u32, Process>,
    networks: HashMap<u32, u64>,
    addresses: HashMap<u64, Vec<IpAddr>>,
    groups: HashMap<u32, &'static str>,
    files: HashMap<String, u64>,
    /// Whether namespaces may be read: an unprivileged user's view.
    unread: bool,
}

impl Machine for Made {
    fn netns(&self, pid: u32) -> Option<u64> {
        self.networks.get(&pid).copied().filter(|_| !self.unread)
    }

    fn netns_of_file(&self, path: &str, _seen_by: u32) -> Option<u64> {
        self.files.get(path).copied().filter(|_| !self.unread)
    }

    fn addresses(&self, pid: u32) -> Vec<IpAddr> {
        // Every user may read these.
        self.networks
            .get(&pid)
            .and_then(|netns| self.addresses.get(netns))
            .cloned()
            .unwrap_or_default()
    }

    fn group(&self, pid: u32) -> Option<String> {
        self.groups.get(&pid).map(|group| (*group).to_owned())
    }

    fn process(&self, pid: u32) -> Option<Process> {
        self.processes.get(&pid).cloned()
    }
}

impl Made {
    /// A container `name` of a user whose first process has `shim` + 1 as its pid.
    fn container(&mut self, name: &str, runtime: &str, uid: u32, shim: u32, netns: u64) {
        let first = shim + 1;
        self.running.push(Running {
            container: ContainerBehind {
                runtime: runtime.to_owned(),
                id: format!("{name:0>64}"),
                name: Some(name.to_owned()),
                uid: Some(uid),
                first: Some(first),
                confirmed: ToldBy::Arguments,
            },
            shim,
            started: u64::from(first),
        });
        self.networks.insert(first, netns);
        self.node(shim, 1, "shim");
        self.node(first, shim, "httpd");
    }

    fn node(&mut self, pid: u32, ppid: u32, name: &str) {
        self.nodes.push(ProcessNode {
            key: ProcessKey { pid, start_time: u64::from(pid) },
            ppid,
            name: name.into(),
            kernel_thread: false,
            stopped: false,
        });
    }

    fn address(&mut self, netns: u64, addr: &str) {
        self.addresses.insert(netns, vec!["127.0.0.1".parse().unwrap(), addr.parse().unwrap()]);
    }

    /// What is found behind a process, with the containers by name.
    fn behind<T>(&self, process: &Process, port: u16, look: impl FnOnce(&Found<'_>) -> T) -> T {
        let tree: ProcessTree = self.nodes.iter().cloned().collect();
        let world = World { running: &self.running, tree: &tree, machine: self };
        let held = Held { port, udp: false };
        let told = recognise(process, held).expect("a forwarder");
        look(&world.behind(process, &told, held))
    }

    fn name_behind(&self, process: &Process, port: u16) -> Option<String> {
        self.behind(process, port, |found| found.container.and_then(|it| it.container.name.clone()))
    }
}

fn process(pid: u32, uid: u32, cmdline: &str) -> Process {
    let cmdline: Vec<Box<str>> = cmdline.split(' ').map(Into::into).collect();
    Process { uid: Some(uid), cmdline, ..Process::named(pid, 1, "x") }
}

fn proxy(pid: u32, uid: u32, addr: &str) -> Process {
    let words =
        format!("docker-proxy -proto tcp -host-port 8401 -container-ip {addr} -container-port 80");
    process(pid, uid, &words)
}

fn names(found: &[&Running]) -> Vec<String> {
    found.iter().filter_map(|running| running.container.name.clone()).collect()
}

#[test]
fn docker_proxy_is_of_the_container_with_its_address() {
    let mut made = Made::default();
    made.container("web", "docker", 0, 100, 11);
    made.container("db", "docker", 0, 200, 12);
    // Rootless docker and podman use the same addresses.
    made.container("theirs", "docker", 1000, 300, 13);
    made.container("other", "podman", 0, 400, 14);
    made.address(11, "172.17.0.2");
    made.address(12, "172.17.0.3");
    made.address(13, "172.17.0.2");
    made.address(14, "172.17.0.2");
    for unread in [false, true] {
        made.unread = unread;
        assert_eq!(made.name_behind(&proxy(50, 0, "172.17.0.2"), 8401).as_deref(), Some("web"));
        assert_eq!(made.name_behind(&proxy(50, 0, "172.17.0.3"), 8401).as_deref(), Some("db"));
        assert_eq!(
            made.name_behind(&proxy(50, 1000, "172.17.0.2"), 8401).as_deref(),
            Some("theirs")
        );
        assert_eq!(made.name_behind(&proxy(50, 0, "172.17.0.9"), 8401), None);
        assert_eq!(made.name_behind(&proxy(50, 2000, "172.17.0.2"), 8401), None);
    }
}

#[test]
fn of_containers_that_share_a_network_the_first_has_published_the_port() {
    let mut made = Made::default();
    made.container("joined", "docker", 0, 200, 11);
    made.container("pause", "docker", 0, 100, 11);
    made.address(11, "172.17.0.2");
    assert_eq!(made.name_behind(&proxy(50, 0, "172.17.0.2"), 8401).as_deref(), Some("pause"));
    // Whether they share it cannot be read: none is named.
    made.unread = true;
    assert_eq!(made.name_behind(&proxy(50, 0, "172.17.0.2"), 8401), None);
    made.unread = false;
    made.container("twin", "docker", 0, 300, 12);
    made.address(12, "172.17.0.2");
    assert_eq!(made.name_behind(&proxy(50, 0, "172.17.0.2"), 8401), None, "two networks");
}

#[test]
fn a_daemons_port_is_looked_for_among_its_proxies() {
    let mut made = Made::default();
    made.container("web", "docker", 1000, 100, 11);
    made.container("db", "docker", 1000, 200, 12);
    made.container("host", "docker", 0, 300, 13);
    made.address(11, "172.17.0.2");
    made.node(40, 1, "rootlesskit");
    made.node(41, 40, "exe");
    made.node(42, 41, "dockerd");
    made.node(43, 42, "docker-proxy");
    made.processes.insert(43, proxy(43, 1000, "172.17.0.2"));
    let kit = process(40, 1000, "rootlesskit --net=slirp4netns dockerd-rootless.sh");
    made.behind(&kit, 8401, |found| {
        assert_eq!(found.container.and_then(|it| it.container.name.as_deref()), Some("web"));
        assert_eq!((found.addr, found.port), ("172.17.0.2".parse().ok(), Some(80)));
        assert_eq!(names(&found.losers), ["web", "db"]);
        assert_eq!(found.ending, Ending::Daemon);
    });
    made.behind(&kit, 8402, |found| assert_eq!(found.container, None));
}

#[test]
fn conmon_is_of_its_own_child_and_lets_it_run_on() {
    let mut made = Made::default();
    made.container("web", "podman", 0, 100, 11);
    made.container("db", "podman", 0, 200, 12);
    let conmon = process(200, 0, "conmon -c x -n db");
    made.behind(&conmon, 8501, |found| {
        assert_eq!(names(&found.losers), ["db"]);
        assert_eq!(found.ending, Ending::Monitor);
    });
}

#[test]
fn rootlessport_is_of_the_network_of_its_child_or_of_the_group_it_is_in() {
    let mut made = Made::default();
    made.container("web", "podman", 1000, 100, 11);
    made.container("db", "podman", 1000, 200, 12);
    made.node(50, 1, "rootlessport");
    made.node(51, 50, "exe");
    made.networks.insert(51, 12);
    let port = process(50, 1000, "rootlessport");
    assert_eq!(made.name_behind(&port, 8601).as_deref(), Some("db"));
    // Namespaces of others are not to be read; control groups are.
    made.unread = true;
    assert_eq!(made.name_behind(&port, 8601), None);
    made.groups.insert(50, "/user.slice/podman-1970.scope");
    made.groups.insert(100, "/user.slice/podman-1970.scope");
    made.groups.insert(200, "/user.slice/podman-2020.scope");
    assert_eq!(made.name_behind(&port, 8601).as_deref(), Some("web"));
    made.groups.insert(200, "/user.slice/podman-1970.scope");
    assert_eq!(made.name_behind(&port, 8601), None, "one of two");
}

#[test]
fn slirp4netns_is_the_network_of_one_or_of_all() {
    let mut made = Made::default();
    made.container("web", "podman", 1000, 100, 11);
    made.container("db", "podman", 1000, 200, 12);
    made.container("rootful", "podman", 0, 300, 13);
    made.files.insert("/run/user/1000/netns/netns-a".to_owned(), 12);
    let one = process(50, 1000, "slirp4netns -c -r 4 /run/user/1000/netns/netns-a tap0");
    made.behind(&one, 8602, |found| assert_eq!(names(&found.losers), ["db"]));
    let id = format!("{:0>64}", "web");
    let by_socket = format!("slirp4netns --api-socket /run/{id}.net /run/user/1000/netns/b tap0");
    assert_eq!(made.name_behind(&process(50, 1000, &by_socket), 8602).as_deref(), Some("web"));
    // Another user's process may name any container.
    assert_eq!(made.name_behind(&process(50, 2000, &by_socket), 8602), None);
    let all = process(50, 1000, "slirp4netns -c -r 3 /run/user/1000/netns/rootless-netns-d4 tap0");
    made.behind(&all, 8602, |found| {
        assert_eq!(
            (found.container, names(&found.losers)),
            (None, vec!["web".into(), "db".into()])
        );
        assert_eq!(found.ending, Ending::Network);
    });
    made.node(60, 1, "rootlesskit");
    made.node(61, 60, "exe");
    made.container("inner", "docker", 1000, 400, 14);
    let daemons = process(62, 1000, "slirp4netns --mtu 1500 -r 3 61 tap0");
    made.behind(&daemons, 8602, |found| assert_eq!(names(&found.losers), ["inner"]));
}

#[test]
fn a_container_is_stopped_as_the_user_whose_it_is() {
    let of = |runtime: &str, uid: u32, own_uid: u32| {
        let container = ContainerBehind {
            runtime: runtime.to_owned(),
            id: "3f".to_owned(),
            name: Some("web".to_owned()),
            uid: Some(uid),
            first: None,
            confirmed: ToldBy::Asked,
        };
        stop::command(&container, own_uid, own_uid == 5).map(|argv| argv.join(" "))
    };
    assert_eq!(of("docker", 0, 1000).as_deref(), Some("docker stop -- web"));
    assert_eq!(of("docker", 0, 5).as_deref(), Some("sudo docker stop -- web"));
    assert_eq!(
        of("docker", 1000, 5).as_deref(),
        Some("sudo docker -H unix:///run/user/1000/docker.sock stop -- web")
    );
    assert_eq!(
        of("docker", 1000, 0).as_deref(),
        Some("docker -H unix:///run/user/1000/docker.sock stop -- web")
    );
    assert_eq!(of("podman", 0, 0).as_deref(), Some("podman stop -- web"));
    assert_eq!(of("podman", 0, 1000).as_deref(), Some("sudo podman stop -- web"));
    assert_eq!(of("podman", 1000, 1000).as_deref(), Some("podman stop -- web"));
    assert_eq!(of("kubernetes", 0, 0), None);
}

#[test]
fn pasta_without_a_container_leads_to_its_own_child() {
    let mut made = Made::default();
    made.node(50, 1, "passt.avx2");
    made.node(51, 50, "busybox");
    made.networks.insert(51, 12);
    let pasta = process(50, 1000, "pasta -f --config-net -t 8907:80 -- busybox httpd -f -p 80");
    made.behind(&pasta, 8907, |found| {
        assert_eq!((found.container, found.inside, found.port), (None, Some(51), Some(80)));
        assert_eq!(found.ending, Ending::Network);
    });
    made.container("web", "podman", 1000, 100, 12);
    made.files.insert("/run/user/1000/netns/n1".to_owned(), 12);
    let of = process(50, 1000, "pasta --config-net -t 8604:80 --netns /run/user/1000/netns/n1");
    assert_eq!(made.name_behind(&of, 8604).as_deref(), Some("web"));
}
