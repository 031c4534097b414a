//! A peer to test against: it listens, and behaves as it is told, well or badly.
//!
//! What it sees goes to whoever runs it as [`ServeEvent`]s, one after the other; a reader that
//! is slow slows it down, and nothing is lost. It stops when its future is dropped.

mod certificate;
mod connection;
mod http;
mod listener;
mod tls;
mod udp;

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::model::serve::{Seen, ServeEvent};

pub use tls::{Fault, Secure, Version};

/// What is spoken.
#[derive(Clone, Debug)]
pub enum Service {
    /// A stream of bytes.
    Tcp(Manner),
    /// Datagrams.
    Udp(Manner),
    /// A stream of bytes in TLS.
    Tls(Manner, Secure),
    /// HTTP/1.1, in TLS or not.
    Http(Page, Option<Secure>),
}

/// What is done with a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Send back what comes.
    #[default]
    Echo,
    /// Read what comes, and send nothing.
    Discard,
    /// Accept, read nothing, say nothing.
    Hang,
    /// End the connection with FIN as soon as it is accepted.
    Close,
    /// End it with RST as soon as it is accepted.
    Reset,
    /// End it with RST when the first bytes have come; of TLS the client's hello.
    ResetOnData,
    /// Never accept, with the accept queue full: further connects get no answer.
    QueueFull,
}

/// What every HTTP request is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// 200 to 999.
    pub status: u16,
    /// Before the answer.
    pub delay: Duration,
}

/// How to serve.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What.
    pub service: Service,
    /// Where; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Said to each peer before anything else; to no datagram's sender.
    pub greeting: Vec<u8>,
    /// At most so many bytes a second to each peer.
    pub bytes_per_second: Option<u32>,
    /// After so many connections listen no longer; 0 never listens.
    pub refuse_after: Option<u64>,
    /// End after so many connections, or datagrams.
    pub count: Option<u64>,
}

/// Why it cannot serve: one sentence.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address could not be had, or listened on.
    #[error("cannot listen on {addr}: {error}")]
    Listen {
        /// Which.
        addr: SocketAddr,
        /// The system's error.
        error: std::io::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate for `{name}`: {reason}")]
    Certificate {
        /// For which name.
        name: String,
        /// Why not.
        reason: String,
    },
}

/// The line to whoever watches.
#[derive(Clone)]
struct Watch {
    events: mpsc::Sender<ServeEvent>,
    connection: Option<u64>,
    peer: Option<SocketAddr>,
}

impl Watch {
    async fn see(&self, seen: Seen) {
        let Self { connection, peer, .. } = *self;
        let event = ServeEvent { at: Timestamp::now(), connection, peer, seen };
        // Nobody watches any more: then the end is near.
        let _ = self.events.send(event).await;
    }
}

/// Serves until [`Settings::count`] is reached, or for ever.
pub async fn serve(settings: Settings, events: mpsc::Sender<ServeEvent>) -> Result<(), ServeError> {
    let watch = Watch { events, connection: None, peer: None };
    match settings.service {
        Service::Udp(manner) => udp::serve(&settings, manner, &watch).await,
        Service::Tcp(_) | Service::Tls(..) | Service::Http(..) => {
            listener::serve(settings, &watch).await
        }
    }
}
