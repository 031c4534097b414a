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

/// From where the reader of `/proc/PID/cgroup` looks: within a cgroup namespace every path
/// begins at that namespace's root, and goes up from it by `/..` (`cgroup_namespaces(7)`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// The namespace's root in version 2, below the real root; `None` where it is not known.
    pub root: Option<String>,
    /// The text of `/proc/1/cgroup` where that process lives outside of the namespace. It is at
    /// the top or in `init.scope`, so that its `/..` are all there are.
    pub first: Option<String>,
}

/// The text of a process's cgroups with paths from the real root, as far as `outlook` knows
/// the way there. Paths that still begin with `/..` lie beside the root of the namespace.
pub fn whole<'a>(content: &'a str, outlook: &Outlook) -> Cow<'a, str> {
    if outlook.root.is_none() && outlook.first.is_none() {
        return Cow::Borrowed(content);
    }
    let lines = content.lines().map(|line| match line.rsplit_once(':') {
        // A path may hold colons; the first two of a line are its own.
        Some(_) if line.splitn(3, ':').count() == 3 => {
            let path = line.splitn(3, ':').nth(2).unwrap_or_default();
            let hierarchy = &line[..line.len() - path.len()];
            match whole_path(hierarchy, path, outlook) {
                Some(path) => format!("{hierarchy}{path}\n"),
                None => format!("{line}\n"),
            }
        }
        _ => format!("{line}\n"),
    });
    Cow::Owned(lines.collect())
}

fn whole_path(hierarchy: &str, path: &str, outlook: &Outlook) -> Option<String> {
    let (ups, rest) = go_up(path);
    let root = outlook.root.as_deref().filter(|_| hierarchy == "0::");
    if let Some(root) = root {
        let root: Vec<&str> = root.split('/').filter(|segment| !segment.is_empty()).collect();
        let kept = root.len().checked_sub(ups)?;
        let kept: String = root[..kept].iter().map(|segment| format!("/{segment}")).collect();
        let rest = if rest == "/" { "" } else { rest };
        let path = kept + rest;
        return Some(if path.is_empty() { "/".to_owned() } else { path });
    }
    let of_first = outlook.first.as_deref()?.lines().find_map(|line| line.strip_prefix(hierarchy));
    let (top, _) = go_up(of_first?);
    (ups > 0 && ups == top).then(|| rest.to_owned())
}

/// How often a path goes up at its beginning, and what follows: at least `/`.
fn go_up(path: &str) -> (usize, &str) {
    let mut rest = path;
    let mut ups = 0;
    while let Some(after) = rest.strip_prefix("/..")
        && (after.is_empty() || after.starts_with('/'))
    {
        rest = after;
        ups += 1;
    }
    (ups, if rest.is_empty() { "/" } else { rest })
}

/// The user whose manager runs what lies at `path`.
pub fn user(path: &str) -> Option<u32> {
    let manager = below_slices(&mut segments(path))?;
    manager.strip_prefix("user@")?.strip_suffix(".service")?.parse().ok()
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

/// The unit of a machine's own manager, and what comes before that manager's root: what lies
/// behind `payload` of systemd-nspawn, or `lxc.payload.NAME`.
pub fn inner_unit(path: &str) -> Option<(&str, String)> {
    let payload = |segment: &str| segment == "payload" || segment.starts_with("lxc.payload.");
    let segment = segments(path).find(|segment| payload(segment))?;
    let at = path.find(&format!("/{segment}/"))? + 1 + segment.len();
    let (prefix, inner) = path.split_at(at);
    let unit = unit(inner)?;
    unit.name.ends_with(".service").then(|| (prefix, unit.name.into()))
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
const PREFIXES: [(&str, &str); 10] = [
    ("docker-", "docker"),
    ("libpod-payload-", "podman"),
    ("libpod-", "podman"),
    ("cri-containerd-", "containerd"),
    ("containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "cri-o"),
    ("cri-o-", "cri-o"),
    // What the low-level runtimes choose where they are given no name, as by rootless docker.
    ("runc-", "runc"),
    ("crun-", "crun"),
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
        // Beside the container that sockpit itself is in.
        ".." if segment.len() == 64 => "containerd",
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
