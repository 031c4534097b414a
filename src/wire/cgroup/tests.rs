use super::*;

const ID: &str = "3f4e1b0c9d8a7f6e5d4c3b2a190817263544536271809fabcdef0123456789ab";

fn unit_name(path: &str) -> Option<(String, UnitScope)> {
    unit(path).map(|unit| (unit.name.into(), unit.scope))
}

#[test]
fn the_system_managers_own_segment_is_the_unit() {
    let system = |name: &str| Some((name.to_owned(), UnitScope::System));
    assert_eq!(unit_name("/system.slice/nginx.service"), system("nginx.service"));
    assert_eq!(unit_name("/system.slice/a.service/evil.service"), system("a.service"));
    assert_eq!(unit_name("/user.slice/user-0.slice/session-3.scope"), system("session-3.scope"));
    assert_eq!(unit_name("/init.scope"), system("init.scope"));
    assert_eq!(unit_name("/system.slice/_cpu.service"), system("cpu.service"));
    assert_eq!(unit_name("/"), None);
    assert_eq!(unit_name("/docker/abc/nginx.service"), None);
}

#[test]
fn below_a_users_manager_it_is_a_user_unit() {
    let path = "/user.slice/user-1000.slice/user@1000.service/app.slice/syncthing.service";
    assert_eq!(unit_name(path), Some(("syncthing.service".into(), UnitScope::User)));
    let manager = "/user.slice/user-1000.slice/user@1000.service/init.scope";
    assert_eq!(unit_name(manager), Some(("init.scope".into(), UnitScope::User)));
}

/// What a path says of a container: its runtime and its id or name.
fn told(path: &str) -> Option<(String, String)> {
    container(path).map(|found| (found.runtime.into_owned(), found.id.into_string()))
}

/// The path with the id in place of `ID`, and who is expected there.
#[track_caller]
fn assert_runs(path: &str, runtime: &str) {
    let path = path.replace("ID", ID);
    assert_eq!(told(&path), Some((runtime.to_owned(), ID.to_owned())), "{path}");
}

#[test]
fn containers_are_told_by_their_runtimes_habits() {
    let user = "/user.slice/user-1000.slice/user@1000.service";
    let pod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6ba7_b810.slice";
    for (path, runtime) in [
        // docker: systemd driver, cgroupfs driver, rootless, on Amazon ECS.
        ("/system.slice/docker-ID.scope", "docker"),
        ("/docker/ID", "docker"),
        ("/docker/ID/init", "docker"),
        (&format!("{user}/user.slice/docker-ID.scope"), "docker"),
        ("/ecs/0b69d5c05a1f4f4f8c2d5e7e8f9a0b1c/ID", "docker"),
        ("/ecs.slice/ecs-0b69d5c05a1f.slice/docker-ID.scope", "docker"),
        // podman: as root, rootless, in a pod, in a unit that systemd started, without systemd.
        ("/machine.slice/libpod-ID.scope", "podman"),
        ("/machine.slice/libpod-ID.scope/container", "podman"),
        (&format!("{user}/user.slice/libpod-ID.scope/container"), "podman"),
        ("/machine.slice/machine-libpod_pod_ID.slice/libpod-ID.scope/container", "podman"),
        ("/system.slice/web.service/libpod-payload-ID", "podman"),
        (&format!("{user}/app.slice/web.service/libpod-payload-ID"), "podman"),
        ("/libpod_parent/libpod-ID", "podman"),
        // kubernetes, whatever runtime it uses.
        (&format!("{pod}/cri-containerd-ID.scope"), "kubernetes"),
        (&format!("{pod}/crio-ID.scope"), "kubernetes"),
        (&format!("{pod}/crio-ID.scope/container"), "kubernetes"),
        (&format!("{pod}/docker-ID.scope"), "kubernetes"),
        ("/kubepods/besteffort/pod6ba7b810-9dad/ID", "kubernetes"),
        ("/kubepods/pod6ba7b810-9dad/ID", "kubernetes"),
        ("/kubelet/kubepods/burstable/pod6ba7b810/ID", "kubernetes"),
        (
            "/system.slice/containerd.service/kubepods-besteffort-pod6ba7.slice:cri-containerd:ID",
            "kubernetes",
        ),
        // The same runtimes without it.
        ("/system.slice/nerdctl-ID.scope", "containerd"),
        ("/system.slice/crio-ID.scope", "cri-o"),
        ("/default.slice:cri-containerd:ID", "containerd"),
    ] {
        assert_runs(path, runtime);
    }
}

#[test]
fn containers_with_names_have_them_as_ids() {
    let user = "/user.slice/user-1000.slice/session-3.scope";
    for (path, runtime, name) in [
        ("/lxc.payload.web/init.scope", "lxc", "web"),
        ("/lxc.payload.web/system.slice/nginx.service", "lxc", "web"),
        (&*format!("{user}/lxc.payload.web"), "lxc", "web"),
        ("/lxc.payload/web", "lxc", "web"),
        ("/lxc/101/ns/system.slice/nginx.service", "lxc", "101"),
        ("/machine.slice/machine-web.scope/payload/init.scope", "systemd-nspawn", "web"),
        ("/machine.slice/machine-web\\x2d1.scope", "systemd-nspawn", "web-1"),
        ("/machine.slice/systemd-nspawn@web.service/payload", "systemd-nspawn", "web"),
    ] {
        let found = container(path).unwrap_or_else(|| panic!("{path}"));
        assert_eq!((&*found.runtime, &*found.id), (runtime, name), "{path}");
        assert_eq!(found.name.as_deref(), Some(name));
    }
}

#[test]
fn what_serves_containers_is_in_none() {
    for path in [
        "/",
        "/system.slice/docker.service",
        "/system.slice/docker-compose.service",
        "/system.slice/docker-x.scope",
        "/system.slice/containerd.service",
        "/docker/buildkit/xyz0123456789",
        "/machine.slice/libpod-conmon-ID.scope",
        "/kubepods.slice/kubepods-pod1.slice/crio-conmon-ID.scope",
        "/kubepods.slice",
        "/kubepods/besteffort/pod6ba7b810-9dad",
        "/lxc.monitor.web",
        "/lxc.monitor/web",
        "/lxc",
        "/machine.slice/machine-web.scope/supervisor",
        "/machine.slice/systemd-nspawn@web.service/supervisor",
        "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
        "/machine.slice",
        "/system.slice/ID.service",
        "/user.slice/user-1000.slice/lxc/web",
    ] {
        let path = path.replace("ID", ID);
        assert_eq!(told(&path), None, "{path}");
    }
}

#[test]
fn the_outermost_container_counts() {
    let inner = "0123456789abcdef".repeat(4);
    // Docker in docker, kubernetes in docker (kind), docker in LXC: what is inside is named by
    // the container.
    assert_runs(&format!("/docker/ID/docker/{inner}"), "docker");
    assert_runs(&format!("/docker/ID/kubelet/kubepods/pod1/{inner}"), "docker");
    assert_runs(
        &format!("/system.slice/docker-ID.scope/kubepods.slice/cri-containerd-{inner}.scope"),
        "docker",
    );
    let lxc = told(&format!("/lxc.payload.web/system.slice/docker-{inner}.scope")).unwrap();
    assert_eq!(lxc, ("lxc".to_owned(), "web".to_owned()));
}

#[test]
fn a_forged_path_makes_no_unit() {
    let system = |name: &str| Some((name.to_owned(), UnitScope::System));
    // Who was given a subtree can write anything below it.
    assert_eq!(unit_name("/system.slice/a.service/system.slice/ssh.service"), system("a.service"));
    assert_eq!(unit_name("/system.slice/a.service/ssh.socket"), system("a.service"));
    assert_eq!(
        unit_name("/machine.slice/machine-web.scope/payload/system.slice/ssh.service"),
        system("machine-web.scope")
    );
    assert_eq!(unit_name("/lxc.payload.ssh.service/init.scope"), None);
    // Seen from within a cgroup namespace: what lies above is not known.
    assert_eq!(unit_name("/../ssh.service"), None);
    assert_eq!(unit_name("/../../system.slice/ssh.service"), None);
    assert_eq!(unit_name("/system.slice/a.service (deleted)"), system("a.service"));
    assert_eq!(unit_name("/system.slice/ssh.socket"), system("ssh.socket"));
}

#[test]
fn escaped_names_are_read() {
    assert_eq!(unescape("web\\x2d1"), "web-1");
    assert_eq!(unescape("\\x2"), "\\x2");
    assert_eq!(unescape("a\\xzz\\x5c"), "a\\xzz\\");
    assert_eq!(unescape("\\xff"), "\u{FFFD}");
}

#[test]
fn the_hierarchy_is_chosen_by_what_it_tells() {
    assert_eq!(path("0::/system.slice/a.service\n"), Some("/system.slice/a.service"));
    assert_eq!(path("9:name=systemd:/b\n4:memory:/c\n0::/\n"), Some("/b"));
    assert_eq!(path("0::/\n"), Some("/"));
    assert_eq!(path("rubbish"), None);
    let v1 = format!("4:memory:/docker/{ID}\n0::/\n");
    assert_eq!(container_of(&v1).unwrap().runtime, "docker");
}

#[test]
fn a_group_holds_what_lies_below_it_by_whole_segments() {
    let group = "/system.slice/app.service";
    assert!(is_within("/system.slice/app.service", group));
    assert!(is_within("/system.slice/app.service/worker", group));
    assert!(!is_within("/system.slice/app.service2", group));
    assert!(!is_within("/user.slice/x/system.slice/app.service", group));
    assert!(!is_within("/anything", "/") && !is_within("/anything", ""));
}

#[test]
fn a_containers_group_ends_with_its_id() {
    let of = |path: &str| container_group(path, ID).map(str::to_owned);
    assert_eq!(of(&format!("0::/docker/{ID}/init\n")), Some(format!("/docker/{ID}")));
    let scope = format!("/system.slice/docker-{ID}.scope");
    assert_eq!(of(&format!("3:cpu:/\n0::{scope}\n")), Some(scope));
    assert_eq!(of("0::/docker/abc"), None);
}

/// `/proc/PID/cgroup` as a container with `--pid=host` and a cgroup namespace of its own reads
/// it of the processes of the host.
#[test]
fn from_within_a_namespace_paths_are_followed_up_to_the_root() {
    let first = Some("3:cpu:/../..\n0::/../../init.scope\n".to_owned());
    let root = Some(format!("/system.slice/docker-{ID}.scope"));
    let of = |content: &str, outlook: &Outlook| {
        let text = whole(content, outlook);
        let unit = path(&text).and_then(unit).map(|unit| unit.name.to_string());
        (text.trim_end().to_owned(), unit)
    };
    let known = Outlook { root, first: first.clone() };
    let service = |name: &str| Some(name.to_owned());
    let scope = format!("docker-{ID}.scope");
    for (content, expected, unit) in [
        ("0::/../ssh.service\n", "0::/system.slice/ssh.service", service("ssh.service")),
        ("0::/../../init.scope\n", "0::/init.scope", service("init.scope")),
        (
            "0::/../../user.slice/user-7.slice/user@7.service/app.slice/x.service\n",
            "0::/user.slice/user-7.slice/user@7.service/app.slice/x.service",
            service("x.service"),
        ),
        ("0::/\n", &format!("0::/system.slice/{scope}"), Some(scope.clone())),
        ("0::/inner\n", &format!("0::/system.slice/{scope}/inner"), Some(scope.clone())),
        ("0::/../..\n", "0::/", None),
        // More than there is: nothing is made of it.
        ("0::/../../../x.service\n", "0::/../../../x.service", None),
        (
            "0::/..x.service\n",
            &format!("0::/system.slice/{scope}/..x.service"),
            Some(scope.clone()),
        ),
    ] {
        assert_eq!(of(content, &known), (expected.to_owned(), unit), "{content}");
    }
    // Where the root's own name is not known, what lies beside it stays without a unit: its
    // parent may be a unit itself, in which anybody could have made a group of that name.
    let guessed = Outlook { root: None, first };
    assert_eq!(of("0::/../ssh.service\n", &guessed), ("0::/../ssh.service".to_owned(), None));
    let cron = of("3:cpu:/../../a\n0::/../../system.slice/cron.service\n", &guessed);
    assert_eq!(cron.0, "3:cpu:/a\n0::/system.slice/cron.service");
    assert_eq!(cron.1, service("cron.service"));
    assert_eq!(of("0::/\n", &guessed).0, "0::/");
    assert_eq!(whole("0::/../x\n", &Outlook::default()), "0::/../x\n");
    // Containers beside it are told by their ids.
    assert_eq!(told(&format!("/../docker-{ID}.scope")).unwrap().0, "docker");
    assert_eq!(told(&format!("/../{ID}")).unwrap().0, "containerd");
    assert_eq!(told("/../0123456789ab"), None);
}

#[test]
fn a_users_manager_is_told() {
    let path = "/user.slice/user-2000.slice/user@2000.service/user.slice/libpod-1.scope";
    assert_eq!(user(path), Some(2000));
    assert_eq!(user("/system.slice/user@2000.service"), Some(2000));
    assert_eq!(user("/system.slice/a.service/user@2000.service"), None);
    assert_eq!(user("/user.slice/user-2000.slice/session-3.scope"), None);
}

#[test]
fn a_low_level_runtimes_own_scope_is_a_container() {
    let user = "/user.slice/user-2000.slice/user@2000.service/user.slice";
    assert_runs(&format!("{user}/runc-ID.scope"), "runc");
    assert_runs("/system.slice/crun-ID.scope", "crun");
}

#[test]
fn a_machine_has_units_of_its_own() {
    let nspawn = "/machine.slice/machine-sysbox.scope/payload/system.slice/web.service";
    let prefix = "/machine.slice/machine-sysbox.scope/payload";
    assert_eq!(inner_unit(nspawn), Some((prefix, "web.service".to_owned())));
    let lxc = "/lxc.payload.lbox/system.slice/web.service";
    assert_eq!(inner_unit(lxc), Some(("/lxc.payload.lbox", "web.service".to_owned())));
    assert_eq!(inner_unit("/machine.slice/machine-x.scope/payload/init.scope"), None);
    assert_eq!(inner_unit("/system.slice/web.service"), None);
}
