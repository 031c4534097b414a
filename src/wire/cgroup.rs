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
    let mut segments = segments(path);
    let system = below_slices(&mut segments)?;
    if system.starts_with("user@")
        && system.ends_with(".service")
        && let Some(user) = below_slices(&mut segments)
    {
        return Some(Unit { name: user.into(), scope: UnitScope::User });
    }
    Some(Unit { name: system.into(), scope: UnitScope::System })
}

/// The parts of a path. The kernel marks a cgroup that was removed under its processes.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    path.split('/').filter(|segment| !segment.is_empty())
}

fn below_slices<'a>(segments: &mut impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let segment = segments.find(|segment| !segment.ends_with(".slice"))?;
    let kind = segment.rsplit_once('.')?.1;
    let is_unit = matches!(kind, "service" | "scope" | "socket" | "mount" | "swap");
    // systemd puts `_` before a name that cgroupfs might take for a file of its own.
    let name = segment.strip_prefix('_').unwrap_or(segment);
    // The name of such a container may end like a unit's.
    (is_unit && !segment.starts_with("lxc.")).then_some(name)
}

/// Whether `path` is the control group `group` or lies below it. The root holds everything and
/// thereby says nothing.
pub fn is_within(path: &str, group: &str) -> bool {
    let group = group.trim_end_matches('/');
    let rest = path.strip_prefix(group);
    !group.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The part of a process's paths that ends with the segment that holds a container's id, in
/// the first hierarchy that has one.
pub fn container_group<'a>(content: &'a str, id: &str) -> Option<&'a str> {
    content.lines().find_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        let at = path.find(id)? + id.len();
        let end = path[at..].find('/').map_or(path.len(), |slash| at + slash);
        Some(&path[..end])
    })
}

/// Names of a container's own cgroup, as a prefix before the runtime's id. Under systemd it
/// is a scope.
const PREFIXES: [(&str, &str); 8] = [
    ("docker-", "docker"),
    ("libpod-payload-", "podman"),
    ("libpod-", "podman"),
    ("cri-containerd-", "containerd"),
    ("containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "cri-o"),
    ("cri-o-", "cri-o"),
];

/// The outermost container: what lies within it is its own to name.
fn container(path: &str) -> Option<Container> {
    let segments: Vec<&str> = segments(path).collect();
    let mut kubernetes = false;
    for (index, segment) in segments.iter().enumerate() {
        let parents = &segments[..index];
        let next = segments.get(index + 1).copied();
        kubernetes |= is_kubernetes(segment);
        if let Some(name) = by_name(parents, segment, next) {
            return Some(name);
        }
        if let Some((runtime, id)) = by_id(parents, segment, kubernetes) {
            let runtime = Cow::Borrowed(if kubernetes { "kubernetes" } else { runtime });
            return Some(Container { runtime, id: id.into(), name: None });
        }
    }
    None
}

/// The subtree that the kubelet keeps its pods in.
fn is_kubernetes(segment: &str) -> bool {
    let rest = segment.strip_prefix("kubepods");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

/// Runtimes that make up ids.
fn by_id<'a>(
    parents: &[&str],
    segment: &'a str,
    kubernetes: bool,
) -> Option<(&'static str, &'a str)> {
    // "pod.slice:cri-containerd:ID": a systemd path that was given to the other driver.
    let (tag, bare) = segment.rsplit_once(':').unwrap_or(("", segment));
    let bare = bare.strip_suffix(".scope").unwrap_or(bare);
    let of = |(prefix, runtime): &(&str, &'static str)| {
        let id = match bare.strip_prefix(prefix) {
            Some(id) => id,
            None => tag.ends_with(prefix.trim_end_matches('-')).then_some(bare)?,
        };
        is_id(id).then_some((*runtime, id))
    };
    if let Some(found) = PREFIXES.iter().find_map(of) {
        return Some(found);
    }
    // Without systemd containers have bare ids, and only where they lie says whose.
    let parent = parents.last().copied().unwrap_or_default();
    let runtime = match parent {
        "docker" => "docker",
        pod if kubernetes && pod.starts_with("pod") => "kubernetes",
        _ if parents.first() == Some(&"ecs") && segment.len() == 64 => "docker",
        _ => return None,
    };
    is_id(segment).then_some((runtime, segment))
}

/// Runtimes whose containers are known by the names that their users gave them.
fn by_name(parents: &[&str], segment: &str, next: Option<&str>) -> Option<Container> {
    let parent = parents.last().copied().unwrap_or_default();
    let named = |runtime, name: &str| Container {
        runtime: Cow::Borrowed(runtime),
        id: name.into(),
        name: Some(name.into()),
    };
    if let Some(name) = segment.strip_prefix("lxc.payload.") {
        return Some(named("lxc", name));
    }
    // liblxc's older layouts, the first of which is Proxmox's too.
    if matches!(parent, "lxc" | "lxc.payload") && parents.len() == 1 {
        return Some(named("lxc", segment));
    }
    // systemd-nspawn watches from beside its payload.
    if parents != ["machine.slice"] || next == Some("supervisor") {
        return None;
    }
    let name = match segment.strip_prefix("machine-") {
        Some(scope) => unescape(scope.strip_suffix(".scope")?),
        None => {
            let service = segment.strip_prefix("systemd-nspawn@")?.strip_suffix(".service")?;
            unescape(service)
        }
    };
    // libvirt registers its machines in the same way: virtual ones, and its own containers.
    let is_libvirts = name.starts_with("qemu-") || name.starts_with("lxc-");
    (!is_libvirts && !name.is_empty()).then(|| named("systemd-nspawn", &name))
}

/// Undoes systemd's escaping of unit names (`systemd-escape(1)`): `\x2d` is a hyphen.
fn unescape(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = rest.strip_prefix(b"\\x").and_then(|hex| hex.split_at_checked(2));
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let value = escaped.and_then(|(hex, _)| Some(digit(hex[0])? << 4 | digit(hex[1])?));
        match (value, escaped) {
            (Some(value), Some((_, after))) => {
                bytes.push(value as u8);
                rest = after;
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A runtime's id: 64 hexadecimal digits, or at least 12 of them.
fn is_id(text: &str) -> bool {
    text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
