//! What TLS says about the two sides.

use std::time::Duration;

use rustls::AlertDescription;

use super::super::conversation::Talked;
use super::super::fault::Scene;
use super::super::security::tls::{TlsFailure, alert_fault};
use super::QUOTED;
use super::answered::{Subject, unaccepted};
use crate::model::dialogue::{Answer, AppProtocol};
use crate::model::probe::{Certificate, OutcomeKind, Side, TlsFault, Verdict};
use crate::text::{clean::clean_to, units};

fn failed(outcome: OutcomeKind, side: Side, text: String) -> Verdict {
    Verdict { outcome, side: Some(side), text, errno: None }
}

/// The handshake failed.
pub(super) fn of(failure: &TlsFailure, scene: &Scene) -> Verdict {
    let address = scene.place();
    match failure {
        TlsFailure::NotTls(heard) => {
            let who = match (heard.protocol, &heard.software) {
                (Some(AppProtocol::Http), None) => "plain HTTP".to_owned(),
                (Some(protocol), Some(software)) => {
                    format!("{} ({})", protocol.title(), clean_to(software, QUOTED))
                }
                (Some(protocol), None) => protocol.title().to_owned(),
                (None, _) => "something else".to_owned(),
            };
            let line = heard.text.trim_end().lines().next().unwrap_or_default();
            let text = format!(
                "{address} does not speak TLS: it answers the handshake with {who}, `{}`",
                clean_to(line, 120)
            );
            failed(OutcomeKind::ProtocolError, Side::Peer, text)
        }
        TlsFailure::Alert(alert) => by_alert(*alert, scene),
        TlsFailure::Closed(reset) => {
            let (outcome, how) = match reset {
                true => (OutcomeKind::Reset, "breaks the connection off with an RST"),
                false => (OutcomeKind::Closed, "closes the connection"),
            };
            let text = format!(
                "{address} {how} in the TLS handshake, without an alert: it does not speak TLS, or \
                 a forwarder's own target is down"
            );
            failed(outcome, Side::Peer, text)
        }
        TlsFailure::Other(what) => {
            let text = format!("the TLS handshake with {address} fails: {}", clean_to(what, 200));
            failed(OutcomeKind::TlsFailed, Side::Peer, text)
        }
    }
}

/// The handshake was not done in time.
pub(super) fn silence(waited: Duration, scene: &Scene) -> Verdict {
    let waited = units::duration(waited);
    let behind = unaccepted(scene);
    let (side, why) = match behind.strip_prefix(", but ") {
        Some(behind) => (Side::Local, behind.to_owned()),
        None => (Side::Peer, "it hangs, or does not speak TLS".to_owned()),
    };
    let text = format!(
        "{} connects and does not answer the TLS handshake within {waited}: {why}",
        scene.place()
    );
    failed(OutcomeKind::Timeout, side, text)
}

/// The target has no name that could stand in a certificate.
pub(super) fn no_name(scene: &Scene) -> Verdict {
    let text = format!("there is no name to ask {} for by TLS: give one with --sni", scene.place());
    failed(OutcomeKind::LocalError, Side::Local, text)
}

fn by_alert(alert: AlertDescription, scene: &Scene) -> Verdict {
    let address = scene.place();
    let layer = scene.layer.as_ref();
    let number = u8::from(alert);
    let text = match layer.and_then(|layer| layer.detail.fault) {
        Some(TlsFault::ClientCertificateRequired) => wants_ours(scene, number),
        Some(TlsFault::UnrecognizedName) => {
            format!("{address} knows no host of the name {} (TLS alert {number})", asked_for(scene))
        }
        Some(TlsFault::NoCommonVersion) => format!(
            "{address} speaks no version of TLS that sockpit does, which are 1.2 and 1.3 (TLS \
             alert {number}, protocol version)"
        ),
        Some(TlsFault::NoCommonCipher) => format!(
            "{address} and sockpit have no cipher of TLS in common, or it refuses every client \
             (TLS alert {number})"
        ),
        _ => format!("{address} ends the TLS handshake with alert {number} ({alert:?})"),
    };
    failed(OutcomeKind::TlsFailed, Side::Peer, text)
}

fn wants_ours(scene: &Scene, number: u8) -> String {
    format!(
        "{} wants a certificate of the client, and none was given (TLS alert {number}): give one \
         with --cert and --key",
        scene.place()
    )
}

fn asked_for(scene: &Scene) -> String {
    let name = scene.layer.as_ref().and_then(|layer| layer.detail.server_name.as_deref());
    clean_to(name.unwrap_or("that it was asked for"), QUOTED).into_owned()
}

/// Faults that are told after the handshake: the certificate's, which do not hinder it, and a
/// certificate of ours that is missing.
pub(super) fn after_the_handshake(
    talked: &Talked,
    subject: &Subject,
    scene: &Scene,
) -> Option<Verdict> {
    let layer = scene.layer.as_ref()?;
    let told = |text| Some(failed(OutcomeKind::TlsFailed, Side::Peer, text));
    if let Some(alert) = talked.alert {
        let in_vain = layer.detail.client_certificate_asked && !subject.has_own_certificate;
        let number = u8::from(alert);
        return told(match alert_fault(alert, in_vain) {
            Some(TlsFault::ClientCertificateRequired) => wants_ours(scene, number),
            _ => format!(
                "{} ends the connection after the handshake with TLS alert {number} ({alert:?})",
                scene.place()
            ),
        });
    }
    if wants_ours_by_http(talked, subject, scene) {
        return told(format!(
            "{} wants a certificate of the client, and says so by HTTP 400: give one with --cert \
             and --key",
            scene.place()
        ));
    }
    if layer.faults.is_empty() {
        return None;
    }
    let own = layer.detail.peer.first();
    let faults: Vec<String> = layer.faults.iter().map(|it| fault_words(*it, own, scene)).collect();
    told(format!("the certificate of {} {}", scene.place(), faults.join("; it ")))
}

/// nginx and others make the handshake without a certificate of ours, and refuse then.
fn wants_ours_by_http(talked: &Talked, subject: &Subject, scene: &Scene) -> bool {
    let asked = scene.layer.as_ref().is_some_and(|layer| layer.detail.client_certificate_asked);
    let Some(Answer::Http(http)) = &talked.answer else { return false };
    let body = http.body.as_deref().unwrap_or_default().to_ascii_lowercase();
    asked && !subject.has_own_certificate && http.status == 400 && body.contains("certificate")
}

/// What is wrong with it, after "the certificate" and "it".
fn fault_words(fault: TlsFault, own: Option<&Certificate>, scene: &Scene) -> String {
    let until = own.and_then(|own| own.not_after.as_deref()).unwrap_or("an unknown time");
    let from = own.and_then(|own| own.not_before.as_deref()).unwrap_or("an unknown time");
    let issuer = own.map(|own| clean_to(&own.issuer, QUOTED).into_owned()).unwrap_or_default();
    match fault {
        TlsFault::Expired => {
            let days = own.and_then(|own| own.days_left).map_or(0, i64::unsigned_abs);
            format!("has expired at {until}, {days} days ago")
        }
        TlsFault::NotYetValid => format!("counts only from {from} on: is this host's clock right?"),
        TlsFault::WrongName => {
            let names = own.map(|own| own.names.join(", ")).unwrap_or_default();
            let names = if names.is_empty() {
                "names no host at all (its common name does not count)".to_owned()
            } else {
                format!("is for {}", clean_to(&names, QUOTED))
            };
            format!("{names}, not for {}", asked_for(scene))
        }
        TlsFault::SelfSigned => {
            "is signed by itself: nobody known vouches for it (--ca FILE trusts it)".to_owned()
        }
        TlsFault::UnknownIssuer => format!(
            "is signed by {issuer}, for whom nobody known vouches: an intermediate certificate may \
             be missing (--ca FILE trusts an authority)"
        ),
        TlsFault::Weak => {
            let key = own.map(|own| format!("{}, {}", own.key, own.signature)).unwrap_or_default();
            format!("is weak ({})", clean_to(&key, QUOTED))
        }
        TlsFault::WrongPurpose => "is not meant for servers".to_owned(),
        TlsFault::Revoked => "has been revoked".to_owned(),
        TlsFault::Malformed => "cannot be read, or breaks a rule".to_owned(),
        TlsFault::ClientCertificateRequired
        | TlsFault::NoCommonCipher
        | TlsFault::NoCommonVersion
        | TlsFault::UnrecognizedName
        | TlsFault::NotTls => {
            format!("is no matter: {}", fault.name().replace('_', " "))
        }
    }
}
