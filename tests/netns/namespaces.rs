//! Several network namespaces at once: each test makes them inside of its own.

use std::os::linux::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sockpit::act::{Action as _, Consent, Request as _, close};
use sockpit::inspect::sockets::{Reach, Request, list};
use sockpit::model::socket::{Socket, SocketId, SocketKey, State};

use crate::kill::Server;
use crate::support::{in_namespace, run, sockpit, wait_for};

/// Makes a namespace with this name, in a `/run` that is the test's own.
pub(crate) fn add(name: &str) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    if !mounts.contains("sockpit-test /run ") {
        run(Command::new("mount").args(["-t", "tmpfs", "sockpit-test", "/run"]));
    }
    run(Command::new("ip").args(["netns", "add", name]));
    run(Command::new("ip").args(["-n", name, "link", "set", "lo", "up"]));
}

/// What starts a program in a namespace with a name.
pub(crate) const IN_WEB: [&str; 2] = ["nsenter", "--net=/run/netns/web"];
/// What starts a program in a namespace of its own.
const IN_NEW: [&str; 2] = ["unshare", "--net"];

pub(crate) fn inode_of(path: impl AsRef<Path>) -> u64 {
    std::fs::metadata(path).unwrap().st_ino()
}

fn inode_of_process(server: &Server) -> u64 {
    inode_of(format!("/proc/{}/ns/net", server.pid()))
}

fn own() -> u64 {
    inode_of("/proc/self/ns/net")
}

fn ports(args: &[&str]) -> (i32, Value) {
    let output = sockpit().args(["ports", "--json"]).args(args).output().unwrap();
    document(&output)
}

fn document(output: &Output) -> (i32, Value) {
    let json: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code().unwrap(), json)
}

/// Namespace, its name, and the pids of the owners of each socket.
fn holders(json: &Value) -> Vec<(u64, Option<&str>, Vec<u64>)> {
    let sockets = json["sockets"].as_array().unwrap();
    let mut found: Vec<_> = sockets
        .iter()
        .map(|socket| {
            let owners = socket["owners"].as_array().unwrap();
            let pids = owners.iter().map(|owner| owner["pid"].as_u64().unwrap()).collect();
            (socket["netns"].as_u64().unwrap(), socket["netns_name"].as_str(), pids)
        })
        .collect();
    found.sort_unstable();
    found
}

fn health<'a>(json: &'a Value, source: &str) -> &'a Value {
    let lines = json["health"].as_array().unwrap();
    lines.iter().find(|line| line["source"] == source).unwrap_or_else(|| panic!("{json}"))
}

const LISTEN_EVERYWHERE: &str = "s = tcp(addr='0.0.0.0'); ready()";

#[test]
fn the_same_port_in_three_namespaces_has_three_holders() {
    in_namespace(|| {
        add("web");
        let here = Server::start(LISTEN_EVERYWHERE);
        let named = Server::start_under(&IN_WEB, LISTEN_EVERYWHERE);
        let nameless = Server::start_under(&IN_NEW, LISTEN_EVERYWHERE);

        let (code, json) = ports(&["port:8080", "--all-netns"]);
        let pids = |server: &Server| vec![u64::from(server.pid())];
        let mut expected = vec![
            (own(), None, pids(&here)),
            (inode_of("/run/netns/web"), Some("web"), pids(&named)),
            (inode_of_process(&nameless), None, pids(&nameless)),
        ];
        expected.sort_unstable();
        let found = holders(&json);
        assert_eq!((code, without_own_name(found)), (0, expected), "{json}");
        assert_eq!(health(&json, "netns")["state"], "ready");

        // What sockpit itself opens there in order to ask is not among them.
        let (_, json_there) = ports(&["netns:web", "--all-netns"]);
        for socket in json_there["sockets"].as_array().unwrap() {
            let kind = &socket["ownership"]["kind"];
            assert!(kind == "owned" || kind == "kernel", "{socket}");
        }

        // Without being asked for others, sockpit stays in its own.
        let (_, json) = ports(&["port:8080"]);
        assert_eq!(without_own_name(holders(&json)), [(own(), None, pids(&here))]);

        let text = |args: &[&str]| {
            let output = sockpit().args(["ports", "port:8080"]).args(args).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert!(!text(&[]).contains("NETNS"));
        let all = text(&["--all-netns"]);
        assert!(all.starts_with("NETNS "), "{all}");
        assert!(all.lines().any(|line| line.starts_with("web ")), "{all}");
        let nameless = inode_of_process(&nameless).to_string();
        assert!(all.lines().any(|line| line.starts_with(&nameless)), "{all}");
    });
}

/// Where the tests run, the namespace that they begin in may be a container's.
fn without_own_name(
    mut found: Vec<(u64, Option<&str>, Vec<u64>)>,
) -> Vec<(u64, Option<&str>, Vec<u64>)> {
    for (netns, name, _) in &mut found {
        if *netns == own() {
            *name = None;
        }
    }
    found
}

/// Moves the calling script into the namespace `web`, and back.
const SETNS: &str = "
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def move(path):
    fd = os.open(path, os.O_RDONLY)
    assert libc.setns(fd, 0x40000000) == 0, ctypes.get_errno()
    os.close(fd)
here = '/proc/self/ns/net'
home = os.open(here, os.O_RDONLY)
def back():
    assert libc.setns(home, 0x40000000) == 0, ctypes.get_errno()
";

#[test]
fn a_process_may_hold_sockets_of_two_namespaces() {
    in_namespace(|| {
        add("web");
        // Nobody is in the namespace but its mount: only the file in /run/netns leads to it.
        let script = "a = tcp(); move('/run/netns/web'); b = tcp(); back(); ready()";
        let server = Server::start(&format!("{SETNS}{script}"));
        let (_, json) = ports(&["port:8080", "--all-netns"]);
        let pid = vec![u64::from(server.pid())];
        let mut expected =
            vec![(own(), None, pid.clone()), (inode_of("/run/netns/web"), Some("web"), pid)];
        expected.sort_unstable();
        assert_eq!(without_own_name(holders(&json)), expected, "{json}");
        let fds: Vec<&Value> = json["sockets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|socket| &socket["owners"][0]["fd"])
            .collect();
        assert_ne!(fds[0], fds[1], "each has its own descriptor");
    });
}

#[test]
fn a_descriptor_passed_out_of_its_namespace_is_owned_outside() {
    in_namespace(|| {
        // The child makes the socket in a namespace of its own, passes it, and keeps none.
        let script = "
a, b = socket.socketpair()
child = os.fork()
if child == 0:
    a.close()
    assert libc.unshare(0x40000000) == 0
    s = tcp(addr='0.0.0.0')
    socket.send_fds(b, [b'x'], [s.fileno()])
    s.close()
    time.sleep(600)
_, fds, _, _ = socket.recv_fds(a, 1, 1)
import atexit
atexit.register(os.kill, child, 9)
os.write(1, b'%d\\n' % child)
ready()";
        let mut server = Server::start_unready(&format!("{SETNS}{script}"));
        let child = server.read_pid();
        assert_eq!(server.read_pid(), server.pid());
        let (_, json) = ports(&["port:8080", "--all-netns"]);
        let elsewhere = inode_of(format!("/proc/{child}/ns/net"));
        assert_ne!(elsewhere, own());
        assert_eq!(holders(&json), [(elsewhere, None, vec![u64::from(server.pid())])], "{json}");
        run(Command::new("kill").arg(child.to_string()));
    });
}

#[test]
fn what_ended_long_ago_belongs_to_its_own_namespace() {
    in_namespace(|| {
        add("web");
        let script = "
s = tcp()
c = socket.create_connection(('127.0.0.1', 8080))
p, _ = s.accept()
c.close()
p.recv(1)
p.close()
ready()";
        let _server = Server::start_under(&IN_WEB, script);
        let _same_port_here = Server::start(LISTEN_EVERYWHERE);
        let (_, json) = wait_for("TIME_WAIT", || {
            let (code, json) = ports(&["state:time_wait", "--all-netns"]);
            (code == 0).then_some((code, json))
        });
        let socket = &json["sockets"][0];
        assert_eq!(socket["netns_name"], "web");
        assert_eq!((&socket["inode"], &socket["ownership"]["kind"]), (&0.into(), &"kernel".into()));
    });
}

#[test]
fn without_rights_its_own_namespace_is_shown_and_the_rest_is_said() {
    in_namespace(|| {
        add("web");
        let _here = Server::start(LISTEN_EVERYWHERE);
        let _named = Server::start_under(&IN_WEB, LISTEN_EVERYWHERE);
        let ports = |query: &str| {
            let output = Command::new("setpriv")
                .args(["--bounding-set", "-all", "--inh-caps", "-all", "--"])
                .arg(env!("CARGO_BIN_EXE_sockpit"))
                .args(["ports", query, "--all-netns", "--json"])
                .output()
                .unwrap();
            document(&output)
        };
        assert_eq!(ports("port:9").0, 3, "it may be held where nobody may look");
        let (code, json) = ports("port:8080");
        assert_eq!(code, 0);
        let found = holders(&json);
        assert_eq!((found.len(), found[0].0), (1, own()), "{json}");
        let line = health(&json, "netns");
        assert_eq!(line["state"], "degraded");
        let reason = line["reason"].as_str().unwrap();
        assert!(reason.contains("network namespace web may not be entered"), "{reason}");
        assert!(reason.contains("may not be read"), "{reason}");
        assert!(line["remedy"].as_str().unwrap().contains("CAP_SYS_ADMIN"), "{line}");
    });
}

#[test]
fn a_namespace_that_ends_is_let_go_while_it_is_watched() {
    in_namespace(|| {
        add("web");
        // A pair of interfaces lives as long as the namespace of either.
        run(Command::new("ip").args([
            "link",
            "add",
            "veth-here",
            "type",
            "veth",
            "peer",
            "name",
            "veth-there",
        ]));
        run(Command::new("ip").args(["link", "set", "veth-there", "netns", "web"]));
        let mut server = Server::start_under(&IN_WEB, LISTEN_EVERYWHERE);
        let mut watch = crate::ports::Helper::sockpit(&[
            "ports",
            "--all-netns",
            "--watch=0.1",
            "--json",
            "netns:web",
            "proto:tcp",
        ]);
        let event: Value = serde_json::from_str(&watch.line()).unwrap();
        assert_eq!(
            (&event["event"], &event["socket"]["netns_name"]),
            (&"present".into(), &"web".into())
        );

        run(Command::new("ip").args(["netns", "delete", "web"]));
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        let event: Value = serde_json::from_str(&watch.line()).unwrap();
        assert_eq!(event["event"], "removed");
        wait_for("the end of the namespace", || {
            let links = run(Command::new("ip").args(["-brief", "link"]));
            (!links.contains("veth-here")).then_some(())
        });
    });
}

fn why(args: &[&str]) -> (i32, Value) {
    document(&sockpit().args(["why", "--json"]).args(args).output().unwrap())
}

#[test]
fn why_says_in_which_namespace_the_server_is_that_is_not_here() {
    in_namespace(|| {
        add("web");
        let named = Server::start_under(&IN_WEB, "s = tcp(); ready()");
        let nameless = Server::start_under(&IN_NEW, LISTEN_EVERYWHERE);
        let (code, json) = why(&["8080"]);
        assert_eq!((code, &json["bindable"]), (0, &Value::Bool(true)), "{json}");
        let findings = json["findings"].as_array().unwrap();
        let found: Vec<&Value> = findings.iter().map(|finding| &finding["kind"]).collect();
        assert_eq!(found, ["other_netns", "other_netns"], "{json}");
        let of = |server: &Server| {
            let owner =
                |finding: &&Value| finding["sockets"][0]["owners"][0]["pid"] == server.pid();
            findings.iter().find(owner).unwrap_or_else(|| panic!("{json}"))
        };
        let text = of(&named)["text"].as_str().unwrap();
        let expected =
            format!("in network namespace web 127.0.0.1:8080 is held by python3 {}", named.pid());
        assert!(text.starts_with(&expected), "{text}");
        let argv = &of(&named)["remedies"][0]["argv"];
        let expected = ["nsenter", "--net=/run/netns/web", "sockpit", "why", "8080"];
        assert_eq!(*argv, serde_json::json!(expected));
        let argv = &of(&nameless)["remedies"][0]["argv"];
        assert_eq!(argv[1], format!("--net=/proc/{}/ns/net", nameless.pid()));

        // The remedy is true: there the port is held.
        let argv: Vec<String> = serde_json::from_value(argv.clone()).unwrap();
        let mut there = Command::new(&argv[0]);
        there.arg(&argv[1]).arg(env!("CARGO_BIN_EXE_sockpit")).args(&argv[3..]).arg("--json");
        let (code, json) = document(&there.output().unwrap());
        assert_eq!((code, &json["findings"][0]["kind"]), (1, &"listener".into()), "{json}");

        // Another address, another protocol: nobody is in the way there.
        assert_eq!(why(&["8080/udp"]).1["findings"], serde_json::json!([]));
        let (_, json) = why(&["8080", "--addr", "127.0.0.2"]);
        assert_eq!(json["findings"].as_array().unwrap().len(), 1, "{json}");

        // Whoever serves here is the reason; nobody else is.
        let _here = Server::start("s = tcp(); ready()");
        let (code, json) = why(&["8080"]);
        let findings = json["findings"].as_array().unwrap();
        let kinds: Vec<&Value> = findings.iter().map(|finding| &finding["kind"]).collect();
        assert_eq!((code, kinds), (1, vec![&"listener".into(), &"specific_conflict".into()]));
    });
}

#[test]
fn why_claims_nothing_of_namespaces_that_it_may_not_enter() {
    in_namespace(|| {
        add("web");
        let _named = Server::start_under(&IN_WEB, LISTEN_EVERYWHERE);
        let output = Command::new("setpriv")
            .args(["--bounding-set", "-all", "--inh-caps", "-all", "--"])
            .arg(env!("CARGO_BIN_EXE_sockpit"))
            .args(["why", "8080", "--json"])
            .output()
            .unwrap();
        let (code, json) = document(&output);
        assert_eq!((code, &json["findings"]), (0, &serde_json::json!([])), "{json}");
    });
}

/// A connection between the same two ends wherever it runs, both held by one process. Prints
/// whether it still works whenever it is told to look, by a signal.
const SAME_ENDS: &str = "
s = tcp()
c = socket.socket()
c.bind(('127.0.0.1', 40000))
c.connect(('127.0.0.1', 8080))
a, _ = s.accept()
def look(*_):
    c.settimeout(5)
    try:
        a.send(b'x')
        said = 1 if c.recv(1) == b'x' else 2
    except OSError: said = 0
    os.write(1, b'%d\\n' % said)
signal.signal(signal.SIGUSR1, look)
ready()";

/// Whether the connection of a [`SAME_ENDS`] works.
fn works(server: &mut Server) -> bool {
    run(Command::new("kill").args(["-USR1", &server.pid().to_string()]));
    server.read_pid() == 1
}

fn key_in(netns: u64, wanted: impl Fn(&Socket) -> bool) -> SocketKey {
    let request = Request { reach: Reach::All, ..Request::default() };
    let listing = list(&request).unwrap();
    let socket = listing.sockets.iter().find(|one| one.netns == Some(netns) && wanted(one));
    let cookie = socket.unwrap_or_else(|| panic!("{listing:#?}")).cookie.unwrap();
    SocketKey { netns: Some(netns), id: SocketId::Cookie(cookie) }
}

#[test]
fn a_close_hits_the_socket_of_the_rows_own_namespace_alone() {
    in_namespace(|| {
        add("web");
        let mut here = Server::start(SAME_ENDS);
        let mut there = Server::start_under(&IN_WEB, SAME_ENDS);
        assert!(works(&mut here) && works(&mut there));
        let web = inode_of("/run/netns/web");
        let is_client = |socket: &Socket| {
            socket.state == State::Established && socket.local.port == Some(40000)
        };
        let key = key_in(web, is_client);

        let plan = close::Request { keys: vec![key], named: vec![] }.prepare().unwrap();
        let [target] = &plan.targets[..] else { panic!("{plan:#?}") };
        assert_eq!(target.socket.netns, Some(web));
        assert_eq!(plan.command(Consent::default()), None);
        let outcome = plan.run(Consent::default(), &mut |_| {}).unwrap();
        assert_eq!((outcome.closed.len(), outcome.failed.len()), (1, 0), "{outcome:#?}");
        assert!(!works(&mut there), "closed in its namespace");
        assert!(works(&mut here), "the one with the same ends here lives on");

        // What has ended by then is not looked for anywhere else.
        let outcome = plan.run(Consent::default(), &mut |_| {}).unwrap();
        assert_eq!((outcome.closed.len(), outcome.ended.len()), (0, 1), "{outcome:#?}");
        assert!(works(&mut here));

        // And the other way round, with the keys of both namespaces in one plan.
        let mut there = {
            drop(there);
            Server::start_under(&IN_WEB, SAME_ENDS)
        };
        let keys = [key_in(own(), is_client), key_in(web, is_client)];
        let plan = close::Request { keys: keys.to_vec(), named: vec![] }.prepare().unwrap();
        let outcome = plan.run(Consent::default(), &mut |_| {}).unwrap();
        assert_eq!(outcome.closed.len(), 2, "{outcome:#?}");
        assert!(!works(&mut here) && !works(&mut there));
    });
}

#[test]
fn a_kill_stays_in_its_own_namespace_and_counts_what_is_lost_in_all() {
    in_namespace(|| {
        add("web");
        let mut there = Server::start_under(&IN_WEB, LISTEN_EVERYWHERE);
        let kill = |args: &[&str]| sockpit().arg("kill").args(args).output().unwrap();
        let output = kill(&["8080", "--yes"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        let expected =
            format!("here, but python3 {} holds it in network namespace web", there.pid());
        assert!(said.contains("nothing holds 8080/tcp") && said.contains(&expected), "{said}");
        assert!(there.is_alive());

        // A server of both: its port here makes it a victim, its port there is lost with it.
        let script = "a = tcp(); move('/run/netns/web'); b = tcp(port=9090); back(); ready()";
        let mut both = Server::start(&format!("{SETNS}{script}"));
        let (code, json) = document(&kill(&["8080", "--dry-run", "--json"]));
        let plan = &json["plan"];
        assert_eq!((code, &plan["victims"][0]["pid"]), (0, &both.pid().into()), "{json}");
        assert_eq!(plan["victims"].as_array().unwrap().len(), 1, "{json}");
        let lost = &plan["blast_radius"]["other_listeners"][0];
        assert_eq!((&lost["local"]["port"], &lost["netns_name"]), (&9090.into(), &"web".into()));
        assert_eq!(kill(&["8080", "--yes"]).status.code(), Some(0));
        assert_eq!(both.signal(), Some(15));
        assert!(there.is_alive());
    });
}

#[test]
fn interfaces_and_overflows_are_those_of_each_namespace() {
    in_namespace(|| {
        add("web");
        // The same number for different names.
        run(Command::new("ip").args(["link", "add", "here0", "index", "77", "type", "bridge"]));
        let mut there = vec!["-n", "web", "link", "add", "there0", "index", "77"];
        there.extend(["type", "bridge"]);
        run(Command::new("ip").args(there));
        let bound = |name: &str| {
            format!(
                "s = socket.socket()\n\
                 s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'{name}')\n\
                 s.bind(('0.0.0.0', 8080)); s.listen(0)\n"
            )
        };
        // One connection more than a queue of none takes, on lo.
        let overflow = "q = socket.socket(); q.bind(('127.0.0.1', 9090)); q.listen(0)\n\
                        cs = [socket.socket() for _ in range(4)]\n\
                        for c in cs: c.setblocking(False); c.connect_ex(('127.0.0.1', 9090))\n\
                        ready()";
        let _here = Server::start(&format!("{}ready()", bound("here0")));
        let _there = Server::start_under(&IN_WEB, &format!("{}{overflow}", bound("there0")));
        let (_, json) = ports(&["port:8080", "--all-netns"]);
        let mut names: Vec<&str> = json["sockets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|socket| socket["interface"].as_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["here0", "there0"]);
        assert_eq!(json["listen"]["overflows"], 0);
        let elsewhere = wait_for("an overflow", || {
            let (_, json) = ports(&["port:8080", "--all-netns"]);
            let elsewhere = json["listen_elsewhere"].as_array().unwrap().clone();
            let web = inode_of("/run/netns/web");
            elsewhere.into_iter().find(|one| one["netns"] == web && one["overflows"] != 0)
        });
        assert!(elsewhere["drops"].as_u64() >= elsewhere["overflows"].as_u64());
    });
}
