//! Waiting until a port is free, or until somebody serves on it.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::{Error, free, sockets};
use crate::model::socket::{Protocol, Socket, State};
use crate::sys::trial;

/// The shortest pause between two looks.
const PAUSE: Duration = Duration::from_millis(25);
/// A look may cost this part of the time, so that a huge table does not eat a core.
const SHARE: u32 = 8;
/// A trial bind can disturb a server that starts in the same instant: after a refused one the
/// next comes only after this.
const BETWEEN_TRIALS: Duration = Duration::from_secs(1);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// No socket stands against a bind on every address, and one succeeds.
    Free {
        /// The bind is one with SO_REUSEADDR, as most servers do over TCP: closed connections
        /// in TIME_WAIT do not stand against it. Without meaning for UDP.
        reuse_addr: bool,
    },
    /// A TCP socket listens on the port, or a UDP socket without peer is bound to it.
    Listening,
}

/// How the port stands at one look.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// What was waited for is there.
    Reached {
        /// For [`Until::Free`]: whether a bind proved it; not where this user may not bind a
        /// privileged port, and the table alone says it.
        proven: bool,
    },
    /// Not yet: the sockets on the port, which may be none.
    Not(Vec<Socket>),
}

/// Looks again and again until it is so or `timeout` has passed, at least once; `tell` hears of
/// every look. Blocks. Sees sockpit's own network namespace.
pub fn wait(
    port: u16,
    udp: bool,
    until: Until,
    timeout: Duration,
    tell: &mut dyn FnMut(&Standing, Duration),
) -> Result<Standing, Error> {
    let start = Instant::now();
    let mut last_trial = None;
    loop {
        let before = Instant::now();
        let standing = look(port, udp, until, &mut last_trial)?;
        let elapsed = start.elapsed();
        tell(&standing, elapsed);
        if matches!(standing, Standing::Reached { .. }) || elapsed >= timeout {
            return Ok(standing);
        }
        let pause = PAUSE.max(before.elapsed() * SHARE);
        thread::sleep(pause.min(timeout - elapsed));
    }
}

fn look(
    port: u16,
    udp: bool,
    until: Until,
    last_trial: &mut Option<Instant>,
) -> Result<Standing, Error> {
    let mut on_port = sockets::on_port(if udp { Protocol::Udp } else { Protocol::Tcp }, port)?;
    on_port.retain(|socket| free::is_in_way(socket, udp));
    let Until::Free { reuse_addr } = until else {
        let serves = on_port.iter().any(Socket::is_server);
        return Ok(if serves {
            Standing::Reached { proven: true }
        } else {
            Standing::Not(on_port)
        });
    };
    let reuse_addr = reuse_addr && !udp;
    let passes_over = |socket: &Socket| reuse_addr && socket.state == State::TimeWait;
    let tried_lately = last_trial.is_some_and(|at| at.elapsed() < BETWEEN_TRIALS);
    if tried_lately || !on_port.iter().all(passes_over) {
        return Ok(Standing::Not(on_port));
    }
    *last_trial = Some(Instant::now());
    Ok(match trial::bind_everywhere(port, udp, reuse_addr)? {
        Ok(()) => Standing::Reached { proven: true },
        Err(refusal) if refusal.kind == io::ErrorKind::PermissionDenied => {
            Standing::Reached { proven: false }
        }
        Err(_) => Standing::Not(on_port),
    })
}
