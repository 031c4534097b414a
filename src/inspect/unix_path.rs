//! Why a path can or cannot be bound by a UNIX socket: what is there, and whose it is.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::sockets::{self, Detail, Reach, Request};
use super::words;
use super::{Error, keepers};
use crate::model::health::Health;
use crate::model::keeper::Keeper;
use crate::model::socket::Socket;
use crate::model::tables::Table;
use crate::model::unix_path::PathReport;
use crate::model::why::{Remedy, WhyFinding, WhyKind};
use crate::sys::files::{self, FileLook};
use crate::text::keeper as keeping;

/// The longest path that fits into `sockaddr_un` with its NUL (`unix(7)`).
const LONGEST: usize = 107;

/// Looks at the file and at every UNIX socket with its owners. Changes nothing: a bind that
/// succeeds would leave a file behind. Blocks.
pub fn explain(path: &Path) -> Result<PathReport, Error> {
    let (look, mut health) = (files::look_at(path), Vec::new());
    let mut report = PathReport {
        target: path.display().to_string(),
        real_path: None,
        bindable: false,
        error: None,
        exists: false,
        is_socket: None,
        listening: None,
        trial: Vec::new(),
        findings: Vec::new(),
        health: Vec::new(),
    };
    match look {
        Ok(look) => {
            report.exists = true;
            report.error = Some("EADDRINUSE".to_owned());
            report.is_socket = Some(look.is_socket);
            report.real_path = look.real_path.as_ref().map(|path| path.display().to_string());
            if look.is_socket {
                let mut bound = bound_to(path, &look)?;
                bound.sockets.retain(Socket::is_server);
                health.extend(bound.health);
                // A path reaches over all network namespaces, of which not every one can be asked.
                let is_held = match bound.sockets.is_empty() {
                    true => files::is_bound(path),
                    false => Some(true),
                };
                report.listening = is_held;
                let held: Vec<&Socket> = bound.sockets.iter().collect();
                let kept = keepers::of_sockets(&held, &[]);
                report.findings.push(held_or_stale(path, &bound.sockets, is_held, &kept));
                let clauses = keeping::clauses(&kept).into_iter().map(|(_, clause)| clause);
                report
                    .findings
                    .extend(clauses.map(|text| finding(WhyKind::Keeper, text, &held, Vec::new())));
            } else {
                let what = if look.is_directory { "a directory" } else { "a file, not a socket" };
                let text = format!(
                    "{} is {what}: a bind of it is refused, and nothing connects to it",
                    path.display()
                );
                report.findings.push(finding(WhyKind::PathTaken, text, &[], Vec::new()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => missing(path, &mut report),
        Err(error) => {
            let text = format!("{} cannot be looked at: {error}", path.display());
            report.error = (error.kind() == io::ErrorKind::PermissionDenied)
                .then(|| "EACCES".to_owned())
                .or_else(|| Some(error.to_string()));
            report.findings.push(finding(WhyKind::PathTaken, text, &[], Vec::new()));
        }
    }
    let length = path.as_os_str().len();
    if length > LONGEST {
        report.bindable = false;
        report.error = Some("EINVAL".to_owned());
        let text = format!(
            "the path has {length} bytes, and a UNIX socket's address takes {LONGEST} at most: \
             change to its directory and bind a relative path"
        );
        report.findings.insert(0, finding(WhyKind::PathTaken, text, &[], Vec::new()));
    }
    report.health = health;
    Ok(report)
}

/// Nothing is there: then its directory decides.
fn missing(path: &Path, report: &mut PathReport) {
    if let Some(target) = files::dangling(path) {
        report.error = Some("EADDRINUSE".to_owned());
        let text = format!(
            "{} is a symbolic link to {}, where nothing is: a bind is refused",
            path.display(),
            target.display()
        );
        let remedies = vec![remove(path)];
        report.findings.push(finding(WhyKind::StalePath, text, &[], remedies));
        return;
    }
    let parent = match path.parent() {
        Some(parent) if parent != OsStr::new("") => parent,
        _ => Path::new("."),
    };
    if files::look_at(parent).is_ok_and(|parent| parent.is_directory) {
        report.bindable = true;
        return;
    }
    report.error = Some("ENOENT".to_owned());
    let text = format!("there is no directory {}", parent.display());
    let argv = vec!["mkdir".to_owned(), "-p".to_owned(), "--".to_owned(), shown(parent)];
    let remedies = vec![Remedy { text: "make it".to_owned(), argv }];
    report.findings.push(finding(WhyKind::PathTaken, text, &[], remedies));
}

/// The UNIX sockets that are bound to a file.
pub struct Bound {
    /// With their owners.
    pub sockets: Vec<Socket>,
    /// What the sources could not tell.
    pub health: Vec<Health>,
}

/// Sockets in any network namespace that are bound to this file by any name: an absolute path,
/// one relative to where the owner was, or through a symbolic link. Accepted connections have
/// their listener's. Blocks.
pub fn bound_to(path: &Path, look: &FileLook) -> Result<Bound, Error> {
    let mut listing = sockets::list(&Request {
        detail: Detail::Bare,
        tables: Table::Unix.into(),
        reach: Reach::All,
        ..Request::default()
    })?;
    let names = [Some(path.to_owned()), look.real_path.clone()];
    let is_named = |socket: &Socket| {
        let own = socket.local.path.as_deref().map(Path::new);
        names.iter().flatten().any(|name| own == Some(name))
    };
    let is_bound = |socket: &Socket| match (&socket.file, &look.file) {
        // The kernel tells 32 bits of the inode.
        (Some(bound), Some(file)) => {
            bound.inode as u32 == file.inode as u32
                && (bound.device_major, bound.device_minor)
                    == (file.device_major, file.device_minor)
        }
        _ => is_named(socket),
    };
    listing.sockets.retain(is_bound);
    Ok(Bound { sockets: listing.sockets, health: listing.health })
}

/// The sockets that serve at this path now, by whatever name they were bound; none where there is no
/// such file. Blocks.
pub fn sockets_at(path: &Path) -> Result<Vec<Socket>, Error> {
    let Some(look) = files::look_at(path).ok().filter(|look| look.is_socket) else {
        return Ok(Vec::new());
    };
    let mut sockets = bound_to(path, &look)?.sockets;
    sockets.retain(Socket::is_server);
    Ok(sockets)
}

/// Whether there is anything at this path, or a symbolic link to nothing: a bind is refused then.
pub fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The inodes of the sockets that are bound to the file at this path, by whatever name; empty where
/// there is no socket. Blocks.
pub fn inodes_at(path: &Path) -> Vec<u64> {
    let look = files::look_at(path).ok().filter(|look| look.is_socket);
    let bound = look.and_then(|look| bound_to(path, &look).ok());
    let sockets = bound.map_or_else(Vec::new, |bound| bound.sockets);
    sockets.iter().filter_map(|socket| socket.inode.filter(|inode| *inode != 0)).collect()
}

fn held_or_stale(
    path: &Path,
    sockets: &[Socket],
    is_held: Option<bool>,
    kept: &[Keeper],
) -> WhyFinding {
    let shown_path = path.display();
    if sockets.is_empty() {
        let (kind, text, remedies) = match is_held {
            Some(false) => (
                WhyKind::StalePath,
                format!(
                    "{shown_path} is a socket that no process has open: a program ended without \
                     removing it, and a bind is refused until it is removed"
                ),
                vec![remove(path)],
            ),
            Some(true) => (
                WhyKind::Listener,
                format!("{shown_path} is held by a process that cannot be seen from here"),
                Vec::new(),
            ),
            None => (
                WhyKind::PathTaken,
                format!("{shown_path} is a socket, and whether a process has it is not known"),
                Vec::new(),
            ),
        };
        return finding(kind, text, &[], remedies);
    }
    let mut holders: Vec<String> = sockets.iter().map(words::holders).collect();
    holders.dedup();
    let holders = words::list(&holders);
    let full = sockets.iter().find_map(|socket| {
        let backlog = socket.backlog.as_ref()?;
        let (queued, limit) = (backlog.queued, backlog.limit);
        (queued > limit).then(|| format!(", its accept queue is full ({queued} of {limit})"))
    });
    let text = format!(
        "{shown_path} is held by {holders}, which answers there{}: removing the file would cut it \
         off without ending it",
        full.unwrap_or_default()
    );
    let narrow = kept.iter().find(|keeper| keeper.is_narrow());
    let narrow = narrow.and_then(|keeper| {
        let argv = keeping::narrow(std::slice::from_ref(keeper))?;
        Some(Remedy { text: format!("stop {}", keeper.name), argv })
    });
    let kill = || Remedy {
        text: "end who holds it".to_owned(),
        argv: vec!["sockpit".to_owned(), "kill".to_owned(), shown(path)],
    };
    let has_owner = sockets.iter().any(|socket| !socket.owners.is_empty());
    let remedies = narrow.or_else(|| has_owner.then(kill)).into_iter().collect();
    let held: Vec<&Socket> = sockets.iter().collect();
    finding(WhyKind::Listener, text, &held, remedies)
}

fn remove(path: &Path) -> Remedy {
    let argv = ["rm".to_owned(), "--".to_owned(), shown(path)];
    Remedy { text: "remove it".to_owned(), argv: argv.to_vec() }
}

fn shown(path: &Path) -> String {
    PathBuf::from(path).display().to_string()
}

fn finding(kind: WhyKind, text: String, sockets: &[&Socket], remedies: Vec<Remedy>) -> WhyFinding {
    let sockets = sockets.iter().map(|socket| (*socket).clone()).collect();
    WhyFinding { kind, text, sockets, remedies, forwards: Vec::new(), reuse: None }
}
