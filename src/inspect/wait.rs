//! Waiting until ports are free, or until something listens on them.

use std::thread;
use std::time::{Duration, Instant};

use super::bind::{self, BindAnswer, How, Outcome, Target};
use super::{Error, sockets};
use crate::model::socket::Socket;

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
    /// No socket stands against a bind, and one succeeds.
    Free {
        /// The bind is one with SO_REUSEADDR, as most servers do over TCP: closed connections
        /// in TIME_WAIT do not stand against it. Without meaning for UDP.
        reuse_addr: bool,
    },
    /// A TCP socket listens on the port, or a UDP socket without peer is bound to it; where an
    /// address is named, one that answers there.
    Listening,
}

/// How a port stands at one look.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// A bind succeeds. Not `proven` where this user may not bind a privileged port, and the
    /// table alone says it.
    Free {
        /// Whether a bind showed it.
        proven: bool,
    },
    /// Not free, with what stands against it.
    Held(BindAnswer),
    /// These serve there.
    Served(Vec<Socket>),
    /// Nobody serves there.
    Unserved,
}

impl Standing {
    /// Whether it is as was waited for.
    pub fn is_reached(&self) -> bool {
        matches!(self, Self::Free { .. } | Self::Served(_))
    }
}

/// Looks again and again until it is so for all targets in the same look, or `timeout` has
/// passed, at least once; `tell` hears of every look. The answers are in the order of the
/// targets. Blocks. Sees sockpit's own network namespace.
pub fn wait(
    targets: &[Target],
    until: Until,
    timeout: Duration,
    tell: &mut dyn FnMut(&[Standing], Duration),
) -> Result<Vec<Standing>, Error> {
    let start = Instant::now();
    let mut ports: Vec<Port<'_>> = targets
        .iter()
        .map(|target| Port { target, last_trial: None, refused: None, proof: None })
        .collect();
    loop {
        let before = Instant::now();
        let standing: Result<Vec<Standing>, Error> =
            ports.iter_mut().map(|port| port.look(until)).collect();
        let (standing, elapsed) = (standing?, start.elapsed());
        tell(&standing, elapsed);
        if standing.iter().all(Standing::is_reached) || elapsed >= timeout {
            return Ok(standing);
        }
        let pause = PAUSE.max(before.elapsed() * SHARE);
        thread::sleep(pause.min(timeout - elapsed));
    }
}

struct Port<'a> {
    target: &'a Target,
    last_trial: Option<Instant>,
    /// How the last trial was refused.
    refused: Option<BindAnswer>,
    /// How an earlier look found it free: while the others are waited for, no second bind is
    /// tried as long as the table shows nobody.
    proof: Option<bool>,
}

impl Port<'_> {
    fn look(&mut self, until: Until) -> Result<Standing, Error> {
        match until {
            Until::Free { reuse_addr } => self.is_free(reuse_addr),
            Until::Listening => self.is_served(),
        }
    }

    fn is_served(&self) -> Result<Standing, Error> {
        let Target { port, .. } = *self.target;
        let mut on_port = sockets::on_port(self.target.protocol(), port)?;
        on_port.retain(|socket| self.target.is_port_of(socket) && self.target.is_served_by(socket));
        Socket::sort_canonical(&mut on_port);
        Ok(if on_port.is_empty() { Standing::Unserved } else { Standing::Served(on_port) })
    }

    fn is_free(&mut self, reuse_addr: bool) -> Result<Standing, Error> {
        let tried_lately = self.last_trial.is_some_and(|at| at.elapsed() < BETWEEN_TRIALS);
        let may_try = self.proof.is_none() && !tried_lately;
        let answer = bind::ask(self.target, How { reuse_addr, may_try })?;
        if matches!(answer.outcome, Outcome::Refused { .. } | Outcome::Free) {
            self.last_trial = Some(Instant::now());
        }
        self.proof = match answer.outcome {
            Outcome::Free => Some(true),
            // Not permitted, unless it was left untried.
            Outcome::Unproven if may_try => Some(false),
            Outcome::Unproven => self.proof,
            Outcome::Held | Outcome::Refused { .. } => None,
        };
        if matches!(answer.outcome, Outcome::Refused { .. }) {
            self.refused = Some(answer.clone());
        }
        Ok(match self.proof {
            Some(proven) => Standing::Free { proven },
            // The table shows nothing, and no bind was tried again.
            None if answer.is_free() => Standing::Held(self.refused.clone().unwrap_or(answer)),
            None => Standing::Held(answer),
        })
    }
}
