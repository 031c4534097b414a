//! What `systemctl show` and `docker inspect` (or `podman inspect`) print.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What systemd says of a unit (`systemctl show -p …`, one `Name=value` a line).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitShown {
    /// `Id`: the name by which systemd itself calls it.
    pub id: String,
    /// `LoadState`: `loaded` for a unit that exists.
    pub load_state: String,
    /// `ActiveState`.
    pub active_state: String,
    /// `MainPID`; `None` for none.
    pub main_pid: Option<u32>,
    /// `ControlGroup`: its path below the hierarchy's root; empty while nothing runs.
    pub control_group: String,
    /// `Restart`: `no`, `always`, `on-failure`, …
    pub restart: Option<String>,
    /// `RestartUSec` as systemd words it: `100ms`.
    pub restart_after: Option<String>,
    /// `TriggeredBy`: the socket, timer and path units that start it.
    pub triggered_by: Vec<String>,
}

/// The properties that [`unit()`] reads, for `systemctl show -p`.
pub const UNIT_PROPERTIES: &str =
    "Id,LoadState,ActiveState,MainPID,ControlGroup,Restart,RestartUSec,TriggeredBy";

/// Reads `systemctl show`. A property that is not there stays empty.
pub fn unit(text: &str) -> UnitShown {
    let mut unit = UnitShown::default();
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        let some = || Some(value.to_owned()).filter(|value| !value.is_empty());
        match name {
            "Id" => unit.id = value.to_owned(),
            "LoadState" => unit.load_state = value.to_owned(),
            "ActiveState" => unit.active_state = value.to_owned(),
            "MainPID" => unit.main_pid = value.parse().ok().filter(|pid| *pid != 0),
            "ControlGroup" => unit.control_group = value.to_owned(),
            "Restart" => unit.restart = some(),
            "RestartUSec" => unit.restart_after = some(),
            "TriggeredBy" => {
                unit.triggered_by = value.split_whitespace().map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    unit
}

/// What a container runtime says of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerShown {
    /// All 64 digits.
    pub id: String,
    /// Without the `/` that docker puts before it.
    pub name: String,
    /// Whether it runs.
    pub running: bool,
    /// Its first process; `None` for none.
    pub pid: Option<u32>,
    /// `no`, `always`, `unless-stopped`, `on-failure`.
    pub restart: Option<String>,
    /// The ports of the host by which it is reached.
    pub ports: Vec<Published>,
}

/// A port of the host that leads to a port of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// UDP instead of TCP.
    pub udp: bool,
    /// The host's.
    pub host_port: u16,
    /// The container's.
    pub port: u16,
}

impl ContainerShown {
    /// The port of the container that a port of the host leads to.
    pub fn published(&self, host_port: u16, udp: bool) -> Option<u16> {
        let leads = |it: &&Published| it.host_port == host_port && it.udp == udp;
        self.ports.iter().find(leads).map(|it| it.port)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    name: String,
    state: InspectedState,
    #[serde(default)]
    host_config: InspectedHost,
    #[serde(default)]
    network_settings: InspectedNetwork,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedNetwork {
    /// `80/tcp` to where it is published; `null` for a port that is not.
    ports: Option<BTreeMap<String, Option<Vec<InspectedPort>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedPort {
    host_port: String,
}

impl InspectedNetwork {
    fn published(&self) -> Vec<Published> {
        let mut found = Vec::new();
        for (name, bindings) in self.ports.iter().flatten() {
            let (port, protocol) = name.split_once('/').unwrap_or((name, "tcp"));
            for binding in bindings.iter().flatten() {
                let (Ok(port), Ok(host_port)) = (port.parse(), binding.host_port.parse()) else {
                    continue;
                };
                found.push(Published { udp: protocol == "udp", host_port, port });
            }
        }
        found
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedState {
    running: bool,
    pid: u32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedHost {
    restart_policy: InspectedPolicy,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedPolicy {
    name: String,
}

/// Reads the document of `inspect`: an array of one. An error is a clause.
pub fn container(text: &str) -> Result<ContainerShown, String> {
    let all: Vec<Inspected> =
        serde_json::from_str(text).map_err(|error| format!("it cannot be read: {error}"))?;
    let count = all.len();
    let [Inspected { id, name, state, host_config, network_settings }] =
        <[Inspected; 1]>::try_from(all)
            .map_err(|_| format!("it tells of {count} containers instead of one"))?;
    Ok(ContainerShown {
        id,
        name: name.trim_start_matches('/').to_owned(),
        running: state.running,
        pid: Some(state.pid).filter(|pid| *pid != 0),
        restart: Some(host_config.restart_policy.name).filter(|name| !name.is_empty()),
        ports: network_settings.published(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_tells_a_property_a_line() {
        let shown = unit(
            "Id=app.service\nLoadState=loaded\nActiveState=active\nMainPID=4242\n\
             ControlGroup=/system.slice/app.service\nRestart=always\nRestartUSec=100ms\n\
             TriggeredBy=app.socket app.timer\nrubbish\nOther=1\n",
        );
        assert_eq!((&*shown.id, shown.main_pid), ("app.service", Some(4242)));
        assert_eq!(shown.control_group, "/system.slice/app.service");
        assert_eq!(shown.restart_after.as_deref(), Some("100ms"));
        assert_eq!(shown.triggered_by, ["app.socket", "app.timer"]);
        assert_eq!(unit("MainPID=0\nRestart=\n"), UnitShown::default());
    }

    #[test]
    fn a_runtime_tells_of_one_container() {
        let document = r#"[{"Id":"3f","Created":"x","Name":"/web","State":{"Status":"running",
            "Running":true,"Pid":77},"HostConfig":{"RestartPolicy":{"Name":"always",
            "MaximumRetryCount":0}}}]"#;
        let shown = container(document).unwrap();
        assert_eq!((&*shown.name, shown.pid, shown.running), ("web", Some(77), true));
        assert_eq!(shown.restart.as_deref(), Some("always"));
        let bare = r#"[{"Id":"3f","Name":"web","State":{"Running":false,"Pid":0}}]"#;
        assert_eq!(container(bare).unwrap().restart, None);
        assert!(container("[]").is_err());
        assert!(container("[1]").is_err());
        for end in 0..document.len() {
            assert!(container(&document[..end]).is_err());
        }
    }
}
