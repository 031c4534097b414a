//! What runtimes write down of a container: where its name is to be had without asking.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(rename = "Name")]
    name: String,
}

/// The name in docker's `containers/ID/config.v2.json`.
pub fn docker_name(text: &str) -> Option<String> {
    let config: DockerConfig = serde_json::from_str(text).ok()?;
    let name = config.name.trim_start_matches('/');
    (!name.is_empty()).then(|| name.to_owned())
}

#[derive(Deserialize)]
struct DaemonConfig {
    #[serde(rename = "data-root")]
    data_root: Option<String>,
}

/// Where docker keeps its files, by its `daemon.json`; `None` for where it always does.
pub fn docker_data_root(text: &str) -> Option<String> {
    let config: DaemonConfig = serde_json::from_str(text).ok()?;
    config.data_root.filter(|path| path.starts_with('/'))
}

#[derive(Deserialize)]
struct Bundle {
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The name in the `config.json` of containerd's bundle (OCI runtime specification,
/// annotations): nerdctl's own, or a pod's and a container's as `POD/CONTAINER`.
pub fn bundle_name(text: &str) -> Option<String> {
    let Bundle { annotations } = serde_json::from_str(text).ok()?;
    let of = |name: &str| annotations.get(name).filter(|value| !value.is_empty());
    if let Some(name) = of("nerdctl/name") {
        return Some(name.clone());
    }
    let pod = of("io.kubernetes.cri.sandbox-name")?;
    // The container that only holds a pod's namespaces has no name of its own.
    Some(match of("io.kubernetes.cri.container-name") {
        Some(container) => format!("{pod}/{container}"),
        None => pod.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_writes_names_with_a_slash() {
        let text = r#"{"StreamConfig":{},"ID":"0fd0","Name":"/web","Driver":"overlay2"}"#;
        assert_eq!(docker_name(text).as_deref(), Some("web"));
        assert_eq!(docker_name(r#"{"Name":"/"}"#), None);
        for end in 0..text.len() {
            assert_eq!(docker_name(&text[..end]), None);
        }
        let config = r#"{"data-root":"/srv/docker","userland-proxy":false}"#;
        assert_eq!(docker_data_root(config).as_deref(), Some("/srv/docker"));
        assert_eq!(docker_data_root("{}"), None);
    }

    #[test]
    fn a_bundle_names_a_container_by_its_annotations() {
        let of = |annotations: &str| {
            bundle_name(&format!(r#"{{"ociVersion":"1.0.2","annotations":{{{annotations}}}}}"#))
        };
        assert_eq!(of(r#""nerdctl/name":"web""#).as_deref(), Some("web"));
        let pod = r#""io.kubernetes.cri.sandbox-name":"shop-7d9""#;
        assert_eq!(of(pod).as_deref(), Some("shop-7d9"));
        let container = format!(r#"{pod},"io.kubernetes.cri.container-name":"web""#);
        assert_eq!(of(&container).as_deref(), Some("shop-7d9/web"));
        assert_eq!(of(""), None);
        assert_eq!(bundle_name("{}"), None);
    }
}
