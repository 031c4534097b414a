//! A socket as the kernel tells of it: addresses, state, queues, and who holds it.

pub(super) mod activation;
mod endpoint;
mod key;
mod kinds;
pub(super) mod peer;
mod progress;
mod protocol;
mod queue;
mod record;
mod state;
mod unread;

pub use endpoint::{Endpoint, HostName};
pub use key::{SocketId, SocketKey};
pub use kinds::{NetlinkSocket, PacketKind, PacketSocket, SocketFile};
pub use protocol::{Family, Protocol};
pub use queue::{Backlog, SocketMemory, Timer, TimerKind};
pub use record::Socket;
pub use state::State;
pub use unread::Unread;

#[cfg(test)]
mod tests;
