//! The binds that are tried.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::Target;
use crate::inspect::{Error, sockets};
use crate::model::socket::{Protocol, Socket};
use crate::model::why::TrialBind;
use crate::sys::trial::{self, Trial};

/// Tries the target plainly, with SO_REUSEADDR and with SO_REUSEPORT.
///
/// Over UDP both options would take datagrams from whoever holds the port, so they are tried
/// only where no socket does.
pub(super) fn run(target: &Target, on_port: &[Socket]) -> Result<Vec<TrialBind>, Error> {
    let places = places(target.addr);
    let mut done = Vec::new();
    for (reuse_addr, reuse_port) in [(false, false), (true, false), (false, true)] {
        let may_try = !target.udp || (!reuse_addr && !reuse_port) || is_unheld(target, on_port)?;
        for (addr, v6_only) in &places {
            let mut bind = TrialBind {
                addr: *addr,
                v6_only: *v6_only,
                reuse_addr,
                reuse_port,
                tried: may_try,
                error: None,
            };
            if may_try {
                match error_of(&bind, target) {
                    Ok(error) => bind.error = error,
                    // Windows has no SO_REUSEPORT.
                    Err(Error::Unsupported { .. }) => bind.tried = false,
                    Err(error) => return Err(error),
                }
            }
            done.push(bind);
        }
    }
    Ok(done)
}

/// Where, and with which IPV6_V6ONLY.
fn places(addr: Option<IpAddr>) -> Vec<(IpAddr, Option<bool>)> {
    match addr {
        Some(addr) => vec![(addr, None)],
        None => vec![
            (Ipv4Addr::UNSPECIFIED.into(), None),
            (Ipv6Addr::UNSPECIFIED.into(), Some(true)),
            (Ipv6Addr::UNSPECIFIED.into(), Some(false)),
        ],
    }
}

/// Asks once more, right before the trial: the listing is older than that.
fn is_unheld(target: &Target, on_port: &[Socket]) -> Result<bool, Error> {
    Ok(on_port.is_empty() && sockets::on_port(Protocol::Udp, target.port)?.is_empty())
}

fn error_of(bind: &TrialBind, target: &Target) -> Result<Option<String>, Error> {
    let TrialBind { addr, v6_only, reuse_addr, reuse_port, .. } = *bind;
    let place = match addr {
        IpAddr::V6(v6) => SocketAddrV6::new(v6, target.port, 0, target.scope).into(),
        IpAddr::V4(v4) => SocketAddr::from((v4, target.port)),
    };
    let plain = Trial::plain(place, target.udp);
    let answer = trial::bind(&Trial { v6_only, reuse_addr, reuse_port, ..plain })?;
    Ok(answer.err().map(|refusal| refusal.errno))
}
