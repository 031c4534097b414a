//! What a peer to test against sees.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::probe::End;

/// Something that `serve` saw or did: a line of `sockpit serve --jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServeEvent {
    /// When.
    pub at: Timestamp,
    /// The connection's number, from 1; `None` for the listener and for datagrams.
    pub connection: Option<u64>,
    /// Who is at the other end.
    pub peer: Option<SocketAddr>,
    /// What it is.
    #[serde(flatten)]
    pub seen: Seen,
}

/// What was seen or done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Seen {
    /// It serves here from now on.
    Listening {
        /// The address that was got, with its port.
        addr: SocketAddr,
    },
    /// It holds this address and does not listen: a SYN is answered with RST.
    Held {
        /// The address that was got, with its port.
        addr: SocketAddr,
    },
    /// Its accept queue is full: a further SYN gets no answer.
    QueueFull {
        /// The connections that wait in it, all of them its own.
        queued: u64,
    },
    /// It listens no longer: a further SYN is answered with RST.
    Refusing {
        /// After so many connections.
        after: u64,
    },
    /// A connection was accepted.
    Accepted,
    /// TLS is on.
    Tls {
        /// `TLSv1.3`.
        version: String,
        /// The cipher suite.
        cipher: String,
        /// The name that the client asked for.
        sni: Option<String>,
        /// The protocol that was agreed upon.
        alpn: Option<String>,
        /// Whether the client showed a certificate.
        client_certificate: bool,
    },
    /// The TLS handshake failed.
    TlsFailed {
        /// Why, the client's alert included.
        reason: String,
    },
    /// Bytes came.
    Received {
        /// How many.
        bytes: u64,
        /// The first of them as text, uncleaned.
        text: String,
        /// The first of them, two digits each.
        raw_hex: String,
    },
    /// An HTTP request came.
    Request {
        /// `GET`.
        method: String,
        /// As it was asked for.
        target: String,
        /// The header of that name.
        host: Option<String>,
        /// How many headers it has.
        headers: u64,
        /// What it is answered with.
        status: u16,
    },
    /// A connection is over.
    Ended {
        /// Who ended it.
        by: End,
        /// How.
        how: Ending,
        /// What came, TLS taken off.
        bytes_received: u64,
        /// What was sent, TLS taken off.
        bytes_sent: u64,
        /// From accept to the end.
        duration_ms: u64,
    },
    /// Something went wrong that is none of the above.
    Failed {
        /// What.
        reason: String,
    },
}

/// A way to end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// FIN.
    Fin,
    /// RST.
    Rst,
}
