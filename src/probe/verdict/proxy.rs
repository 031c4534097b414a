//! A proxy that gave no way: its own failure, or what it says of its target.

use super::super::fault::Scene;
use super::QUOTED;
use crate::model::dialogue::Conclusion;
use crate::model::probe::{OutcomeKind, Side, Verdict};
use crate::text::clean::clean_to;

/// The verdict on a proxy's reply.
pub(super) fn of(
    (status, reason, is_http): (Option<u16>, &str, bool),
    conclusion: &Conclusion,
    scene: &Scene,
) -> Verdict {
    let proxy = scene.address;
    let said = match (status, reason) {
        (Some(status), "") => format!("{status}"),
        (Some(status), reason) => format!("{status}, `{}`", clean_to(reason, QUOTED)),
        (None, reason) => format!("`{}`", clean_to(reason, QUOTED)),
    };
    let told = |outcome, side, text| Verdict { outcome, side: Some(side), text, errno: None };
    // RFC 1928, 6, the codes of SOCKS 4, and what HTTP proxies answer to CONNECT.
    let (outcome, side, what) = match (is_http, status) {
        (false, Some(5)) => (OutcomeKind::Refused, Side::Peer, "the target refuses the connection"),
        (false, Some(3 | 4)) => {
            (OutcomeKind::Unreachable, Side::Path, "the proxy does not reach the target")
        }
        (false, Some(6)) | (true, Some(504)) => {
            (OutcomeKind::Timeout, Side::Path, "the target does not answer the proxy")
        }
        (false, Some(2)) | (true, Some(403 | 405)) => {
            (OutcomeKind::Refused, Side::Path, "the proxy's rules forbid the target")
        }
        (true, Some(407)) => (OutcomeKind::NotPermitted, Side::Path, "the proxy wants a login"),
        (true, Some(502 | 503)) => {
            (OutcomeKind::Unreachable, Side::Path, "the proxy does not reach the target")
        }
        (_, Some(_)) => (OutcomeKind::Unreachable, Side::Path, "the proxy gives no way"),
        (_, None) => return without_reply(conclusion, &said, scene),
    };
    told(outcome, side, format!("{what}: proxy {proxy} answers {said}"))
}

/// The verdict on the way to the proxy, told as one on the way to the target.
pub(in crate::probe) fn short_of_the_proxy(verdict: Verdict) -> Verdict {
    let side = if verdict.side == Some(Side::Local) { Side::Local } else { Side::Path };
    let text = format!("the proxy is not reached, and the target was not asked: {}", verdict.text);
    Verdict { side: Some(side), text, ..verdict }
}

/// It is the proxy itself that failed.
fn without_reply(conclusion: &Conclusion, said: &str, scene: &Scene) -> Verdict {
    let proxy = scene.address;
    let (outcome, text) = match conclusion {
        Conclusion::Silent { .. } => (OutcomeKind::Timeout, "does not answer".to_owned()),
        Conclusion::Closed { reset: false, .. } => {
            (OutcomeKind::Closed, "closes the connection without a reply".to_owned())
        }
        Conclusion::Closed { reset: true, .. } => {
            (OutcomeKind::Reset, "breaks the connection off with an RST".to_owned())
        }
        Conclusion::Refused(_) => (OutcomeKind::Refused, format!("refuses: {said}")),
        Conclusion::WrongProtocol(heard) => {
            let who = heard.protocol.map_or("something else", |it| it.title());
            (OutcomeKind::ProtocolError, format!("is no such proxy: it speaks {who}"))
        }
        Conclusion::Malformed { what } => {
            (OutcomeKind::ProtocolError, format!("breaks its protocol: {}", clean_to(what, 200)))
        }
        Conclusion::Answered | Conclusion::NoUpgrade { .. } => {
            (OutcomeKind::NotPermitted, "takes no login that sockpit has".to_owned())
        }
    };
    let text = format!("proxy {proxy} {text}; the target was not asked");
    Verdict { outcome, side: Some(Side::Path), text, errno: None }
}
