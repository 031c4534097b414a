//! The `docker run` that runs a container and waits for it, and what keeps that in turn.

use jiff::{SignedDuration, Timestamp};

use super::{Member, World};
use crate::inspect::keepers::{lineage, program};
use crate::model::keeper::Keeper;
use crate::wire::keepers::ContainerShown;

/// An image may have to be fetched before a container is made of it.
const LONGEST_FETCH: SignedDuration = SignedDuration::from_mins(30);

/// The client that runs this container: one that names it; else the only one that names nothing, and
/// has asked for such an image and command before the container was made.
pub(super) fn of(shown: &ContainerShown, world: &World<'_>) -> Option<Member> {
    let nodes = world.tree.iter().filter(|node| matches!(&*node.name, "docker" | "podman"));
    let clients: Vec<Member> = nodes.filter_map(|node| (world.member)(node.key.pid)).collect();
    if let Some(named) = clients.iter().find(|client| names(client, shown)) {
        return Some(named.clone());
    }
    let mut alike = clients.into_iter().filter(|client| asks_for(client, shown));
    let only = alike.next()?;
    alike.next().is_none().then_some(only)
}

/// What starts the client again, such as a loop in a script or a supervisor. A signal that ends the
/// client ends the holder as well where `reaches_holder`.
pub(super) fn keepers(
    holder: &Member,
    client: &Member,
    reaches_holder: bool,
    world: &mut World<'_>,
) -> Vec<Keeper> {
    let line = lineage::of(client.clone(), world.member);
    let above = (1..line.len()).take_while(|at| line[*at].pid() != 1);
    let mut found: Vec<Keeper> = above.filter_map(|at| program::keeper(&line, at, world)).collect();
    let passes_on = !client.process.cmdline.iter().any(|it| &**it == "--sig-proxy=false");
    for keeper in &mut found {
        keeper.of = vec![holder.pid()];
        // KILL ends the client before it can tell anybody.
        let by_kill = keeper.command().is_some_and(|argv| argv.iter().any(|word| word == "KILL"));
        if keeper.ends_holder == Some(true) && !(reaches_holder && passes_on && !by_kill) {
            keeper.ends_holder = None;
        }
    }
    found
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
    // Where none is asked for the command is the image's own.
    let is_end = |at: &usize| {
        let command = &rest[at + 1..];
        is_image(rest[*at], &shown.image) && (command.is_empty() || command == shown.command)
    };
    let image = (0..rest.len()).find(is_end);
    let made = shown.created.parse::<Timestamp>().ok();
    let began = client.process.started_at;
    let is_in_time = began.zip(made).is_some_and(|(began, made)| {
        let waited = made.duration_since(began);
        // The start of a process is known to a second or so.
        waited > SignedDuration::from_secs(-2) && waited < LONGEST_FETCH
    });
    let options = &rest[..image.unwrap_or(rest.len())];
    let is_published =
        |port: u16| [false, true].iter().any(|udp| shown.published(port, *udp).is_some());
    let publishes = shown.ports.is_empty() || published(options).into_iter().all(is_published);
    given_name(&rest).is_none() && waits && image.is_some() && is_in_time && publishes
}

/// Whether an image is asked for by this word: podman shows it with its registry and its tag.
fn is_image(word: &str, image: &str) -> bool {
    let bare = |name: &str| name.strip_suffix(":latest").unwrap_or(name).to_owned();
    let (word, image) = (bare(word), bare(image));
    image == word || image.ends_with(&format!("/{word}"))
}

/// The ports of the host that options name: `-p 8080:80`, `--publish=127.0.0.1:53:53/udp`.
fn published(options: &[&str]) -> Vec<u16> {
    let apart = options.windows(2).filter(|pair| matches!(pair[0], "-p" | "--publish"));
    let apart = apart.map(|pair| pair[1]);
    let joined = options.iter().filter_map(|word| word.strip_prefix("--publish="));
    let host = |value: &str| value.rsplit(':').nth(1).and_then(|port| port.parse().ok());
    apart.chain(joined).filter_map(host).collect()
}
