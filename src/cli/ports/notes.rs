//! What is said on stderr beside the listing: what it lacks, and what would tell more.

use std::io::Write as _;

use crate::cli::port::Port;
use crate::inspect::forwarders::{Held, redirect};
use crate::model::health::{Health, Source};
use crate::model::owner::OwnershipKind;
use crate::model::socket::Socket;
use crate::model::tables::{Table, Uncounted};
use crate::text::clean;

/// Says on stderr what the listing lacks, below the table where a user will see it.
pub(super) fn tell<'a>(health: impl Iterator<Item = &'a Health>) {
    let mut err = std::io::stderr().lock();
    for line in health.filter(|line| line.is_troubled()) {
        let reason = line.reason.as_deref().unwrap_or("something is missing");
        // A note that cannot be written is no reason to fail.
        let _ = match &line.remedy {
            Some(remedy) => writeln!(err, "sockpit: {}; {}", clean(reason), clean(remedy)),
            None => writeln!(err, "sockpit: {}", clean(reason)),
        };
    }
}

/// Whether a note could change what is shown. That some process may not be read says nothing where
/// every socket has its owner.
pub(super) fn could_change(line: &Health, shown: &[Socket]) -> bool {
    let is_settled = |socket: &Socket| {
        matches!(socket.ownership.kind, OwnershipKind::Owned | OwnershipKind::Kernel)
    };
    line.source != Source::Owners || shown.is_empty() || !shown.iter().all(is_settled)
}

/// Says that nothing was found, for an empty table looks like one that was not made.
pub(super) fn tell_nothing(query: &[String]) {
    let what = match query {
        [] => "there are no sockets".to_owned(),
        query => format!("no socket matches {}", clean(&query.join(" "))),
    };
    note!("sockpit: {what}");
}

/// Whoever asks for one port and finds nobody may be looking for a container, to which a rule
/// sends its packets.
pub(super) fn tell_redirect(query: &[String]) {
    let [word] = query else { return };
    let word = word.strip_prefix("port:").unwrap_or(word);
    // A word may be anything else.
    let port = Some(word).filter(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    let Some(Ok(Port { number: port, udp })) = port.map(Port::parse) else { return };
    if let Some(where_to) = redirect(Held { port, udp }) {
        let protocol = if udp { "/udp" } else { "" };
        let sentence = format!("{where_to}; look: sockpit why {port}{protocol}");
        note!("sockpit: {}", clean(&sentence));
    }
}

/// Says which sockets are not in the table, and what would list them.
pub(super) fn tell_unlisted(unlisted: &[(Table, usize)], matched: bool) {
    for (table, count) in unlisted.iter().filter(|(_, count)| *count > 0) {
        let family = table.name().to_lowercase();
        let (sockets, are) = if *count == 1 { ("socket", "is") } else { ("sockets", "are") };
        let which = match (matched, *count) {
            (false, _) => "",
            (true, 1) => " that matches",
            (true, _) => " that match",
        };
        let name = table.name();
        let them = if *count == 1 { "it" } else { "them" };
        note!(
            "sockpit: {count} {name} {sockets}{which} {are} not listed; family:{family} lists {them}",
        );
    }
}

/// Says of a process that it has sockets of which no more is known.
pub(super) fn tell_uncounted(process: &Uncounted) {
    let Uncounted { pid, name, sockets } = process;
    let (sockets, list) = match sockets {
        1 => ("1 socket".to_owned(), "it"),
        count => (format!("{count} sockets"), "them"),
    };
    note!(
        "sockpit: {} {pid} has {sockets} that no table lists and that could not be looked at; as \
         root, or with CAP_SYS_PTRACE, sockpit may see more of {list}",
        clean(name)
    );
}
