//! A handshake that goes on whatever the certificate is, and what was seen in it.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The peer's chain, its own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Why the signature of the handshake does not hold.
    pub signature: Option<Error>,
    /// Whether the server asked for a certificate of ours, and the authorities that it named.
    pub asked: Option<Vec<Vec<u8>>>,
}

/// Takes every certificate, and shows our own where there is one.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) seen: Mutex<Seen>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) own: Option<Arc<CertifiedKey>>,
}

impl Recorder {
    fn note(&self, note: impl FnOnce(&mut Seen)) {
        // Nothing panics while it holds the lock.
        note(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn signed(
        &self,
        verified: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if let Err(error) = verified {
            self.note(|seen| seen.signature = Some(error));
        }
        Ok(HandshakeSignatureValid::assertion())
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(own).chain(intermediates);
        let chain = chain.map(|it| it.clone().into_owned()).collect();
        self.note(|seen| seen.chain = chain);
        // It is judged when the handshake is over: the probe goes on with the fault marked.
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(verify_tls12_signature(message, cert, dss, &self.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(verify_tls13_signature(message, cert, dss, &self.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.algorithms.supported_schemes();
        // A server that has nothing better shall be seen, not missed.
        schemes.extend([SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme::ECDSA_SHA1_Legacy]);
        schemes
    }
}

impl ResolvesClientCert for Recorder {
    fn resolve(&self, authorities: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let authorities = authorities.iter().map(|name| name.to_vec()).collect();
        self.note(|seen| seen.asked = Some(authorities));
        self.own.clone()
    }

    fn has_certs(&self) -> bool {
        // Only then is it asked at all.
        true
    }
}
