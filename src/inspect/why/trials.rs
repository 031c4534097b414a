//! The binds that are tried.

use super::Target;
use crate::inspect::{Error, bind, sockets};
use crate::model::socket::{Protocol, Socket};
use crate::model::why::TrialBind;
use crate::sys::trial::{self, Trial};

/// Tries the target plainly, with SO_REUSEADDR and with SO_REUSEPORT.
///
/// Over UDP both options would take datagrams from whoever holds the port, so they are tried
/// only where no socket does.
pub(super) fn run(target: &Target, on_port: &[Socket]) -> Result<Vec<TrialBind>, Error> {
    let places = bind::places(target.addr);
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

/// Asks once more, right before the trial: the listing is older than that.
fn is_unheld(target: &Target, on_port: &[Socket]) -> Result<bool, Error> {
    Ok(on_port.is_empty() && sockets::on_port(Protocol::Udp, target.port)?.is_empty())
}

fn error_of(bind: &TrialBind, target: &Target) -> Result<Option<String>, Error> {
    let TrialBind { addr, v6_only, reuse_addr, reuse_port, .. } = *bind;
    let plain = Trial::plain(bind::at(target, addr), target.udp);
    let answer = trial::bind(&Trial { v6_only, reuse_addr, reuse_port, ..plain })?;
    Ok(answer.err().map(|refusal| refusal.errno))
}
