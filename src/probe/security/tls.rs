//! TLS over any stream (RFC 8446, 5246): the handshake with everything that is to be known of it.
//!
//! The handshake goes on with a bad certificate, and the fault is told. What came in its place is
//! kept, so that a peer that speaks something else can be named. A server that wants a certificate
//! of ours says so in TLS 1.3 only after the handshake has succeeded, to whoever reads next.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig, Error, ProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::dialogue::recognise;
use super::super::pipe::Tapped;
use super::certificate;
use super::fault::Chain;
use super::material::Material;
use super::record::{Recorder, Seen};
use crate::model::dialogue::Heard;
use crate::model::probe::{TlsDetail, TlsFault};

/// A stream that is secured.
pub(in crate::probe) type Secured = TlsStream<Tapped<TcpStream>>;

/// How a handshake is made.
#[derive(Clone, Debug)]
pub(in crate::probe) struct Offer {
    /// The name that the certificate has to have, and that is asked for.
    pub name: ServerName<'static>,
    /// The application protocols that are offered, the preferred first.
    pub alpn: Vec<&'static str>,
    /// Whom to trust, and what to show.
    pub material: Arc<Material>,
}

impl Offer {
    /// The name that a host is known by.
    pub(in crate::probe) fn name_of(host: &str) -> Option<ServerName<'static>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(ServerName::from(address));
        }
        ServerName::try_from(host.trim_end_matches('.').to_owned()).ok()
    }
}

/// Why there is no secured stream.
#[derive(Debug)]
pub(in crate::probe) enum TlsFailure {
    /// The peer speaks something else.
    NotTls(Heard),
    /// The peer sent an alert (RFC 8446, 6).
    Alert(AlertDescription),
    /// It closed, or the connection broke; `true` for an RST.
    Closed(bool),
    /// Nothing that is TLS, or none that we speak.
    Other(String),
}

/// What came of a handshake.
pub(in crate::probe) struct Handshake {
    /// The stream.
    pub result: Result<Box<Secured>, TlsFailure>,
    /// What was learnt.
    pub detail: TlsDetail,
    /// How long it took, without the judgement of its certificates.
    pub took: Duration,
    /// Every fault of the certificate.
    pub faults: Vec<TlsFault>,
}

/// Makes the handshake. Whoever waits for it sets the time.
pub(in crate::probe) async fn handshake(stream: Tapped<TcpStream>, offer: &Offer) -> Handshake {
    let provider = Arc::new(default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let own = offer.material.own.clone();
    let recorder = Arc::new(Recorder { seen: Mutex::default(), algorithms, own });
    let mut detail = TlsDetail {
        server_name: match &offer.name {
            ServerName::DnsName(name) => Some(name.as_ref().to_owned()),
            _ => None,
        },
        ..TlsDetail::default()
    };
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = match config {
        Ok(config) => config
            .dangerous()
            .with_custom_certificate_verifier(recorder.clone())
            .with_client_cert_resolver(recorder.clone()),
        Err(error) => {
            let result = Err(TlsFailure::Other(error.to_string()));
            return Handshake { result, detail, took: Duration::ZERO, faults: Vec::new() };
        }
    };
    config.alpn_protocols = offer.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    // Each handshake is a whole one: that is what is tested.
    config.resumption = Resumption::disabled();
    let connector = TlsConnector::from(Arc::new(config));
    let started = Instant::now();
    let made = connector.connect(offer.name.clone(), stream).into_fallible().await;
    let took = started.elapsed();
    let seen = std::mem::take(&mut *recorder.seen.lock().unwrap_or_else(PoisonError::into_inner));
    let faults = judge(&seen, offer, &recorder, &mut detail);
    detail.client_certificate_asked = seen.asked.is_some();
    detail.fault = faults.first().copied();
    let result = match made {
        Ok(mut stream) => {
            stream.get_mut().0.stop_taping();
            note(&stream, &mut detail);
            Ok(Box::new(stream))
        }
        Err((error, stream)) => Err(failure(&error, stream.taped())),
    };
    if let Err(failure) = &result {
        mark(failure, &seen, offer, &mut detail);
    }
    Handshake { result, detail, took, faults }
}

/// What the open connection tells.
fn note(stream: &Secured, detail: &mut TlsDetail) {
    let connection = stream.get_ref().1;
    detail.version = connection.protocol_version().and_then(version_name);
    let suite = connection.negotiated_cipher_suite();
    detail.cipher = suite.and_then(|it| it.suite().as_str()).map(str::to_owned);
    let group = connection.negotiated_key_exchange_group();
    detail.group = group.and_then(|group| group.name().as_str()).map(str::to_owned);
    let alpn = connection.alpn_protocol();
    detail.alpn = alpn.map(|name| String::from_utf8_lossy(name).into_owned());
}

/// `TLSv1.3`; `None` for a version that the library has no name for.
pub(in crate::probe) fn version_name(version: ProtocolVersion) -> Option<String> {
    version.as_str().map(|name| name.replace('_', "."))
}

/// Judges the chain that came.
fn judge(seen: &Seen, offer: &Offer, recorder: &Recorder, detail: &mut TlsDetail) -> Vec<TlsFault> {
    let now = Timestamp::now();
    let read: Vec<_> = seen.chain.iter().map(|der| certificate::read(der, now)).collect();
    detail.peer = read.iter().flatten().map(|read| read.told.clone()).collect();
    match read.first() {
        None => Vec::new(),
        Some(None) => vec![TlsFault::Malformed],
        Some(Some(own)) => Chain {
            der: &seen.chain,
            own,
            name: &offer.name,
            roots: offer.material.roots(),
            given: offer.material.authorities.as_deref().unwrap_or_default(),
            algorithms: recorder.algorithms,
            signature: seen.signature.as_ref(),
        }
        .faults(now),
    }
}

/// Why a handshake failed, by its error and by what came.
fn failure(error: &io::Error, taped: &[u8]) -> TlsFailure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::AlertReceived(alert)) => TlsFailure::Alert(*alert),
        _ if !taped.is_empty() && !is_tls(taped) => TlsFailure::NotTls(recognise::heard(taped)),
        Some(error) => TlsFailure::Other(error.to_string()),
        None if error.kind() == io::ErrorKind::UnexpectedEof => TlsFailure::Closed(false),
        None => TlsFailure::Closed(true),
    }
}

/// Whether bytes begin as a record of TLS: an alert or a handshake, of any version of it.
fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16] | [0x15 | 0x16, 0x03, ..])
}

/// What a failed handshake says about the two sides.
fn mark(failure: &TlsFailure, seen: &Seen, offer: &Offer, detail: &mut TlsDetail) {
    match failure {
        TlsFailure::NotTls(heard) => {
            detail.fault = Some(TlsFault::NotTls);
            detail.instead = Some(heard.text.clone());
        }
        TlsFailure::Alert(alert) => {
            detail.alert = Some(u8::from(*alert));
            let asked_in_vain = seen.asked.is_some() && offer.material.own.is_none();
            detail.fault = alert_fault(*alert, asked_in_vain).or(detail.fault);
        }
        TlsFailure::Closed(_) | TlsFailure::Other(_) => {}
    }
}

/// What an alert means; number 40 has many causes, of which a missing certificate of ours is one
/// only where it was asked for.
pub(in crate::probe) fn alert_fault(
    alert: AlertDescription,
    asked_in_vain: bool,
) -> Option<TlsFault> {
    match alert {
        AlertDescription::CertificateRequired => Some(TlsFault::ClientCertificateRequired),
        AlertDescription::HandshakeFailure | AlertDescription::BadCertificate if asked_in_vain => {
            Some(TlsFault::ClientCertificateRequired)
        }
        AlertDescription::ProtocolVersion => Some(TlsFault::NoCommonVersion),
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            Some(TlsFault::NoCommonCipher)
        }
        AlertDescription::UnrecognisedName => Some(TlsFault::UnrecognizedName),
        _ => None,
    }
}

/// The alert in an error of a stream that was secured already.
pub(in crate::probe) fn alert_in(error: &io::Error) -> Option<AlertDescription> {
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}
