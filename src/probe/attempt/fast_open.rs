//! Data that goes with the SYN (TCP Fast Open, RFC 7413): the handshake is then a part of the
//! conversation, and so is its failure.

use socket2::SockRef;

use super::super::conversation::Talked;
use super::super::fault::{Fault, Scene};
use super::super::pipe::Pipe;
use super::super::plan::{self, Known};
use super::super::progress::Waterfall;
use super::super::transport::tcp::Opening;
use super::Attempt;
use crate::model::probe::FastOpenDetail;
use crate::sys::handshake::Phase;
use crate::sys::{connecting, tcp_info};

impl Attempt<'_> {
    /// Whether the first bytes go with the SYN: only ours can.
    pub(super) fn opening(&self) -> Opening {
        if !self.settings.outfit.fast_open {
            return Opening::Plain;
        }
        let speaks_first = || {
            let known = Known { speaker: self.speaker, ..Known::default() };
            plan::exchange(self.target, self.settings, known).speaks_first()
        };
        let with_data = plan::begins_with_tls(self.target)
            || self.settings.send.as_ref().is_some_and(|words| !words.is_empty())
            || speaks_first();
        Opening::Fast { with_data }
    }
}

/// Whether a handshake that was left to the first bytes has come about.
pub(super) fn is_done(scene: &Scene) -> bool {
    let left_open = scene.connect.fast_open.is_some_and(|found| found.cookie);
    !left_open || scene.connect.rtt_us.is_some()
}

/// Takes note of what became of the data, and takes a handshake that has failed for what it is.
pub(super) fn settled(
    pipe: &Pipe,
    talked: Result<Talked, Fault>,
    scene: &mut Scene,
    waterfall: &mut Waterfall<'_>,
) -> Result<Talked, Fault> {
    let Some(found) = scene.connect.fast_open.filter(|found| found.cookie) else { return talked };
    let socket = SockRef::from(pipe.socket());
    let accepted = connecting::took_fast_data(&socket).ok().flatten();
    scene.connect.fast_open = Some(FastOpenDetail { accepted, ..found });
    if let Ok(info) = tcp_info::of(&socket) {
        scene.connect.rtt_us = info.rtt_us;
        scene.connect.mss = info.snd_mss_bytes;
        scene.connect.retransmits = info.retransmits;
    }
    waterfall.amend_connect(&scene.connect);
    match talked {
        Ok(Talked { error: Some(error), .. })
            if error.kind() == std::io::ErrorKind::ConnectionRefused =>
        {
            Err(Fault::Connect { error, at_once: false })
        }
        _ if connecting::phase(&socket).is_ok_and(|phase| phase == Phase::Connecting) => {
            Err(Fault::Silence)
        }
        talked => talked,
    }
}
