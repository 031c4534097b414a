//! The `docker run` that runs a container and waits for it, in a service.

use jiff::{SignedDuration, Timestamp};

use super::{Member, World};
use crate::wire::keepers::ContainerShown;

/// An image may have to be fetched before a container is made of it.
const LONGEST_FETCH: SignedDuration = SignedDuration::from_mins(30);

/// The client that runs this container, and its service: one that names it; else the only one that
/// names nothing, and has asked for such an image and command before the container was made.
pub(super) fn of(
    shown: &ContainerShown,
    world: &World<'_>,
    is_service: &dyn Fn(&Member) -> Option<String>,
) -> Option<(Member, String)> {
    let nodes = world.tree.iter().filter(|node| matches!(&*node.name, "docker" | "podman"));
    let members = nodes.filter_map(|node| (world.member)(node.key.pid));
    let clients: Vec<(Member, String)> =
        members.filter_map(|member| is_service(&member).map(|unit| (member, unit))).collect();
    if let Some(named) = clients.iter().find(|(client, _)| names(client, shown)) {
        return Some(named.clone());
    }
    let mut alike = clients.into_iter().filter(|(client, _)| asks_for(client, shown));
    let only = alike.next()?;
    alike.next().is_none().then_some(only)
}

/// What follows the verb in a client's arguments, with the verb.
fn asked(client: &Member) -> Option<(&str, Vec<&str>)> {
    let mut arguments = client.process.cmdline.iter().map(|argument| &**argument);
    let verb = arguments.find(|word| matches!(*word, "run" | "start" | "attach"))?;
    Some((verb, arguments.collect()))
}

/// Whether a client's arguments name a container. The name of an image may be the same word.
fn names(client: &Member, shown: &ContainerShown) -> bool {
    let is_it = |word: &str| word == shown.name || (word.len() >= 12 && shown.id.starts_with(word));
    match asked(client) {
        Some(("run", rest)) => given_name(&rest) == Some(&*shown.name),
        Some((_, rest)) => rest.iter().any(|word| is_it(word)),
        None => false,
    }
}

fn given_name<'a>(rest: &[&'a str]) -> Option<&'a str> {
    let apart = rest.windows(2).find(|pair| pair[0] == "--name").map(|pair| pair[1]);
    apart.or_else(|| rest.iter().find_map(|word| word.strip_prefix("--name=")))
}

/// Whether a `run` without a name ends in this image and command, and began before the container
/// was made.
fn asks_for(client: &Member, shown: &ContainerShown) -> bool {
    let Some(("run", rest)) = asked(client) else { return false };
    let waits = !rest.iter().any(|word| matches!(*word, "-d" | "--detach" | "--detach=true"));
    let tail: Vec<&str> =
        std::iter::once(&*shown.image).chain(shown.command.iter().map(String::as_str)).collect();
    let bare = [shown.image.as_str()];
    // Where none is asked for the command is the image's own.
    let is_alike = rest.ends_with(&tail) || rest.ends_with(&bare);
    let made = shown.created.parse::<Timestamp>().ok();
    let began = client.process.started_at;
    let is_in_time = began.zip(made).is_some_and(|(began, made)| {
        let waited = made.duration_since(began);
        // The start of a process is known to a second or so.
        waited > SignedDuration::from_secs(-2) && waited < LONGEST_FETCH
    });
    given_name(&rest).is_none() && waits && is_alike && is_in_time
}
