//! The JSON contract `sockpit.ports/1`, written socket by socket: a document of a hundred
//! thousand sockets is never in memory as a whole.

use std::io::Write;

use serde::Serialize;

use super::super::Failure;
use crate::inspect::sockets::Listing;
use crate::model::socket::Socket;

/// The whole listing as one document on one line.
pub(super) fn document(out: &mut impl Write, listing: &Listing) -> Result<(), Failure> {
    out.write_all(br#"{"schema":"sockpit.ports/1""#)?;
    field(out, "taken_at", &listing.taken_at)?;
    field(out, "host", &listing.host)?;
    field(out, "privileged", &listing.privileged)?;
    out.write_all(br#","sockets":["#)?;
    for (index, socket) in listing.sockets.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut *out, socket)?;
    }
    out.write_all(b"]")?;
    field(out, "listen", &listing.listen)?;
    field(out, "listen_elsewhere", &listing.listen_elsewhere)?;
    field(out, "health", &listing.health)?;
    out.write_all(b"}\n")?;
    Ok(())
}

/// A socket a line.
pub(super) fn lines(out: &mut impl Write, sockets: &[Socket]) -> Result<(), Failure> {
    for socket in sockets {
        serde_json::to_writer(&mut *out, socket)?;
        out.write_all(b"\n")?;
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
