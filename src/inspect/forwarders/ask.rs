//! What a container's own runtime says of it, asked as the user whose runtime it is.

use std::collections::HashMap;
use std::time::Duration;

use super::resolve::Running;
use super::{Held, stop};
use crate::model::forwarder::{ContainerBehind, ToldBy};
use crate::sys::command::{Limits, Program, own_uid};
use crate::wire::keepers::{self, ContainerShown};

/// A runtime that does not answer in this time says nothing.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(3), output_bytes: 1 << 20 };
/// Not more questions than this for one look.
const MOST_QUESTIONS: usize = 16;

/// The answers so far.
#[derive(Default)]
pub(super) struct Asked {
    known: HashMap<String, Option<ContainerShown>>,
}

impl Asked {
    /// Has a container confirmed by its runtime, with its name; and to which of its ports the
    /// held one is published, where the runtime says so.
    pub(super) fn confirm(&mut self, container: &mut ContainerBehind, held: Held) -> Option<u16> {
        let shown = self.inspect(container)?;
        if shown.id != container.id || !shown.running {
            return None;
        }
        // Another process than the runtime's own first one is another container.
        if container.first.is_some() && shown.pid.is_some() && container.first != shown.pid {
            return None;
        }
        container.name = Some(shown.name.clone());
        container.first = container.first.or(shown.pid);
        container.confirmed = ToldBy::Asked;
        shown.published(held.port, held.udp)
    }

    /// Learns a container's name.
    pub(super) fn name(&mut self, container: &mut ContainerBehind) {
        if let Some(shown) = self.inspect(container)
            && shown.id == container.id
        {
            container.name = Some(shown.name.clone());
        }
    }

    /// Which of these containers publishes the port.
    pub(super) fn publisher(&mut self, among: &[&Running], held: Held) -> Option<ContainerBehind> {
        among.iter().find_map(|running| {
            let shown = self.inspect(&running.container)?;
            shown.published(held.port, held.udp)?;
            Some(running.container.clone())
        })
    }

    fn inspect(&mut self, container: &ContainerBehind) -> Option<&ContainerShown> {
        if !self.known.contains_key(&container.id) {
            if self.known.len() >= MOST_QUESTIONS {
                return None;
            }
            self.known.insert(container.id.clone(), inspect(container));
        }
        self.known.get(&container.id)?.as_ref()
    }
}

fn inspect(container: &ContainerBehind) -> Option<ContainerShown> {
    let question = ["inspect", "--type", "container", "--", &container.id];
    let (program, arguments) = question_for(container, own_uid(), &question)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = Program::find(&program).ok()?.run(&arguments, LIMITS, &mut |_| {}).ok()?;
    if ran.timed_out || ran.exit_code != Some(0) {
        return None;
    }
    keepers::container(&ran.stdout).ok()
}

/// The program and its arguments that ask a container's runtime; `None` where this user cannot
/// ask it.
fn question_for(
    container: &ContainerBehind,
    own_uid: u32,
    question: &[&str],
) -> Option<(String, Vec<String>)> {
    let uid = container.uid?;
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    match &*container.runtime {
        "docker" if uid == 0 => Some(("docker".to_owned(), words(question))),
        "docker" => {
            let socket = ["-H".to_owned(), stop::docker_socket(uid)];
            let arguments = socket.into_iter().chain(words(question)).collect();
            Some(("docker".to_owned(), arguments))
        }
        "podman" if uid == own_uid => Some(("podman".to_owned(), words(question))),
        // Only root may be somebody else.
        "podman" if own_uid == 0 => {
            let mut argv = stop::as_user(uid, own_uid)?.into_iter();
            let program = argv.next()?;
            let podman = std::iter::once("podman".to_owned()).chain(words(question));
            Some((program, argv.chain(podman).collect()))
        }
        _ => None,
    }
}
