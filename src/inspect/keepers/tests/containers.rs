//! Containers: asked of the right runtime as the right user, and what runs them in turn.

use super::*;
use crate::model::forwarder::{Behind, ContainerBehind, Ending, ForwarderKind, ToldBy};

fn inspected(first: u32, more: &str) -> String {
    format!(
        r#"[{{"Id":"{ID}","Name":"/web","State":{{"Running":true,"Pid":{first},"ConmonPid":19}},
            "HostConfig":{{"RestartPolicy":{{"Name":"always"}}}}{more}}}]"#
    )
}

fn scope(runtime: &str) -> String {
    format!("/system.slice/{runtime}-{ID}.scope")
}

fn system(group: &str, replies: &[(&str, &str)]) -> System {
    let mut system = System::with(replies);
    system.add(1, 0, "systemd", "/sbin/init", "/init.scope");
    system.add(19, 1, "conmon", "conmon", "/machine.slice/libpod-conmon-x.scope");
    system.add(30, 19, "httpd", "httpd -f", group);
    system
}

#[test]
fn docker_confirms_a_container_by_its_whole_id_and_stops_it_by_its_name() {
    let reply = inspected(30, "");
    let ask = format!("docker inspect --type container -- {ID}");
    let chain = system(&scope("docker"), &[(&ask, &reply)]).chain(30);
    assert_eq!(stop(&chain[0]), ("/usr/bin/docker stop -- web".to_owned(), Some(true)));
    assert_eq!((&*chain[0].name, chain[0].restarts), ("web", Some(true)));
    assert!(chain[0].is_narrow() && chain.len() == 1, "{chain:?}");
    assert!(!chain[0].is_temporary);
    // A path that claims it is not enough: the container's first process is elsewhere.
    let forged = inspected(1, "");
    let chain = system(&scope("docker"), &[(&ask, &forged)]).chain(30);
    assert!(chain[0].stop.is_none() && chain[0].untested.is_some(), "{chain:?}");
}

#[test]
fn a_process_that_exec_brought_in_is_not_what_the_container_is_for() {
    let reply = inspected(40, "");
    let mut system = system(&scope("docker"), &[("docker inspect", &reply)]);
    system.add(40, 1, "nginx", "nginx", &scope("docker"));
    let chain = system.chain(30);
    assert_eq!(chain[0].stops_also, ["the container's own nginx 40"]);
    assert!(!chain[0].is_narrow());
}

const UNIT: &str = "MainPID=19\nControlGroup=/system.slice/quad.service\nKillMode=mixed\n\
    Id=quad.service\nLoadState=loaded\nActiveState=active\nCanStop=yes\nRestart=always\n\
    RestartUSec=100ms\n";

#[test]
fn the_unit_that_runs_a_container_undoes_its_stop() {
    // As quadlet does it: the payload lies in the unit.
    let group = format!("/system.slice/quad.service/libpod-payload-{ID}");
    let reply = inspected(30, "");
    let replies = [("podman inspect", &*reply), ("systemctl show", UNIT)];
    let chain = system(&group, &replies).chain(30);
    assert_eq!(chain[0].undone_by.as_deref(), Some("quad.service"));
    assert_eq!(
        stop(&chain[1]),
        ("/usr/bin/systemctl stop --no-ask-password -- quad.service".to_owned(), Some(true))
    );
    assert!(chain[1].is_narrow());
    // As `podman generate systemd` does it: only the monitor lies there.
    let mut system = system(&format!("/machine.slice/libpod-{ID}.scope"), &replies);
    system.add(19, 1, "conmon", "conmon", "/system.slice/quad.service");
    let chain = system.chain(30);
    assert_eq!(chain[0].undone_by.as_deref(), Some("quad.service"), "{chain:?}");
    assert_eq!(chain[1].name, "quad.service");
}

#[test]
fn the_unit_of_a_docker_run_is_found_by_its_client() {
    let reply = inspected(30, "");
    let unit = UNIT.replace("quad", "web");
    let replies = [("docker inspect", &*reply), ("systemctl show", &*unit)];
    let mut system = system(&scope("docker"), &replies);
    system.add(25, 1, "docker", "docker run --rm --name web nginx", "/system.slice/web.service");
    let chain = system.chain(30);
    assert_eq!(chain[0].undone_by.as_deref(), Some("web.service"), "{chain:?}");
    assert_eq!(stop(&chain[1]).1, Some(true));
    // A first process without a handler outlives the client.
    let holder = system.members.get_mut(&30).unwrap();
    holder.standing = Standing { pids: vec![30, 1], catches: Some(0), ..Standing::default() };
    assert_eq!(stop(&system.chain(30)[1]).1, None);
}

#[test]
fn a_users_container_is_asked_of_that_users_runtime() {
    let group =
        format!("/user.slice/user-2000.slice/user@2000.service/user.slice/libpod-{ID}.scope");
    let reply = inspected(30, "");
    let replies = [
        ("getent passwd 2000", "sup:x:2000:2000::/home/sup:/bin/bash\n"),
        (
            "runuser -u sup -- /usr/bin/env HOME=/home/sup XDG_RUNTIME_DIR=/run/user/2000 \
          /usr/bin/podman inspect",
            &*reply,
        ),
        ("podman inspect", &*reply),
    ];
    let chain = system(&group, &replies).chain(30);
    let line = "/usr/bin/runuser -u sup -- /usr/bin/env HOME=/home/sup XDG_RUNTIME_DIR=/run/user/2000 \
                /usr/bin/podman stop -- web";
    assert_eq!(stop(&chain[0]).0, line);
    let mut own = system(&group, &replies);
    own.uid = 2000;
    assert_eq!(stop(&own.chain(30)[0]).0, "/usr/bin/podman stop -- web");
    own.uid = 5;
    let others = &own.chain(30)[0];
    assert!(others.stop.is_none(), "only root can ask another user's podman");
    let line = "sudo runuser -u sup -- /usr/bin/env HOME=/home/sup XDG_RUNTIME_DIR=/run/user/2000 \
                /usr/bin/podman stop -- web";
    assert_eq!(others.untested.as_ref().unwrap().join(" "), line.replace("web", ID));
    let rootless = group.replace("libpod", "docker");
    let replies = [("docker -H unix:///run/user/2000/docker.sock inspect", &*reply)];
    let chain = system(&rootless, &replies).chain(30);
    assert!(
        stop(&chain[0]).0.starts_with("/usr/bin/docker -H unix:///run/user/2000/docker.sock stop")
    );
}

/// Root's containers are told of to others as root's: their own podman knows none of them, and the
/// daemon does not talk to them.
#[test]
fn a_container_that_only_root_may_stop_is_left_to_root() {
    let denied = "docker says: Got permission denied while trying to connect";
    for (runtime, refusal, reason) in [
        ("docker", Some(denied), denied),
        ("docker", None, "docker is silent"),
        ("podman", Some(denied), "only root can ask podman for root's containers"),
    ] {
        let group = format!("/machine.slice/{runtime}-{ID}.scope").replace("podman", "libpod");
        let mut system = system(&group, &[]);
        system.refusal = refusal.map(str::to_owned);
        system.uid = 5;
        let keeper = system.chain(30).remove(0);
        let needs_root = keeper.untested.as_ref().unwrap()[0] == "sudo";
        assert_eq!((needs_root, keeper.reason.as_deref()), (refusal.is_some(), Some(reason)));
    }
}

#[test]
fn the_container_behind_a_monitor_is_stopped_and_not_the_monitor() {
    let reply = inspected(40, "");
    let mut system = system("/", &[("podman inspect", &reply)]);
    system.add(19, 1, "conmon", &format!("/usr/bin/conmon -c {ID} -n web"), "/");
    system.add(40, 19, "httpd", "httpd", &format!("/machine.slice/libpod-{ID}.scope"));
    system.forwarder = Some(Forwarder {
        pid: 19,
        name: "conmon".to_owned(),
        uid: Some(0),
        kind: ForwarderKind::Conmon,
        behind: Behind {
            container: Some(ContainerBehind {
                runtime: "podman".to_owned(),
                id: ID.to_owned(),
                name: Some("web".to_owned()),
                uid: Some(0),
                first: Some(40),
                confirmed: ToldBy::Arguments,
            }),
            ..Behind::default()
        },
        ending: Ending::Monitor,
        containers: Vec::new(),
        rules: Some(Vec::new()),
        stop: None,
    });
    let chain = system.chain(19);
    assert_eq!(stop(&chain[0]), ("/usr/bin/podman stop -- web".to_owned(), Some(true)));
    assert!(chain[0].is_behind && !chain[0].may_restart(), "nobody starts the monitor again");
}

#[test]
fn a_task_of_a_swarm_comes_back() {
    let labels = r#","Config":{"Labels":{"com.docker.swarm.service.name":"svc"}}"#;
    let reply = inspected(30, labels);
    let chain = system(&scope("docker"), &[("docker inspect", &reply)]).chain(30);
    assert_eq!(chain[0].undone_by.as_deref(), Some("svc"));
    assert_eq!((chain[1].kind, &chain[1].stop), (KeeperKind::Swarm, &None));
}

#[test]
fn a_client_without_a_name_is_known_by_what_it_asked_for() {
    let made = |at: &str, image: &str| {
        inspected(
            30,
            &format!(r#","Created":"{at}","Config":{{"Image":"{image}","Cmd":["-p","80"]}}"#),
        )
    };
    let unit = UNIT.replace("quad", "web");
    let group = "/system.slice/web.service";
    let outer = |reply: &str, clients: &[&str]| {
        let replies = [("docker inspect", reply), ("systemctl show", &*unit)];
        let mut system = system(&scope("docker"), &replies);
        for (pid, client) in (25..).zip(clients) {
            let member = system.add(pid, 1, "docker", client, group);
            member.process.started_at = Some("2026-03-14T10:00:00Z".parse().unwrap());
        }
        system.chain(30)[0].undone_by.clone()
    };
    let known = Some("web.service".to_owned());
    let run = "docker run --rm -p 8:80 nginx -p 80";
    let at = "2026-03-14T10:00:01.5Z";
    assert_eq!(outer(&made(at, "nginx"), &[run]), known);
    assert_eq!(outer(&made(at, "nginx"), &["docker run nginx"]), known, "the image's own command");
    assert_eq!(outer(&made(at, "nginx"), &[run, run]), None, "it could be either");
    let ports =
        r#","NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"","HostPort":"8"}]}},"Created""#;
    let published = made(at, "nginx").replace(r#","Created""#, ports);
    let other = "docker run --rm --publish=127.0.0.1:9:80 nginx -p 80";
    assert_eq!(outer(&published, &[run, other]), known, "the other one publishes another port");
    assert_eq!(outer(&made(at, "other"), &[run]), None);
    assert_eq!(outer(&made(at, "docker.io/library/nginx:latest"), &[run]), known);
    assert_eq!(outer(&made(at, "nginx"), &["docker run -d nginx -p 80"]), None);
    assert_eq!(outer(&made(at, "nginx"), &["docker run --name x nginx -p 80"]), None);
    assert_eq!(outer(&made("2026-03-14T09:00:00Z", "nginx"), &[run]), None, "it was there before");
}

#[test]
fn who_has_joined_a_containers_network_is_named() {
    let reply = inspected(30, "");
    let mut system = system(&scope("docker"), &[("docker inspect", &reply)]);
    let other = scope("docker").replace(ID, &ID.replace('3', "4"));
    system.add(40, 1, "sidecar", "sidecar", &other);
    system.add(41, 40, "child", "child", &other);
    system.networks = [(30, 7), (40, 7), (41, 7)].into();
    let chain = system.chain(30);
    assert_eq!(chain[0].stops_also, ["the network of sidecar 40, which is in another container"]);
    // Who has joined lends nothing.
    let joined =
        reply.replace(r#""RestartPolicy""#, r#""NetworkMode":"container:x","RestartPolicy""#);
    system.replies = vec![("docker inspect".to_owned(), joined)];
    assert!(system.chain(30)[0].stops_also.is_empty());
}
