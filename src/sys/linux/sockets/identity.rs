//! What tells a socket from every other, from one look to the next.

use std::collections::HashMap;

use crate::model::socket::{Socket, SocketKey};

/// What tells a socket from every other. Before Linux 5.8 each namespace counts its own cookies.
pub(super) type Identity = SocketKey;

/// `None` for a socket without cookie.
pub(super) fn identity(socket: &Socket) -> Option<Identity> {
    socket.cookie.map(|_| socket.key())
}

/// Sockets that a second look found without a descriptor: gone (`None`), or left to
/// the kernel as they are now.
pub(super) type SecondLooks = HashMap<Identity, Option<Box<Socket>>>;
