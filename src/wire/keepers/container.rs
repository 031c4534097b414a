//! `docker inspect`, `podman inspect`, and lists of ids.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What a container runtime says of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerShown {
    /// All 64 digits.
    pub id: String,
    /// Without the `/` that docker puts before it.
    pub name: String,
    /// Whether it runs.
    pub running: bool,
    /// Whether it has ended and is to be started again.
    pub restarting: bool,
    /// Its first process; `None` for none.
    pub pid: Option<u32>,
    /// podman's monitor of it.
    pub conmon_pid: Option<u32>,
    /// `no`, `always`, `unless-stopped`, `on-failure`.
    pub restart: Option<String>,
    /// Whether it is removed once it has ended (`--rm`).
    pub auto_remove: bool,
    /// The unit that podman was told to run in (`PODMAN_SYSTEMD_UNIT`).
    pub systemd_unit: Option<String>,
    /// The pod that it belongs to.
    pub pod: Option<String>,
    /// Whether it only holds its pod's network, and the ports of that.
    pub is_infra: bool,
    /// The swarm service that it is a task of.
    pub swarm_service: Option<String>,
    /// `bridge`, `host`, `container:ID`, …
    pub network_mode: String,
    /// When it was made, as the runtime writes it (RFC 3339).
    pub created: String,
    /// The image that it was made from, as that was named.
    pub image: String,
    /// The command and its arguments, where its maker gave one.
    pub command: Vec<String>,
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
    #[serde(default)]
    created: String,
    state: InspectedState,
    #[serde(default)]
    pod: String,
    #[serde(default)]
    is_infra: bool,
    #[serde(default)]
    host_config: InspectedHost,
    #[serde(default)]
    config: Option<InspectedConfig>,
    #[serde(default)]
    network_settings: Option<InspectedNetwork>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedState {
    running: bool,
    #[serde(default)]
    restarting: bool,
    pid: u32,
    #[serde(default)]
    conmon_pid: u32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedHost {
    restart_policy: Option<InspectedPolicy>,
    auto_remove: bool,
    network_mode: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedPolicy {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedConfig {
    image: String,
    cmd: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedNetwork {
    ports: Option<BTreeMap<String, Option<Vec<InspectedPort>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedPort {
    host_port: String,
}

impl InspectedNetwork {
    /// Each once: a binding for IPv4 and one for IPv6 are one.
    fn published(&self) -> Vec<Published> {
        let mut found = Vec::new();
        for (name, bindings) in self.ports.iter().flatten() {
            let (port, protocol) = name.split_once('/').unwrap_or((name, "tcp"));
            for binding in bindings.iter().flatten() {
                let (Ok(port), Ok(host_port)) = (port.parse(), binding.host_port.parse()) else {
                    continue;
                };
                let new = Published { udp: protocol == "udp", host_port, port };
                if !found.contains(&new) {
                    found.push(new);
                }
            }
        }
        found
    }
}

/// Reads the document of `inspect`: an array of one. An error is a clause.
pub fn container(text: &str) -> Result<ContainerShown, String> {
    let all: Vec<Inspected> =
        serde_json::from_str(text).map_err(|error| format!("it cannot be read: {error}"))?;
    let count = all.len();
    let [one] = <[Inspected; 1]>::try_from(all)
        .map_err(|_| format!("it tells of {count} containers instead of one"))?;
    let some = |pid: u32| Some(pid).filter(|pid| *pid != 0);
    let config = one.config.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    let label = |name: &str| labels.get(name).filter(|value| !value.is_empty()).cloned();
    let network = one.network_settings.unwrap_or_default();
    Ok(ContainerShown {
        name: one.name.trim_start_matches('/').to_owned(),
        id: one.id,
        running: one.state.running,
        restarting: one.state.restarting,
        pid: some(one.state.pid),
        conmon_pid: some(one.state.conmon_pid),
        restart: one
            .host_config
            .restart_policy
            .map(|policy| policy.name)
            .filter(|name| !name.is_empty()),
        auto_remove: one.host_config.auto_remove,
        pod: Some(one.pod).filter(|pod| !pod.is_empty()),
        is_infra: one.is_infra,
        systemd_unit: label("PODMAN_SYSTEMD_UNIT"),
        swarm_service: label("com.docker.swarm.service.name"),
        network_mode: one.host_config.network_mode,
        created: one.created,
        image: config.image,
        command: config.cmd.unwrap_or_default(),
        ports: network.published(),
    })
}

/// What podman says of a pod.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
pub struct PodShown {
    /// All 64 digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its containers, the one that holds its network among them.
    #[serde(default)]
    pub containers: Vec<PodMember>,
}

/// A container of a pod.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
pub struct PodMember {
    /// All 64 digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `running`, `exited`, …
    #[serde(default)]
    pub state: String,
}

/// Reads the document of `podman pod inspect`: an object, in later versions an array of one. An
/// error is a clause.
pub fn pod(text: &str) -> Result<PodShown, String> {
    let text = text.trim();
    let read = if text.starts_with('[') {
        serde_json::from_str::<Vec<PodShown>>(text).map(|mut all| all.pop())
    } else {
        serde_json::from_str::<PodShown>(text).map(Some)
    };
    read.map_err(|error| format!("it cannot be read: {error}"))?
        .ok_or_else(|| "it tells of no pod".to_owned())
}

/// Container ids, one a line (`ps --no-trunc --quiet`); what is none is left out.
pub fn ids(text: &str) -> Vec<String> {
    let is_id = |line: &&str| line.len() == 64 && line.bytes().all(|b| b.is_ascii_hexdigit());
    text.lines().map(str::trim).filter(is_id).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_tells_of_one_container() {
        let document = r#"[{"Id":"3f","Created":"x","Name":"/web","State":{"Status":"running",
            "Running":true,"Pid":77,"ConmonPid":76},"HostConfig":{"AutoRemove":true,
            "RestartPolicy":{"Name":"always","MaximumRetryCount":0}},
            "Config":{"Labels":{"PODMAN_SYSTEMD_UNIT":"quad.service"}},
            "NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8401"},
            {"HostIp":"::","HostPort":"8401"}],"53/udp":null}}}]"#;
        let shown = container(document).unwrap();
        assert_eq!((&*shown.name, shown.pid, shown.running), ("web", Some(77), true));
        assert_eq!((shown.conmon_pid, shown.auto_remove), (Some(76), true));
        assert_eq!(shown.restart.as_deref(), Some("always"));
        assert_eq!(shown.systemd_unit.as_deref(), Some("quad.service"));
        assert_eq!(shown.ports, [Published { udp: false, host_port: 8401, port: 80 }]);
        assert_eq!((shown.published(8401, false), shown.published(8401, true)), (Some(80), None));
        for end in 0..document.len() {
            assert!(container(&document[..end]).is_err());
        }
    }

    #[test]
    fn what_is_not_there_is_not_made_up() {
        let bare = r#"[{"Id":"3f","Name":"web","State":{"Running":false,"Pid":0},
            "HostConfig":{"RestartPolicy":null},"Config":{"Labels":null},
            "NetworkSettings":{"Ports":null}}]"#;
        let shown = container(bare).unwrap();
        assert_eq!(shown.restart, None);
        assert!(!shown.running && shown.ports.is_empty());
        assert!(container("[]").is_err());
        assert!(container("[1]").is_err());
    }

    #[test]
    fn a_pod_tells_its_containers() {
        // podman 4.3.1, cut
        let one = r#"{"Id":"1a","Name":"pod1","State":"Running","Containers":[
            {"Id":"83","Name":"1a-infra","State":"running"},{"Id":"ac","Name":"pc","State":"exited"}]}"#;
        let shown = pod(one).unwrap();
        assert_eq!((&*shown.name, shown.containers.len()), ("pod1", 2));
        assert_eq!((&*shown.containers[1].name, &*shown.containers[1].state), ("pc", "exited"));
        assert_eq!(pod(&format!("[{one}]")).unwrap(), shown);
        assert!(pod("[]").is_err());
        for end in 0..one.len() {
            assert!(pod(&one[..end]).is_err());
        }
    }

    #[test]
    fn only_whole_ids_are_taken_from_a_list() {
        let id = "3f4e1b0c9d8a7f6e5d4c3b2a190817263544536271809fabcdef0123456789ab";
        assert_eq!(ids(&format!("{id}\n3f4e\n\nWARNING: x\n")), [id]);
    }
}
