//! What a listing is made of: sockets, or rows that may be shared with the listing before.

use std::sync::Arc;

use super::super::super::listing::Listed;
use crate::model::socket::Socket;

/// An entry of a listing.
pub(super) trait Entry {
    /// What is known of the socket.
    fn socket(&self) -> &Socket;
    /// The socket, to be changed; it is copied if someone shares it.
    fn socket_mut(&mut self) -> &mut Socket;
}

impl Entry for Socket {
    fn socket(&self) -> &Socket {
        self
    }

    fn socket_mut(&mut self) -> &mut Socket {
        self
    }
}

impl Entry for Listed {
    fn socket(&self) -> &Socket {
        Self::socket(self)
    }

    fn socket_mut(&mut self) -> &mut Socket {
        if let Self::Same(row, _) = self {
            *self = Self::new(row.key, row.socket.clone(), row.observed_at);
        }
        match self {
            Self::New(row) => &mut Arc::make_mut(row).socket,
            Self::Same(..) => unreachable!("replaced above"),
        }
    }
}
