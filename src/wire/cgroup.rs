//! `/proc/PID/cgroup` (`cgroups(7)`): which unit and which container a process belongs to.
//!
//! These are names that the path *claims*: whoever owns a delegated subtree can make any path
//! below it. So the unit is the system manager's own segment, the first that is not a slice;
//! only below `user@UID.service`, which belongs to that user anyway, is it a user's unit.

use std::borrow::Cow;

use crate::model::owner::{Container, Unit, UnitScope};

/// The path in the hierarchy that systemd keeps: cgroup v2, or v1's `name=systemd`.
pub fn path(content: &str) -> Option<&str> {
    let of = |wanted: &str| {
        content.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            (controllers == wanted).then_some(path)
        })
    };
    of("").filter(|path| *path != "/").or_else(|| of("name=systemd")).or_else(|| of(""))
}

/// The container that any of the hierarchies names.
pub fn container_of(content: &str) -> Option<Container> {
    content.lines().find_map(|line| container(line.splitn(3, ':').nth(2)?))
}

/// The systemd unit that `path` lies in.
pub fn unit(path: &str) -> Option<Unit> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let system = below_slices(&mut segments)?;
    if system.starts_with("user@")
        && system.ends_with(".service")
        && let Some(user) = below_slices(&mut segments)
    {
        return Some(Unit { name: user.into(), scope: UnitScope::User });
    }
    Some(Unit { name: system.into(), scope: UnitScope::System })
}

fn below_slices<'a>(segments: &mut impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let segment = segments.find(|segment| !segment.ends_with(".slice"))?;
    let kind = segment.rsplit_once('.')?.1;
    matches!(kind, "service" | "scope" | "socket" | "mount" | "swap").then_some(segment)
}

/// Prefixes of scope names that container runtimes give their containers under systemd.
const SCOPES: [(&str, &str); 6] = [
    ("docker-", "docker"),
    ("libpod-", "podman"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "kubernetes"),
    ("lxc-", "lxc"),
];

fn container(path: &str) -> Option<Container> {
    let kubernetes = path.contains("/kubepods");
    let mut parent = "";
    for segment in path.split('/') {
        if let Some((runtime, id)) = named(parent, segment) {
            let runtime = if kubernetes { "kubernetes" } else { runtime };
            let runtime = Cow::Borrowed(runtime);
            return Some(Container { runtime, id: id.into(), name: None });
        }
        parent = segment;
    }
    // Under cgroupfs a pod's containers have bare ids.
    let last = path.rsplit('/').next().filter(|last| kubernetes && is_id(last))?;
    Some(Container { runtime: Cow::Borrowed("kubernetes"), id: last.into(), name: None })
}

fn named<'a>(parent: &str, segment: &'a str) -> Option<(&'static str, &'a str)> {
    if let Some(scope) = segment.strip_suffix(".scope") {
        let of = |(prefix, runtime): &(&str, &'static str)| {
            let id = scope.strip_prefix(prefix)?;
            (is_id(id) || *runtime == "lxc").then_some((*runtime, id))
        };
        return SCOPES.iter().find_map(of);
    }
    if let Some(name) = segment.strip_prefix("lxc.payload.") {
        return Some(("lxc", name));
    }
    match parent {
        "docker" if is_id(segment) => Some(("docker", segment)),
        "libpod_parent" => {
            segment.strip_prefix("libpod-").filter(|id| is_id(id)).map(|id| ("podman", id))
        }
        "lxc" if !segment.is_empty() => Some(("lxc", segment)),
        _ => None,
    }
}

/// A runtime's id: 64 hexadecimal digits, or at least 12 of them.
fn is_id(text: &str) -> bool {
    text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            unit_name("/user.slice/user-0.slice/session-3.scope"),
            system("session-3.scope")
        );
        assert_eq!(unit_name("/init.scope"), system("init.scope"));
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

    #[test]
    fn containers_are_told_by_their_runtimes_habits() {
        let of =
            |path: String| container(&path).map(|c| (c.runtime.into_owned(), c.id.into_string()));
        let expect = |runtime: &str| Some((runtime.to_owned(), ID.to_owned()));
        assert_eq!(of(format!("/system.slice/docker-{ID}.scope")), expect("docker"));
        assert_eq!(of(format!("/docker/{ID}/init")), expect("docker"));
        assert_eq!(of(format!("/machine.slice/libpod-{ID}.scope/container")), expect("podman"));
        assert_eq!(of(format!("/kubepods/besteffort/pod1/{ID}")), expect("kubernetes"));
        let pod = "/kubepods.slice/kubepods-besteffort.slice/kubepods-pod1.slice";
        assert_eq!(of(format!("{pod}/cri-containerd-{ID}.scope")), expect("kubernetes"));
        assert_eq!(of("/lxc.payload.web/init.scope".into()).unwrap().0, "lxc");
        assert_eq!(of("/system.slice/docker-compose.service".into()), None);
        assert_eq!(of("/system.slice/docker-x.scope".into()), None);
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
}
