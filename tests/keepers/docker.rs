//! Docker: who holds a published port with its proxy and without, and what runs containers.

use std::time::Duration;

use serde_json::Value;

use crate::booted::{Booted, boot, stdout};
use crate::image::{WEB, prepare};

#[test]
fn a_container_is_stopped_and_not_what_forwards_to_it() {
    let Some(booted) = boot(&["docker", "dockerd", "runc", "busybox", "iptables"]) else { return };
    prepare(&booted);
    booted.units(&[
        (
            "run.service",
            "[Service]\nRestart=always\nExecStart=/usr/bin/docker run --rm --name run -p 8004:80 \
             web sh -c 'trap \"exit 0\" TERM; httpd -f -h /www -p 80 & wait'\n",
        ),
        (
            "noname.service",
            "[Service]\nRestart=always\nExecStart=/usr/bin/docker run --rm -p 8006:80 \
             web sh -c 'trap \"exit 0\" TERM; httpd -f -h /www -p 80 & wait'\n",
        ),
    ]);
    booted.sh(&format!(
        "systemctl start docker; docker import /tmp/image.tar web
         docker run -d --name web --restart always -p 8001:80 {WEB} 80
         docker run -d --name beside -p 8002:80 {WEB} 80
         docker run -d --name both -p 8011:80 -p 8012:81 --stop-signal KILL web \
             sh -c 'httpd -f -h /www -p 81 & exec httpd -f -h /www -p 80'
         docker run -d --name direct --net host {WEB} 8003
         docker run -d --name joes --user 2000:2000 --net host {WEB} 8013
         docker run -d --name lender -p 8007:80 --stop-signal KILL web sleep 12345
         docker run -d --name guest --net container:lender {WEB} 80
         docker run -d --name pair -p 8008:80 --stop-signal KILL web \
             sh -c 'httpd -f -h /www -p 80 & sleep 23456 & wait'
         systemctl start run noname; docker exec -d direct httpd -f -h /www -p 8005"
    ));
    for port in (8001..=8008).chain([8013]) {
        booted.wait_answer(port);
    }
    a_user_without_rights(&booted);
    a_container_that_answers_without_its_proxy(&booted);
    a_container_with_a_proxy(&booted);
    a_process_that_exec_brought_in(&booted);
    a_container_on_the_hosts_network(&booted);
    a_container_that_a_unit_runs(&booted);
    a_container_that_a_unit_runs_without_a_name(&booted);
    a_network_that_is_lent(&booted);
    a_process_beside_the_one_that_serves(&booted);
    a_redirect_without_a_listener(&booted);
    sockpit_in_a_container_of_its_own(&booted);
    a_port_that_the_daemon_holds(&booted);
}

/// The daemon of a user: rootlesskit holds the ports of all containers.
#[test]
fn a_container_of_a_users_docker_is_stopped_and_not_the_daemon() {
    let programs =
        ["docker", "dockerd", "runc", "busybox", "rootlesskit", "slirp4netns", "newuidmap"];
    let Some(booted) = boot(&programs) else { return };
    prepare(&booted);
    booted.sh("useradd -m -u 2000 -s /bin/bash joe; loginctl enable-linger joe");
    booted.write("/home/joe/.config/docker/daemon.json", "{\"storage-driver\":\"vfs\"}\n");
    booted.write("/home/joe/.config/systemd/user/docker.service", ROOTLESS);
    booted.sh(&format!(
        "chown -R joe: /home/joe
         until systemctl --user -M joe@.host daemon-reload 2>/dev/null; do sleep 0.05; done
         systemctl --user -M joe@.host start docker
         export DOCKER_HOST=unix:///run/user/2000/docker.sock
         until docker info >/dev/null 2>&1; do sleep 0.05; done
         docker import /tmp/image.tar web
         docker run -d --name web -p 8001:80 {WEB} 80
         docker run -d --name beside -p 8002:80 {WEB} 80"
    ));
    for port in [8001, 8002] {
        booted.wait_answer(port);
    }
    let plan = booted.plan(8001);
    assert!(plan.is_protected());
    plan.must_say("the daemon would end, and with it containers beside and web");
    let output = booted.kill(&["8001"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    booted.wait_answer(8001);
    booted.follow(8001, "web");
    booted.stays_silent(8001, Duration::from_millis(500));
    booted.wait_answer(8002);
}

/// As Debian's `dockerd-rootless-setuptool.sh` writes it.
const ROOTLESS: &str = "[Service]\nRestart=always\nDelegate=yes\nKillMode=mixed\n\
    Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
    Environment=DOCKERD_ROOTLESS_ROOTLESSKIT_NET=slirp4netns\n\
    ExecStart=/usr/share/docker.io/contrib/dockerd-rootless.sh\n";

/// Who may not see the holder learns of the container by docker-proxy's arguments; and whoever may
/// not speak to the daemon is told to do it as root.
fn a_user_without_rights(booted: &Booted) {
    let as_joe = |line: &str| {
        let line = format!("setpriv --reuid 2000 --regid 2000 --clear-groups {line}");
        booted.command("sh").args(["-c", &line]).output().unwrap()
    };
    let output = as_joe("sockpit kill 8013 --dry-run");
    let said = stdout(&output);
    assert!(said.contains("this would stop it, if it is true: sudo docker stop -- "), "{output:?}");
    assert!(said.contains("not confirmed: docker says: "), "{output:?}");
    let output = as_joe("sockpit kill 8001 --dry-run");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = stdout(&output);
    assert!(said.contains("only forwards, to container "), "{output:?}");
    assert!(said.contains(" at 172.17.0.2:80"), "{output:?}");
    let (_, command) = said.split_once("; this would stop it: ").unwrap();
    let command = command.lines().next().unwrap().trim_end_matches('.');
    let bare = command.strip_prefix("sudo ").unwrap();
    assert!(!as_joe(bare).status.success(), "it needs root");
    let name = bare.strip_prefix("docker stop -- ").unwrap();
    let running = booted.sh(&format!("docker inspect -f '{{{{.State.Status}}}}' {name}"));
    assert_eq!(running, "running\n");
}

fn a_container_with_a_proxy(booted: &Booted) {
    let plan = booted.follow(8001, "web");
    assert!(plan.narrow()[0].ends_with("docker stop -- web"), "{:?}", plan.narrow());
    plan.must_say("only forwards, to container web (docker) at 172.17.0.2:80, where httpd ");
    plan.must_say("were it ended, container web would run on and go on answering there");
    assert!(!plan.has_keeper("docker.service"));
    let first = booted.sh("docker inspect -f '{{.State.Status}}' web");
    assert_eq!(first, "exited\n");
    booted.stays_silent(8001, Duration::from_secs(1));
    booted.wait_answer(8002);
}

/// Docker's rules lead packets past the proxy, so that its end does not free the port; nobody holds
/// it then, and what stops the container stops another server.
fn a_container_that_answers_without_its_proxy(booted: &Booted) {
    let words = "container both would run on and go on answering there: a rule of nftables sends \
                 packets to it";
    let plan = booted.plan(8011);
    plan.must_say(words);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    booted.why_offers_no_stop(8011);
    let output = booted.kill(&["8011", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcome["port_free"], true, "{outcome:#}");
    let reason = outcome["port_reason"].as_str().unwrap();
    assert!(reason.starts_with("8011/tcp is free for a bind, but packets to 8011/tcp go to 172."));
    assert!(reason.contains("container both (docker)"), "{reason}");
    let said = booted.sh("at=$(docker inspect -f '{{.NetworkSettings.Gateway}}' both)
         busybox wget -q -O - http://$at:8011/ 2>&1 || true");
    assert!(said.contains("404"), "it answers: {said}");
    booted.why_offers_no_stop(8011);
    let said = stdout(&booted.sockpit(&["why", "8011"]));
    let stop = "container both is behind it (restart policy no); /usr/bin/docker stop -- both stops it, and with it httpd ";
    assert!(said.contains(stop) && said.contains(" at *:81"), "{said}");
}

/// The container is there for its own first process, which would go along.
fn a_process_that_exec_brought_in(booted: &Booted) {
    let plan = booted.plan(8005);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("stops it, and with it the container's own httpd");
    // A web server that answered leaves TIME_WAIT on its port.
    let output = booted.kill(&["8005"]);
    assert!(stdout(&output).contains("ended"), "{output:?}");
    booted.stays_silent(8005, Duration::from_millis(100));
    booted.wait_answer(8003);
}

/// TERM is not delivered to a first process without a handler, as is foretold.
fn a_container_on_the_hosts_network(booted: &Booted) {
    let plan = booted.plan(8003);
    plan.must_say("is pid 1 of its PID namespace and has no handler for TERM");
    let output = booted.kill(&["8003", "--timeout", "300ms"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    booted.wait_answer(8003);
    booted.follow(8003, "direct");
    booted.wait_answer(8002);
}

/// `docker stop` does not last there, and the unit's own stop does.
fn a_container_that_a_unit_runs(booted: &Booted) {
    let plan = booted.plan(8004);
    plan.must_say("does not last, since run.service starts it again");
    plan.must_say("is removed once it has ended (--rm)");
    let before = booted.sh("docker inspect -f '{{.Id}}' run");
    booted.sh("docker stop run");
    booted.wait_answer(8004);
    assert_ne!(booted.sh("docker inspect -f '{{.Id}}' run"), before);
    booted.follow(8004, "run.service");
    booted.stays_silent(8004, Duration::from_secs(1));
    booted.wait_answer(8002);
}

/// Nothing but image, command and time tells which unit's client it was.
fn a_container_that_a_unit_runs_without_a_name(booted: &Booted) {
    let plan = booted.plan(8006);
    plan.must_say("does not last, since noname.service starts it again");
    booted.follow(8006, "noname.service");
    booted.stays_silent(8006, Duration::from_secs(1));
    booted.wait_answer(8002);
}

/// The port is of one container, and another one answers there.
fn a_network_that_is_lent(booted: &Booted) {
    let plan = booted.plan(8007);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("docker stop -- lender stops it, and with it the network of httpd ");
    booted.why_offers_no_stop(8007);
    booted.sh("docker stop lender");
    booted.wait_silent(8007);
    assert_eq!(booted.sh("docker inspect -f '{{.State.Status}}' guest"), "running\n");
}

fn a_process_beside_the_one_that_serves(booted: &Booted) {
    let plan = booted.plan(8008);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("docker stop -- pair stops it, and with it sleep ");
    booted.sh("docker stop pair");
    booted.wait_silent(8008);
}

/// With the host's processes and a cgroup namespace of its own, as tools are run: the unit is known,
/// and that systemd could not be asked is said.
fn sockpit_in_a_container_of_its_own(booted: &Booted) {
    booted.units(&[("plain.service", "[Service]\nExecStart=/usr/local/bin/serve 8010\n")]);
    booted.sh("systemctl start plain");
    booted.wait_answer(8010);
    let said = booted
        .sh("docker run --rm --pid host --net host --cgroupns private --cap-add SYS_PTRACE \
         -v /usr:/usr:ro web sockpit kill 8010 --dry-run");
    assert!(said.contains("plain.service, as its control group claims,"), "{said}");
    assert!(said.contains("systemctl does not reach systemd from here"), "{said}");
}

/// Nobody holds the port, and yet a container answers by it.
fn a_redirect_without_a_listener(booted: &Booted) {
    booted.sh("at=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' beside)
         iptables -t nat -A PREROUTING -p tcp --dport 8009 -j DNAT --to-destination $at:80");
    for command in ["kill", "ports"] {
        let output = booted.sockpit(&[command, "8009"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        let expected = "packets to 8009/tcp from outside go to 172.17.0.";
        assert!(said.contains(expected) && said.contains("container beside (docker)"), "{said}");
    }
}

/// Without its proxy the daemon itself holds the ports of all containers.
fn a_port_that_the_daemon_holds(booted: &Booted) {
    let settings = "{\"storage-driver\":\"vfs\",\"userland-proxy\":false}\n";
    booted.write("/etc/docker/daemon.json", settings);
    booted.sh("systemctl restart docker; docker start web beside");
    booted.wait_answer(8001);
    let plan = booted.plan(8001);
    assert!(plan.is_protected());
    plan.must_say("the daemon would end, and with it containers beside and web");
    let output = booted.kill(&["8001"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    booted.wait_answer(8001);
    let plan = booted.follow(8001, "web");
    assert_ne!(plan.keeper("web")["is_behind"], Value::Bool(false));
    booted.stays_silent(8001, Duration::from_millis(500));
    booted.wait_answer(8002);
}
