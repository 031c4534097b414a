//! `sockpit doctor` as root of a namespace, and with one right after the other.

use std::process::Command;

use serde_json::Value;

use crate::support::{in_namespace, run, sockpit};

/// Exit code, and the abilities by name.
fn doctor(command: &mut Command) -> (i32, Value) {
    let output = command.args(["doctor", "--json"]).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(document["schema"], "sockpit.doctor/1");
    (output.status.code().unwrap(), document)
}

fn ability<'a>(document: &'a Value, name: &str) -> &'a Value {
    let abilities = document["abilities"].as_array().unwrap();
    abilities.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{name}: {document}"))
}

fn with(capabilities: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", capabilities, "--inh-caps=-all", "--"]);
    command.arg(sockpit().get_program());
    command
}

#[test]
fn what_works_follows_the_capabilities() {
    in_namespace(|| {
        let (code, document) = doctor(&mut sockpit());
        assert_eq!(code, 1, "{document}");
        for name in ["capture", "close_connections", "socket_options", "signals"] {
            assert_eq!(ability(&document, name)["state"], "ready", "{document}");
        }
        for name in ["pid_namespace", "user_namespace"] {
            assert_eq!(ability(&document, name)["state"], "degraded", "{document}");
        }
        let (_, document) = doctor(&mut with("-all,+net_raw"));
        assert_eq!(ability(&document, "capture")["state"], "ready", "{document}");
        assert_eq!(ability(&document, "close_connections")["state"], "unavailable", "{document}");
        let (_, document) = doctor(&mut with("-all,+net_admin"));
        assert_eq!(ability(&document, "capture")["state"], "unavailable", "{document}");
        assert_eq!(ability(&document, "close_connections")["state"], "ready", "{document}");
        assert_eq!(ability(&document, "signals")["state"], "degraded", "{document}");
        // setcap would grant nothing that counts outside of this user namespace.
        let abilities = document["abilities"].as_array().unwrap();
        assert!(abilities.iter().all(|it| it["remedy"].is_null()), "{document}");
    });
}

#[test]
fn a_mounted_hidepid_and_bpf_in_a_user_namespace_are_told() {
    in_namespace(|| {
        let (_, document) = doctor(&mut sockpit());
        assert_eq!(ability(&document, "hidepid")["state"], "ready", "{document}");
        let bpf = ability(&document, "bpf");
        assert_eq!(bpf["state"], "unavailable");
        assert!(
            bpf["reason"].as_str().unwrap().contains("outside of this user namespace"),
            "{bpf}"
        );
        run(Command::new("mount").args(["-t", "proc", "-o", "hidepid=invisible", "proc", "/proc"]));
        let (_, document) = doctor(&mut with("-all"));
        let hidepid = ability(&document, "hidepid");
        assert_eq!(hidepid["state"], "degraded", "{document}");
        assert!(hidepid["reason"].as_str().unwrap().contains("hidepid=invisible"), "{hidepid}");
        let (_, document) = doctor(&mut sockpit());
        assert_eq!(ability(&document, "hidepid")["state"], "ready", "{document}");
    });
}

#[test]
fn the_text_has_a_line_for_each_ability() {
    in_namespace(|| {
        let output = sockpit().arg("doctor").env("TERM", "xterm").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("ok    capture"), "{text}");
        assert!(text.contains("part  pid namespace"), "{text}");
        assert!(text.contains("lost: "), "{text}");
        assert_eq!(output.status.code(), Some(1));
    });
}
