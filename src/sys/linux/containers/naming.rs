//! What a container is called, from what lies open: the arguments of its monitor, and files of
//! its runtime. Nothing is asked, so that every listing can have names.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::OpenOptionsExt;

use super::super::names;
use super::super::proc::{self, Decimal};
use crate::model::owner::Container;
use crate::wire::{container_files, monitor, procfs};

/// Longer files than this are no runtime's.
const MOST_BYTES: u64 = 1 << 20;
/// Whoever has more ancestors below its monitor has no name.
const MOST_ANCESTORS: usize = 64;
/// Names that are remembered.
const MOST_REMEMBERED: usize = 4096;

/// Looks names up, and remembers each.
#[derive(Debug, Default)]
pub(in super::super) struct ContainerNames {
    known: HashMap<Box<str>, Told>,
}

/// What was learned of a container beside its id.
#[derive(Clone, Debug, Default)]
struct Told {
    runtime: Option<&'static str>,
    name: Option<Box<str>>,
}

impl ContainerNames {
    /// Fills in what the container of a process is called. `user` is the one whose user manager
    /// the process runs under.
    pub(in super::super) fn fill(
        &mut self,
        proc: BorrowedFd<'_>,
        ppid: u32,
        user: Option<u32>,
        container: &mut Container,
    ) {
        if container.name.is_some() {
            return;
        }
        if self.known.len() > MOST_REMEMBERED {
            self.known.clear();
        }
        let told = match self.known.get(&container.id) {
            Some(known) => known.clone(),
            None => {
                let told = look_up(proc, ppid, user, container);
                self.known.insert(container.id.clone(), told.clone());
                told
            }
        };
        if let Some(runtime) = told.runtime {
            container.runtime = runtime.into();
        }
        container.name = told.name;
    }
}

fn look_up(proc: BorrowedFd<'_>, ppid: u32, user: Option<u32>, container: &Container) -> Told {
    let id = &*container.id;
    if id.contains('/') || id.starts_with('.') {
        return Told::default();
    }
    let monitored = monitor_above(proc, ppid, id);
    // The path alone says which program made the group, and not for whom.
    let runtime = monitored
        .as_ref()
        .map(|it| it.runtime)
        .filter(|_| matches!(&*container.runtime, "runc" | "crun" | "containerd"));
    let name =
        monitored.and_then(|it| it.name).or_else(|| match runtime.unwrap_or(&container.runtime) {
            "docker" => docker(id, user),
            "kubernetes" | "containerd" => bundle(id),
            _ => None,
        });
    Told { runtime, name: name.map(Into::into) }
}

/// What the monitor that stands over a process says of it.
fn monitor_above(proc: BorrowedFd<'_>, ppid: u32, id: &str) -> Option<monitor::Monitored> {
    let mut content = Vec::new();
    let mut pid = ppid;
    for _ in 0..MOST_ANCESTORS {
        let directory = proc::open_dir(proc, Decimal::new(pid).as_c_str()).ok()?;
        proc::read_file(&directory, c"stat", &mut content).ok()?;
        let stat = procfs::Stat::parse(&content)?;
        let (name, parent) = (String::from_utf8_lossy(stat.name).into_owned(), stat.ppid);
        if monitor::is_monitor(&name) {
            proc::read_file(&directory, c"cmdline", &mut content).ok()?;
            let words = procfs::arguments(&content);
            let words: Vec<&str> = words.iter().skip(1).map(|word| &**word).collect();
            let found = monitor::monitored(&name, &words).filter(|it| it.id == id);
            // A pod's shim has the pod's id, and stands over all of its containers.
            return found;
        }
        pid = parent;
    }
    None
}

fn docker(id: &str, user: Option<u32>) -> Option<String> {
    let in_root = |root: &str| {
        let text = read(&format!("{root}/containers/{id}/config.v2.json"))?;
        container_files::docker_name(&text)
    };
    if let Some(uid) = user {
        let home = names::account(uid)?.home;
        return in_root(&format!("{home}/.local/share/docker"));
    }
    let configured = || container_files::docker_data_root(&read("/etc/docker/daemon.json")?);
    in_root("/var/lib/docker")
        .or_else(|| in_root(&configured()?))
        .or_else(|| in_root("/var/snap/docker/common/var-lib-docker"))
}

fn bundle(id: &str) -> Option<String> {
    let tasks = "/run/containerd/io.containerd.runtime.v2.task";
    ["k8s.io", "default"].iter().find_map(|namespace| {
        let text = read(&format!("{tasks}/{namespace}/{id}/config.json"))?;
        container_files::bundle_name(&text)
    })
}

/// The text of a plain file. A user could have put something else in its place, whose opening
/// would block.
fn read(path: &str) -> Option<String> {
    let mut options = fs::OpenOptions::new();
    let file = options.read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    file.take(MOST_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::os::fd::AsFd;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// What a container is called whose process is the child of one that is told so.
    fn called(name: &str, cmdline: &str, runtime: &'static str) -> (String, Option<String>) {
        let proc = tempfile::tempdir().unwrap();
        let cmdline = cmdline.replace("ID", ID).replace(' ', "\0");
        for (pid, ppid, name, cmdline) in [(40, 1, name, &*cmdline), (41, 40, "sh", "sh")] {
            let directory = proc.path().join(pid.to_string());
            fs::create_dir(&directory).unwrap();
            let zeros = "0 ".repeat(46);
            fs::write(directory.join("stat"), format!("{pid} ({name}) S {ppid} {zeros}\n"))
                .unwrap();
            fs::write(directory.join("cmdline"), cmdline).unwrap();
        }
        let directory = fs::File::open(proc.path()).unwrap();
        let mut container = Container { runtime: runtime.into(), id: ID.into(), name: None };
        ContainerNames::default().fill(directory.as_fd(), 41, None, &mut container);
        (container.runtime.into_owned(), container.name.map(Into::into))
    }

    #[test]
    fn a_monitor_names_its_container() {
        let podman = called("conmon", "conmon -c ID -u ID -n web", "podman");
        assert_eq!(podman, ("podman".to_owned(), Some("web".to_owned())));
        assert_eq!(called("conmon", "conmon -c other -n web", "podman").1, None);
        assert_eq!(called("bash", "bash -c ID -n web", "podman").1, None);
        let shim = "containerd-shim-runc-v2 -namespace moby -id ID";
        assert_eq!(called("containerd-shim", shim, "runc").0, "docker");
        assert_eq!(called("containerd-shim", shim, "kubernetes").0, "kubernetes");
    }

    #[test]
    fn only_a_plain_file_is_read() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("config.v2.json");
        fs::write(&path, "{}").unwrap();
        assert_eq!(read(path.to_str().unwrap()).as_deref(), Some("{}"));
        let pipe = place.path().join("pipe");
        let name = CString::new(pipe.to_str().unwrap()).unwrap();
        // SAFETY: the path is a NUL-terminated string that outlives the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        assert_eq!(read(pipe.to_str().unwrap()), None);
    }
}
