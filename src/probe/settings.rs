//! How to probe.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::outfit::Outfit;
use super::proxy::Proxy;
use super::security::Material;

/// What a name look-up and a connect may take when nothing else is said.
const CONNECT: Duration = Duration::from_secs(5);

/// An IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Whether an address is of it.
    pub fn has(self, address: IpAddr) -> bool {
        address.is_ipv4() == (self == Self::V4)
    }
}

/// How a connection is ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Close {
    /// With a FIN of both sides.
    #[default]
    Graceful,
    /// With our FIN alone: the peer is left to end its side.
    Half,
    /// With an RST.
    Abort,
}

/// How often, how patiently, from where, and with what.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rounds to run; `None` runs until told to stop. A round tries the target's addresses in
    /// order until one answers.
    pub count: Option<u64>,
    /// From the start of one round to the start of the next; a longer round delays the next.
    pub interval: Duration,
    /// How long each stage may take; `None` leaves it to the stage: 5 s for a name and a connect,
    /// the protocol's own time for what is said then.
    pub timeout: Option<Duration>,
    /// What its sockets get before they connect.
    pub outfit: Outfit,
    /// Use addresses of this version alone.
    pub family: Option<Family>,
    /// Go to this address in place of the target's own; the name stays what is asked for.
    pub at: Option<IpAddr>,
    /// Ask TLS for this name in place of the target's.
    pub server_name: Option<String>,
    /// Whom to trust, and what to show of ourselves.
    pub material: Arc<Material>,
    /// Bytes of the user's own to send once the way is open, in place of the protocol's words.
    pub send: Option<Arc<[u8]>>,
    /// Ask for the upgrade to TLS where the protocol has one (STARTTLS).
    pub starttls: bool,
    /// Go through this proxy.
    pub via: Option<Proxy>,
    /// How to end a connection.
    pub close: Close,
    /// Try every address of a name side by side.
    pub every_address: bool,
}

impl Settings {
    /// How long a name look-up, and a connect, may take.
    pub fn connect_timeout(&self) -> Duration {
        self.timeout.unwrap_or(CONNECT)
    }

    /// The shorter of a stage's own time and the one that was set.
    pub(super) fn at_most(&self, own: Duration) -> Duration {
        self.timeout.map_or(own, |timeout| timeout.min(own))
    }
}

impl Default for Settings {
    /// One round, a second apart from the next.
    fn default() -> Self {
        Self {
            count: Some(1),
            interval: Duration::from_secs(1),
            timeout: None,
            outfit: Outfit::default(),
            family: None,
            at: None,
            server_name: None,
            material: Arc::default(),
            send: None,
            starttls: false,
            via: None,
            close: Close::Graceful,
            every_address: false,
        }
    }
}
