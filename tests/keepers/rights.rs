//! What an ordinary user is told to do about a unit of the system's.

use crate::booted::boot;
use crate::support::wait_for;

#[test]
fn what_needs_root_is_said_to() {
    let Some(booted) = boot(&["useradd"]) else { return };
    booted.sh("useradd -m -u 2000 -s /bin/bash joe");
    let unit = "[Service]\nUser=joe\nRestart=always\nExecStart=/usr/local/bin/serve 8001\n";
    booted.units(&[("web.service", unit)]);
    booted.sh("systemctl start web");
    booted.wait_answer(8001);
    let as_joe = |line: &str| {
        let line = format!("setpriv --reuid 2000 --regid 2000 --clear-groups {line}");
        booted.command("sh").args(["-c", &line]).output().unwrap()
    };
    let command = "/usr/bin/systemctl stop -- web.service";
    for asking in ["kill 8001 --dry-run", "why 8001"] {
        let output = as_joe(&format!("sockpit {asking}"));
        let said = String::from_utf8_lossy(&output.stdout);
        let words = format!("stops only that, as root or where polkit lets you: sudo {command}");
        assert!(said.contains(&words), "{asking}: {output:?}");
    }
    let output = as_joe(command);
    assert!(!output.status.success(), "{output:?}");
    booted.wait_answer(8001);
    booted.sh(command);
    wait_for("silence", || booted.ask(8001).is_none().then_some(()));
}
