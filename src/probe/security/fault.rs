//! What is wrong with a chain of certificates, each fault told by itself: an expired certificate
//! can have the wrong name, too.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::{
    verify_server_cert_signed_by_trust_anchor as verify_trust, verify_server_name,
};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

use super::certificate::Read;
use crate::model::probe::TlsFault;

/// The chain that is judged.
pub(super) struct Chain<'a> {
    pub(super) der: &'a [CertificateDer<'static>],
    pub(super) own: &'a Read,
    pub(super) name: &'a ServerName<'static>,
    pub(super) roots: Arc<RootCertStore>,
    /// Authorities that were given, as they are: one of them may be the server's own.
    pub(super) given: &'a [CertificateDer<'static>],
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    /// Whether the handshake's signature held.
    pub(super) signature: Option<&'a Error>,
}

impl Chain<'_> {
    /// Every fault, that which counts first.
    pub(super) fn faults(&self, now: Timestamp) -> Vec<TlsFault> {
        let mut faults = Vec::new();
        let (begin, end) = self.own.times;
        if now.as_second() > end {
            faults.push(TlsFault::Expired);
        } else if now.as_second() < begin {
            faults.push(TlsFault::NotYetValid);
        }
        // Judged at a moment when the certificate counts, so that its time hides nothing else.
        let within = now.as_second().clamp(begin, end.max(begin));
        faults.extend(self.trust(u64::try_from(within).unwrap_or(0)));
        faults.extend(self.wrong_name());
        if self.own.weak || self.signature.is_some() {
            faults.push(TlsFault::Weak);
        }
        let mut told = Vec::new();
        faults.retain(|fault| {
            let new = !told.contains(fault);
            told.push(*fault);
            new
        });
        faults
    }

    fn parsed(&self) -> Result<ParsedCertificate<'_>, Error> {
        let own = self.der.first().ok_or(Error::NoCertificatesPresented)?;
        ParsedCertificate::try_from(own)
    }

    fn trust(&self, at: u64) -> Option<TlsFault> {
        // A certificate that the user trusts by name needs nobody to vouch for it.
        if self.der.first().is_some_and(|own| self.given.contains(own)) {
            return None;
        }
        let verified = self.parsed().and_then(|parsed| {
            let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
            let others = self.der.get(1..).unwrap_or_default();
            verify_trust(&parsed, &self.roots, others, at, self.algorithms.all)
        });
        verified.err().map(|error| self.named(&error))
    }

    fn named(&self, error: &Error) -> TlsFault {
        let unvouched = match (self.own.self_issued, self.der.len()) {
            (true, 1) => TlsFault::SelfSigned,
            _ => TlsFault::UnknownIssuer,
        };
        let Error::InvalidCertificate(error) = error else { return TlsFault::Malformed };
        match error {
            CertificateError::UnknownIssuer => unvouched,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                TlsFault::Expired
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                TlsFault::NotYetValid
            }
            CertificateError::Revoked => TlsFault::Revoked,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                TlsFault::WrongPurpose
            }
            CertificateError::BadSignature if self.own.weak => TlsFault::Weak,
            // An authority's certificate that serves as a server's own, as `openssl req -x509`
            // makes it; and what else the verifier has no name for.
            CertificateError::Other(_) if self.own.self_issued => unvouched,
            _ if self.own.weak => TlsFault::Weak,
            // One that vouches for itself, and says that it is no authority.
            _ if self.own.self_issued && self.der.len() == 1 => TlsFault::SelfSigned,
            _ => TlsFault::Malformed,
        }
    }

    fn wrong_name(&self) -> Option<TlsFault> {
        let parsed = self.parsed().ok()?;
        verify_server_name(&parsed, self.name).err().map(|_| TlsFault::WrongName)
    }
}
