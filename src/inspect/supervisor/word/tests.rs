use super::*;

const ID: &str = "3f4e1b0c9d8a7f6e5d4c3b2a190817263544536271809fabcdef0123456789ab";
const GROUP: &str = "/system.slice/app.service";

fn of_unit(name: &str, scope: UnitScope) -> Process {
    let unit = Some(Unit { name: name.into(), scope });
    Process { unit, uid: Some(1000), ..Process::named(100, 7, "server") }
}

fn of_container(runtime: &'static str, id: &str) -> Process {
    let container = Container { runtime: runtime.into(), id: id.into(), name: None };
    Process { container: Some(container), ..Process::named(100, 7, "server") }
}

fn shown(id: &str, state: &str, group: &str) -> String {
    format!(
        "Id={id}\nLoadState=loaded\nActiveState={state}\nMainPID=100\nControlGroup={group}\n\
         Restart=always\nRestartUSec=100ms\nTriggeredBy=\n"
    )
}

fn inspected(id: &str, running: bool, pid: u32) -> String {
    format!(
        r#"[{{"Id":"{id}","Name":"/web","State":{{"Running":{running},"Pid":{pid}}},
            "HostConfig":{{"RestartPolicy":{{"Name":"always"}}}}}}]"#
    )
}

/// The word about a process, what was asked, given the reply, the cgroup of process 100 and
/// that of every other.
fn word(
    process: &Process,
    reply: &Result<String, String>,
    own_group: &str,
    other_group: &str,
) -> (SupervisorWord, Vec<String>) {
    let mut asked = Vec::new();
    let mut ask = |program: &str, arguments: &[&str]| {
        asked.push(format!("{program} {}", arguments.join(" ")));
        reply.clone().map(|text| Reply { program: format!("/usr/bin/{program}"), text })
    };
    let cgroups = |pid: u32| -> Result<String, Error> {
        Ok(format!("0::{}\n", if pid == 100 { own_group } else { other_group }))
    };
    let word = Words::new(&mut ask, &cgroups, 1000, vec![9]).of(process).unwrap();
    (word, asked)
}

fn reason(process: &Process, reply: &str, own_group: &str, other_group: &str) -> String {
    let (word, _) = word(process, &Ok(reply.to_owned()), own_group, other_group);
    assert!(!word.confirmed && word.argv.is_empty(), "{word:?}");
    word.reason.unwrap()
}

#[test]
fn systemd_confirms_a_unit_of_its_own() {
    let app = of_unit("app.service", UnitScope::System);
    let below = format!("{GROUP}/worker");
    let (said, asked) = word(&app, &Ok(shown("app.service", "active", GROUP)), &below, "/other");
    assert!(said.confirmed, "{said:?}");
    assert_eq!(said.argv, ["/usr/bin/systemctl", "stop", "--no-ask-password", "--", "app.service"]);
    assert_eq!(
        (said.restart.as_deref(), said.restart_after.as_deref()),
        (Some("always"), Some("100ms"))
    );
    assert_eq!(
        asked,
        [format!("systemctl show --no-pager -p {} -- app.service", said::UNIT_PROPERTIES)]
    );
}

#[test]
fn a_forged_path_is_not_confirmed() {
    let app = of_unit("app.service", UnitScope::System);
    let forged = "/user.slice/user-1000.slice/user@1000.service/system.slice/app.service";
    let active = shown("app.service", "active", GROUP);
    assert!(reason(&app, &active, forged, "/").contains("another control group"));
    // Its name begins as the other's does.
    assert!(reason(&app, &active, &format!("{GROUP}2"), "/").contains("another control group"));
    let nowhere = shown("app.service", "active", "");
    assert!(reason(&app, &nowhere, GROUP, "/").contains("another control group"));
    assert!(
        reason(&app, &shown("app.service", "inactive", GROUP), GROUP, "/").contains("inactive")
    );
    let alias = shown("other.service", "active", GROUP);
    assert!(reason(&app, &alias, GROUP, "/").contains("no unit of that name"));
    assert!(reason(&app, "", GROUP, "/").contains("no unit of that name"));
}

#[test]
fn a_hostile_name_is_not_asked_about() {
    for name in ["*.service", "a b.service", "a\x1b[31m.service", "x/y.service", "app.scope"] {
        let app = of_unit(name, UnitScope::System);
        let (said, asked) = word(&app, &Err("must not be asked".into()), GROUP, "/");
        assert_eq!(asked, Vec::<String>::new(), "{name:?}");
        assert!(!said.confirmed, "{name:?}");
    }
    // Such a unit can exist; its name stands behind the dashes that end the options.
    let odd = of_unit("--force.service", UnitScope::System);
    let (said, asked) = word(&odd, &Ok(shown("--force.service", "active", GROUP)), GROUP, "/");
    assert!(asked[0].ends_with(" -- --force.service"), "{asked:?}");
    assert_eq!(said.argv[3..], ["--", "--force.service"]);
}

#[test]
fn a_users_units_are_asked_of_that_user_alone() {
    let group = "/user.slice/user-1000.slice/user@1000.service/app.slice/sync.service";
    let own = of_unit("sync.service", UnitScope::User);
    let reply = shown("sync.service", "active", group);
    let (said, asked) = word(&own, &Ok(reply.clone()), group, "/");
    assert_eq!(said.argv[1..3], ["--user", "stop"]);
    assert!(asked[0].starts_with("systemctl --user show"), "{asked:?}");
    let other = Process { uid: Some(1001), ..own };
    let (said, asked) = word(&other, &Ok(reply), group, "/");
    assert!(asked.is_empty() && !said.confirmed);
}

#[test]
fn what_sockpit_lives_in_is_not_offered_to_be_stopped() {
    let app = of_unit("app.service", UnitScope::System);
    let reply = shown("app.service", "active", GROUP);
    assert!(reason(&app, &reply, GROUP, GROUP).contains("process 9 lives in it"));
    let group = format!("/docker/{ID}");
    let web = of_container("docker", ID);
    assert!(reason(&web, &inspected(ID, true, 9), &group, &group).contains("process 9 lives"));
}

#[test]
fn a_runtime_confirms_a_container_by_its_first_process() {
    let web = of_container("docker", ID);
    let group = format!("/system.slice/docker-{ID}.scope");
    let (said, asked) = word(&web, &Ok(inspected(ID, true, 100)), &group, "/other");
    assert_eq!(said.argv, ["/usr/bin/docker", "stop", "--", ID]);
    assert_eq!(said.name.as_deref(), Some("web"));
    assert_eq!(asked, [format!("docker inspect --type container -- {ID}")]);
    // A process that has only named its cgroup so: the container's own is elsewhere.
    let reply = inspected(ID, true, 50);
    let forged = format!("/user.slice/user-1000.slice/user@1000.service/docker-{ID}.scope");
    assert!(reason(&web, &reply, &forged, &group).contains("another control group"));
    assert!(reason(&web, &inspected(ID, false, 0), &group, &group).contains("runs no container"));
    assert!(reason(&web, "[]", &group, &group).contains("0 containers"));
    assert!(reason(&of_container("docker", &ID[..12]), "", &group, "/").contains("longer ids"));
    assert!(reason(&of_container("lxc", ID), "", &group, "/").contains("does not ask lxc"));
}

#[test]
fn a_supervisor_that_cannot_be_asked_confirms_nothing_and_is_asked_once() {
    let app = of_unit("app.service", UnitScope::System);
    let mut count = 0;
    let mut ask = |_: &str, _: &[&str]| {
        count += 1;
        Err("systemctl is not here".to_owned())
    };
    let cgroups = |_: u32| -> Result<String, Error> { Ok(format!("0::{GROUP}")) };
    let mut words = Words::new(&mut ask, &cgroups, 0, Vec::new());
    for _ in 0..3 {
        let said = words.of(&app).unwrap();
        assert_eq!(said.reason.as_deref(), Some("systemctl is not here"));
    }
    assert!(words.of(&Process::named(1, 1, "init")).is_none());
    assert_eq!(count, 1);
}
