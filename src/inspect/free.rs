//! Ports that a bind would get now.

use std::collections::BTreeMap;
use std::io;

use super::{Error, bind, nat, sockets, words};
use crate::model::free::{FreePorts, SkippedPort};
use crate::model::port_rules::PortRules;
use crate::model::socket::Socket;
use crate::model::tables::Tables;
use crate::sys::trial::{self, Refusal};
use crate::sys::{nat_rules, port_rules};
use crate::text::address;

/// Where to look, and for how many.
///
/// Reserved ports are always passed over. Ports of the ephemeral range are too, unless the
/// wish itself lies in it; of a range with two ends they are taken when the rest is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// UDP instead of TCP.
    pub udp: bool,
    /// The first port to try, 1 to 65535.
    pub first: u16,
    /// The last one; `None` for a wish, which goes on to 65535.
    pub last: Option<u16>,
    /// How many ports are wanted.
    pub count: usize,
}

/// Looks at the socket table once, and confirms each port by one plain bind that is closed at
/// once. Blocks.
pub fn find(request: &Request) -> Result<FreePorts, Error> {
    let listing = sockets::list(&sockets::Request {
        detail: sockets::Detail::Bare,
        tables: Tables::PORTS,
        ..sockets::Request::default()
    })?;
    let rules = port_rules::read();
    let holders = holders(&listing.sockets, request.udp);
    let (rulesets, nat_health) = match nat_rules::read() {
        Ok(rulesets) => (rulesets, None),
        Err(error) => (Vec::new(), Some(nat::unknown(&error))),
    };
    let redirected = |port| nat::taker(&rulesets, port, request.udp);
    let mut try_bind = |port| trial::bind_everywhere(port, request.udp, false);
    let mut search = Search {
        request,
        rules: &rules,
        holders: &holders,
        try_bind: &mut try_bind,
        redirected: &redirected,
        privileged_refused: false,
        found: FreePorts { health: listing.health, ..FreePorts::default() },
    };
    search.run()?;
    let mut found = search.found;
    found.health.extend(nat_health);
    Ok(found)
}

/// For each port the socket that says most about why it is taken: a plain bind on every
/// address meets any of them.
fn holders(sockets: &[Socket], udp: bool) -> BTreeMap<u16, &Socket> {
    let mut holders: BTreeMap<u16, &Socket> = BTreeMap::new();
    for socket in sockets.iter().filter(|socket| bind::holds_port(socket, udp)) {
        let Some(port) = socket.local.port else { continue };
        let holder = holders.entry(port).or_insert(socket);
        if bind::is_holder(socket) && !bind::is_holder(holder) {
            *holder = socket;
        }
    }
    holders
}

type TryBind<'a> = dyn FnMut(u16) -> Result<Result<(), Refusal>, Error> + 'a;

struct Search<'a> {
    request: &'a Request,
    rules: &'a PortRules,
    holders: &'a BTreeMap<u16, &'a Socket>,
    try_bind: &'a mut TryBind<'a>,
    /// Which rule sends the packets of a port elsewhere.
    redirected: &'a dyn Fn(u16) -> Option<String>,
    /// A privileged port was refused: the others need no trial.
    privileged_refused: bool,
    found: FreePorts,
}

impl Search<'_> {
    fn run(&mut self) -> Result<(), Error> {
        let Request { first, last, .. } = *self.request;
        let wants_ephemeral = last.is_none() && self.rules.is_ephemeral(first);
        let mut put_off = Vec::new();
        for port in first..=last.unwrap_or(u16::MAX) {
            if self.is_enough() {
                break;
            }
            if self.rules.is_ephemeral(port) && !wants_ephemeral {
                put_off.push(port);
            } else {
                self.consider(port)?;
            }
        }
        for port in put_off {
            if self.is_enough() || last.is_none() {
                self.skip(port, "ephemeral: an outgoing connection may take it at any moment");
            } else {
                self.consider(port)?;
            }
        }
        self.found.skipped.sort_by_key(|skipped| skipped.port);
        Ok(())
    }

    fn is_enough(&self) -> bool {
        self.found.ports.len() >= self.request.count
    }

    fn consider(&mut self, port: u16) -> Result<(), Error> {
        if self.rules.is_reserved(port) {
            self.skip(port, "reserved by net.ipv4.ip_local_reserved_ports");
        } else if let Some(socket) = self.holders.get(&port) {
            let (end, state) = (address::local(socket), socket.state.name());
            self.skip(port, format!("in use: {end} {state}, {}", words::holders(socket)));
        } else if self.privileged_refused && self.rules.is_privileged(port) {
            self.skip_privileged(port);
        } else {
            match (self.try_bind)(port)? {
                Ok(()) => match (self.redirected)(port) {
                    None => self.found.ports.push(port),
                    Some(rule) => {
                        self.skip(port, format!("redirected: {rule} sends its packets elsewhere"));
                    }
                },
                Err(refusal) => self.refused(port, &refusal),
            }
        }
        Ok(())
    }

    fn refused(&mut self, port: u16, refusal: &Refusal) {
        match refusal.kind {
            io::ErrorKind::PermissionDenied if self.rules.is_privileged(port) => {
                self.privileged_refused = true;
                self.skip_privileged(port);
            }
            io::ErrorKind::AddrInUse => {
                self.skip(port, "in use: a bind was refused (EADDRINUSE), by whom cannot be seen");
            }
            _ => self.skip(port, format!("a bind was refused ({})", refusal.errno)),
        }
    }

    fn skip_privileged(&mut self, port: u16) {
        let start = self.rules.unprivileged_start.unwrap_or(1024);
        self.skip(
            port,
            format!("privileged: below {start} a bind needs root or CAP_NET_BIND_SERVICE"),
        );
    }

    fn skip(&mut self, port: u16, reason: impl Into<String>) {
        if self.found.skipped.len() < FreePorts::MOST_SKIPPED {
            self.found.skipped.push(SkippedPort { port, reason: reason.into() });
        } else {
            self.found.skipped_more += 1;
        }
    }
}

#[cfg(test)]
mod tests;
