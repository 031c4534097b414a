//! `systemctl show`.

use std::net::SocketAddr;

use super::span::milliseconds;

/// What systemd says of a unit, one `Name=value` a line (`org.freedesktop.systemd1(5)`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitShown {
    /// `Id`: the name by which systemd itself calls it.
    pub id: String,
    /// `LoadState`: `loaded` for a unit that exists.
    pub load_state: String,
    /// `ActiveState`.
    pub active_state: String,
    /// `MainPID`, as its own manager counts; `None` for none.
    pub main_pid: Option<u32>,
    /// `ControlGroup`: its path below the hierarchy's root; empty while nothing runs.
    pub control_group: String,
    /// `KillMode`: which processes a stop ends.
    pub kill_mode: Option<String>,
    /// `ExecStop`: the commands that a stop runs, which may end what `KillMode` spares.
    pub stop_commands: Vec<String>,
    /// `ExecStopPost`: the commands that are run whenever it has ended.
    pub post_commands: Vec<String>,
    /// `KillSignal`: the number of the first signal of a stop.
    pub kill_signal: Option<i32>,
    /// `SendSIGKILL=no`, or `TimeoutStopUSec=infinity`: what does not heed the first signal of a
    /// stop lives on.
    pub never_kills: bool,
    /// `CanStop=no`, or `RefuseManualStop=yes`.
    pub refuses_stop: bool,
    /// `Restart`: `no`, `always`, `on-failure`, …
    pub restart: Option<String>,
    /// `RestartUSec` as systemd words it: `100ms`, `1min 30s`.
    pub restart_after: Option<String>,
    /// The same in milliseconds; `None` for `infinity`, too.
    pub restart_after_ms: Option<u64>,
    /// `RestartPreventExitStatus`: codes and signals after which it is not started again.
    pub restart_not_after: Option<String>,
    /// `RestartForceExitStatus`: those after which it is, whatever `Restart` says.
    pub restart_even_after: Option<String>,
    /// `SubState`: `running`, `auto-restart`, `start-pre`, …
    pub sub_state: String,
    /// `OnSuccess` and `OnFailure`: what is started when it has ended so.
    pub on_success: Vec<String>,
    /// See `on_success`.
    pub on_failure: Vec<String>,
    /// `Listen`: the addresses of a socket unit.
    pub listens: Vec<Listens>,
    /// `Listen`: the paths of its UNIX sockets.
    pub paths: Vec<String>,
    /// `TriggeredBy`: the socket, timer and path units that start it.
    pub triggered_by: Vec<String>,
    /// `Triggers`: what a socket or timer unit starts.
    pub triggers: Vec<String>,
    /// `UpheldBy`: units that start it whenever it is not running.
    pub upheld_by: Vec<String>,
    /// `RequiredBy`, `BoundBy`, `ConsistsOf` and `PropagatesStopTo`: units that a stop of this one
    /// stops, too.
    pub dragged: Vec<String>,
    /// `Requires`, `Wants`, `BindsTo` and `Upholds`: units that it needs.
    pub needs: Vec<String>,
    /// `RequiredBy`, `WantedBy`, `BoundBy` and `UpheldBy`: units that need it.
    pub needed_by: Vec<String>,
    /// `Accept=yes`, of a socket unit: each connection has a service of its own.
    pub accepts: bool,
    /// `NConnections`: how many of these run.
    pub connections: u32,
    /// `StopWhenUnneeded`: it is stopped when no unit that runs needs it any more.
    pub stops_unneeded: bool,
}

/// An address that a socket unit listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listens {
    /// Where.
    pub addr: SocketAddr,
    /// For datagrams.
    pub udp: bool,
}

/// The properties that [`units()`] reads, for `systemctl show -p`. One that this systemd does not
/// know is left out by it.
pub const PROPERTIES: &str = "Id,LoadState,ActiveState,SubState,MainPID,ControlGroup,KillMode,\
    KillSignal,SendSIGKILL,TimeoutStopUSec,CanStop,RefuseManualStop,ExecStop,ExecStopPost,\
    Accept,NConnections,Restart,RestartUSec,\
    RestartPreventExitStatus,RestartForceExitStatus,OnSuccess,OnFailure,Listen,TriggeredBy,Triggers,\
    UpheldBy,RequiredBy,BoundBy,ConsistsOf,PropagatesStopTo,WantedBy,Requires,Wants,BindsTo,Upholds,\
    StopWhenUnneeded";

/// Reads `systemctl show` of any number of units, which an empty line sets apart. A property that
/// is not there stays empty.
pub fn units(text: &str) -> Vec<UnitShown> {
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    blocks.map(unit).collect()
}

fn unit(text: &str) -> UnitShown {
    let mut unit = UnitShown::default();
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        let some = || Some(value.to_owned()).filter(|value| !value.is_empty());
        let list = || value.split_whitespace().map(str::to_owned);
        match name {
            "Id" => unit.id = value.to_owned(),
            "LoadState" => unit.load_state = value.to_owned(),
            "ActiveState" => unit.active_state = value.to_owned(),
            "MainPID" => unit.main_pid = value.parse().ok().filter(|pid| *pid != 0),
            "ControlGroup" => unit.control_group = value.to_owned(),
            "KillMode" => unit.kill_mode = some(),
            "SubState" => unit.sub_state = value.to_owned(),
            "ExecStop" => unit.stop_commands.extend(some()),
            "ExecStopPost" => unit.post_commands.extend(some()),
            "Accept" => unit.accepts = value == "yes",
            "NConnections" => unit.connections = value.parse().unwrap_or(0),
            "KillSignal" => unit.kill_signal = value.parse().ok(),
            "SendSIGKILL" => unit.never_kills |= value == "no",
            "TimeoutStopUSec" => unit.never_kills |= value == "infinity",
            "RestartPreventExitStatus" => unit.restart_not_after = some(),
            "RestartForceExitStatus" => unit.restart_even_after = some(),
            "OnSuccess" => unit.on_success = list().collect(),
            "OnFailure" => unit.on_failure = list().collect(),
            "StopWhenUnneeded" => unit.stops_unneeded = value == "yes",
            "CanStop" => unit.refuses_stop |= value == "no",
            "RefuseManualStop" => unit.refuses_stop |= value == "yes",
            "Restart" => unit.restart = some(),
            "RestartUSec" => {
                unit.restart_after = some();
                unit.restart_after_ms = milliseconds(value);
            }
            "Listen" => {
                unit.listens.extend(listens(value));
                unit.paths.extend(path(value));
            }
            "TriggeredBy" => unit.triggered_by = list().collect(),
            "Triggers" => unit.triggers = list().collect(),
            "UpheldBy" => {
                unit.upheld_by = list().collect();
                unit.needed_by.extend(list());
            }
            "RequiredBy" | "BoundBy" => {
                unit.dragged.extend(list());
                unit.needed_by.extend(list());
            }
            "ConsistsOf" | "PropagatesStopTo" => unit.dragged.extend(list()),
            "WantedBy" => unit.needed_by.extend(list()),
            "Requires" | "Wants" | "BindsTo" | "Upholds" => unit.needs.extend(list()),
            _ => {}
        }
    }
    unit
}

/// `[::]:8022 (Stream)`; `None` for what is no IP socket.
fn listens(value: &str) -> Option<Listens> {
    let (addr, kind) = value.rsplit_once(' ')?;
    let udp = match kind {
        "(Stream)" => false,
        "(Datagram)" => true,
        _ => return None,
    };
    Some(Listens { addr: addr.parse().ok()?, udp })
}

/// `/run/user/2000/bus (Stream)`; `None` for what is no UNIX socket.
fn path(value: &str) -> Option<String> {
    let (path, kind) = value.rsplit_once(' ')?;
    let is_socket = matches!(kind, "(Stream)" | "(Datagram)" | "(SequentialPacket)");
    (is_socket && path.starts_with('/')).then(|| path.to_owned())
}

impl UnitShown {
    /// Whether it runs, or is about to.
    pub fn is_active(&self) -> bool {
        matches!(&*self.active_state, "active" | "activating" | "reloading" | "refreshing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// systemd 252: `systemctl show -p … -- uphold.service act.socket`.
    const SHOWN: &str = "Type=simple\nRestart=on-failure\nRestartUSec=50s\nMainPID=163\n\
        ControlGroup=/system.slice/uphold.service\nKillMode=control-group\nId=uphold.service\n\
        RequiredBy=a.target b.service\nBoundBy=\nUpheldBy=upholder.service\nConsistsOf=c.service\n\
        Triggers=\nTriggeredBy=uphold.timer uphold.socket\nLoadState=loaded\nActiveState=active\n\
        CanStop=yes\nRefuseManualStop=no\n\nControlGroup=/system.slice/act.socket\n\
        KillMode=control-group\nId=act.socket\nRequiredBy=\nTriggers=act.service\nTriggeredBy=\n\
        LoadState=loaded\nActiveState=active\nCanStop=yes\nRefuseManualStop=no\n";

    #[test]
    fn systemd_tells_a_property_a_line_and_a_unit_a_block() {
        let all = units(SHOWN);
        let [uphold, socket] = &*all else { panic!("{all:?}") };
        assert_eq!((&*uphold.id, uphold.main_pid), ("uphold.service", Some(163)));
        assert_eq!(uphold.restart_after_ms, Some(50_000));
        assert_eq!(uphold.upheld_by, ["upholder.service"]);
        assert_eq!(uphold.triggered_by, ["uphold.timer", "uphold.socket"]);
        assert_eq!(uphold.dragged, ["a.target", "b.service", "c.service"]);
        assert!(uphold.is_active() && !uphold.refuses_stop);
        assert_eq!(socket.triggers, ["act.service"]);
        assert!(units("").is_empty() && units("\n\n").is_empty());
    }

    #[test]
    fn a_socket_unit_tells_where_it_listens() {
        // systemd 252
        let text = "Accept=yes\nNConnections=2\nListen=[::]:8022 (Stream)\nListen=127.0.0.1:53 (Datagram)\n\
            Listen=/run/user/2000/bus (Stream)\nListen=[::]:1 (SequentialPacket)\nId=a.socket";
        assert_eq!(units(text)[0].paths, ["/run/user/2000/bus"]);
        assert_eq!((units(text)[0].accepts, units(text)[0].connections), (true, 2));
        let told = units(text).remove(0).listens;
        let told: Vec<(String, bool)> =
            told.iter().map(|it| (it.addr.to_string(), it.udp)).collect();
        let expected = [("[::]:8022".to_owned(), false), ("127.0.0.1:53".to_owned(), true)];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_a_stop_and_an_end_lead_to_is_told() {
        // systemd 252
        let text = "RestartUSec=infinity\nRestartPreventExitStatus=3 TERM\nSendSIGKILL=no\n\
            KillSignal=28\n\
            OnSuccess=next.service\nOnFailure=\nRequires=b.service sysinit.target\n\
            WantedBy=multi-user.target\nStopWhenUnneeded=yes\nPropagatesStopTo=d.service\n\
            ExecStop={ path=/bin/x ; argv[]=/bin/x stop }\nRestartForceExitStatus=";
        let unit = units(text).remove(0);
        assert_eq!((unit.restart_after_ms, unit.restart_even_after), (None, None));
        assert_eq!(unit.restart_not_after.as_deref(), Some("3 TERM"));
        assert_eq!(unit.kill_signal, Some(28));
        assert!(unit.never_kills && unit.stops_unneeded && unit.on_failure.is_empty());
        assert_eq!((&*unit.on_success[0], &*unit.dragged[0]), ("next.service", "d.service"));
        assert_eq!(unit.needs, ["b.service", "sysinit.target"]);
        assert_eq!((&*unit.needed_by[0], unit.stop_commands.len()), ("multi-user.target", 1));
    }

    #[test]
    fn a_unit_may_refuse_to_be_stopped() {
        for text in ["CanStop=no\n", "RefuseManualStop=yes\n", "CanStop=no\nRefuseManualStop=yes"] {
            assert!(units(text)[0].refuses_stop, "{text}");
        }
    }
}
