//! What a systemd manager holds a socket for.

use serde::{Deserialize, Serialize};

/// What a systemd manager holds a socket for. Where neither is known, that it holds it for
/// some unit is all there is to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// The socket unit, as `ssh.socket`.
    pub socket_unit: Option<Box<str>>,
    /// The service that has been given the socket, as `ssh.service`; `None` when none was
    /// found to hold it, which is so until the first connection.
    pub unit: Option<Box<str>>,
}

impl Activation {
    /// The unit to name when only one can be: the one that systemd itself listens for.
    pub fn principal(&self) -> Option<&str> {
        self.socket_unit.as_deref().or(self.unit.as_deref())
    }
}
