//! The JSON contract `sockpit.ports/1`, written socket by socket: a document of a hundred
//! thousand sockets is never in memory as a whole.

use std::io::Write;
use std::thread;

use serde::Serialize;

use super::super::Failure;
use crate::inspect::sockets::Listing;
use crate::model::socket::Socket;
use crate::text::json;

/// The whole listing as one document on one line.
pub(super) fn document(out: &mut impl Write, listing: &Listing) -> Result<(), Failure> {
    out.write_all(br#"{"schema":"sockpit.ports/1""#)?;
    field(out, "taken_at", &listing.taken_at)?;
    field(out, "host", &listing.host)?;
    field(out, "privileged", &listing.privileged)?;
    out.write_all(br#","sockets":["#)?;
    each(out, &listing.sockets, |text, index| {
        if index > 0 {
            text.push(b',');
        }
        json::append(text, &listing.sockets[index])
    })?;
    out.write_all(b"]")?;
    field(out, "listen", &listing.listen)?;
    field(out, "listen_elsewhere", &listing.listen_elsewhere)?;
    field(out, "health", &listing.health)?;
    out.write_all(b"}\n")?;
    Ok(())
}

/// A socket a line.
pub(super) fn lines(out: &mut impl Write, sockets: &[Socket]) -> Result<(), Failure> {
    each(out, sockets, |text, index| {
        json::append(text, &sockets[index])?;
        text.push(b'\n');
        Ok(())
    })
}

/// So many sockets are turned into text by one thread at a time: some megabytes of it.
const AT_ONCE: usize = 2_048;

/// More threads gain little: somebody has to take what they write.
const MAX_WORKERS: usize = 4;

/// Writes each of these sockets as `write` has it, by its index and in order. Many are shared among
/// threads: to write them takes longer than to ask the kernel for them.
fn each(
    out: &mut impl Write,
    sockets: &[Socket],
    write: impl Fn(&mut Vec<u8>, usize) -> serde_json::Result<()> + Sync,
) -> Result<(), Failure> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
    let mut texts: Vec<Vec<u8>> = vec![Vec::new(); workers];
    let fill = |text: &mut Vec<u8>, from: usize| {
        text.clear();
        let mut indices = from.min(sockets.len())..(from + AT_ONCE).min(sockets.len());
        indices.try_for_each(|index| write(text, index))
    };
    for from in (0..sockets.len()).step_by(AT_ONCE * workers) {
        let parts = (from..).step_by(AT_ONCE).zip(&mut texts);
        thread::scope(|scope| {
            let mut parts = parts.take_while(|(from, _)| *from < sockets.len());
            let own = parts.next();
            let others: Vec<_> =
                parts.map(|(from, text)| scope.spawn(move || fill(text, from))).collect();
            let own = own.map_or(Ok(()), |(from, text)| fill(text, from));
            let filled = others
                .into_iter()
                .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            filled.fold(own, Result::and)
        })?;
        for text in &mut texts {
            out.write_all(text)?;
            text.clear();
        }
    }
    Ok(())
}

/// Something that happened to a socket, as one line.
#[derive(Serialize)]
pub(super) struct Event<'a> {
    /// `present` (it was there at the first look), `added`, `changed` or `removed`.
    pub(super) event: &'static str,
    /// The socket as it is now, or as it was last.
    pub(super) socket: &'a Socket,
}

/// Writes one event.
pub(super) fn event(out: &mut impl Write, event: &Event<'_>) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, event)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn field(out: &mut impl Write, name: &str, value: &impl Serialize) -> Result<(), Failure> {
    write!(out, ",\"{name}\":")?;
    serde_json::to_writer(out, value)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::{Endpoint, Family, Protocol, State};

    #[test]
    fn many_sockets_are_written_in_order_whoever_writes_them() {
        for count in [0, 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE * MAX_WORKERS + 7] {
            let socket = |index: usize| {
                let local = Endpoint::ip([127, 0, 0, 1], (index % 60_000) as u16);
                Socket {
                    inode: Some(index as u64),
                    ..Socket::new(Family::Ipv4, Protocol::Udp, State::Unconnected, local)
                }
            };
            let sockets: Vec<Socket> = (0..count).map(socket).collect();
            let mut text = Vec::new();
            lines(&mut text, &sockets).unwrap();
            let expected: Vec<String> =
                sockets.iter().map(|socket| serde_json::to_string(socket).unwrap()).collect();
            let told: Vec<&str> = std::str::from_utf8(&text).unwrap().lines().collect();
            assert_eq!(told, expected, "{count}");
        }
    }
}
