//! What stops a container, as the user whose runtime it is.

use std::path::Path;

use crate::model::forwarder::ContainerBehind;
use crate::sys;
use crate::sys::command;

/// Where a rootful docker listens.
const DOCKER: &str = "/run/docker.sock";

/// Whether this user needs root to speak to a rootful docker.
pub(super) fn docker_needs_root() -> bool {
    command::may_write(Path::new(DOCKER)) == Some(false)
}

/// The command, for a user with the id `own_uid`, who may need root to speak to a rootful docker;
/// `None` for runtimes whose containers are
/// started by something else, which would start them again.
pub(super) fn command(
    container: &ContainerBehind,
    own_uid: u32,
    docker_needs_root: bool,
) -> Option<Vec<String>> {
    let uid = container.uid?;
    let name = container.name.as_deref().unwrap_or(&container.id);
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    match (&*container.runtime, uid) {
        // Who may use the socket of a rootful docker need not be root.
        ("docker", 0) if docker_needs_root => words(&["sudo", "docker", "stop", "--", name]),
        ("docker", 0) => words(&["docker", "stop", "--", name]),
        ("docker", uid) if uid != own_uid && own_uid != 0 => {
            words(&["sudo", "docker", "-H", &docker_socket(uid), "stop", "--", name])
        }
        ("docker", _) => words(&["docker", "-H", &docker_socket(uid), "stop", "--", name]),
        ("podman", uid) if uid == own_uid => words(&["podman", "stop", "--", name]),
        ("podman", 0) => words(&["sudo", "podman", "stop", "--", name]),
        ("podman", uid) => {
            let mut argv = as_user(uid, own_uid)?;
            argv.extend(["podman", "stop", "--", name].map(str::to_owned));
            Some(argv)
        }
        _ => None,
    }
}

/// Where the rootless docker of a user listens (docs.docker.com, "Rootless mode").
pub(super) fn docker_socket(uid: u32) -> String {
    format!("unix:///run/user/{uid}/docker.sock")
}

/// The beginning of a command that is to run as another user, in a directory that they may
/// enter, with the folder in which their podman keeps what runs.
pub(super) fn as_user(uid: u32, own_uid: u32) -> Option<Vec<String>> {
    let user = sys::containers::user_name(uid)?;
    let sudo = (own_uid != 0).then_some("sudo");
    let runtime = format!("XDG_RUNTIME_DIR=/run/user/{uid}");
    let words = ["runuser", "-u", &user, "--", "env", "-C", "/", &runtime];
    Some(sudo.into_iter().chain(words).map(str::to_owned).collect())
}
