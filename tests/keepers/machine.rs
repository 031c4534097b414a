//! A machine of systemd-nspawn, booted in the box, with two services of its own.

use std::time::Duration;

use crate::booted::boot;
use crate::support::wait_for;

/// It shares the box's `/usr` and network, and writes to a tmpfs. Only what the services want is
/// started; the first boot of an empty `/etc` would start everything that is installed.
const MACHINE: &str = "[Service]\nExecStart=/usr/bin/systemd-nspawn -q -b -D / --volatile=yes \
    --bind-ro=/etc/passwd --bind-ro=/etc/group -M inner -- --unit=inner.target \
    systemd.mask=nftables.service\n";
const TARGET: &str = "[Unit]\nAfter=dbus.socket\n\
    Wants=systemd-tmpfiles-setup.service dbus.socket web.service beside.service\n";

#[test]
fn a_service_of_a_machine_is_stopped_and_not_the_machine() {
    let Some(booted) = boot(&["systemd-nspawn", "machinectl"]) else { return };
    for (name, port) in [("web", 8001), ("beside", 8002)] {
        let unit = format!("[Service]\nExecStart=/usr/local/bin/serve {port}\nRestart=always\n");
        booted.write(&format!("/usr/lib/systemd/system/{name}.service"), &unit);
    }
    booted.write("/usr/lib/systemd/system/inner.target", TARGET);
    booted.units(&[("machine.service", MACHINE)]);
    booted.sh("systemctl start machine");
    for port in [8001, 8002] {
        booted.wait_answer(port);
    }
    let plan = booted.plan(8001);
    let wide = "/usr/bin/machinectl terminate -- inner stops it, and with it everything else in";
    plan.must_say(wide);
    let plan = booted.follow(8001, "web.service");
    assert_eq!(plan.narrow(), ["/usr/bin/systemctl -M inner stop -- web.service"]);
    booted.stays_silent(8001, Duration::from_millis(500));
    booted.wait_answer(8002);
    // It returns before the machine has ended.
    booted.sh("/usr/bin/machinectl terminate -- inner");
    wait_for("the machine's end", || booted.ask(8002).is_none().then_some(()));
    booted.stays_silent(8002, Duration::from_millis(100));
}
