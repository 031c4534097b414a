//! What TLS needs of the user's and the system's: whom to trust, and what to show of ourselves.

use std::io::Read;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::sys::files;
use crate::text::clean;

/// A file of certificates that is longer is none.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Whom to trust, and what to show of ourselves.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// The user's own authorities, in place of the system's.
    pub(super) authorities: Option<Vec<CertificateDer<'static>>>,
    /// The certificate that is shown to a server that asks.
    pub(super) own: Option<Arc<CertifiedKey>>,
}

impl Material {
    /// Reads the files that the user names: authorities, and a certificate with its key, all in
    /// PEM. The error is one sentence.
    pub fn read(
        authorities: Option<&Path>,
        certificate: Option<&Path>,
        key: Option<&Path>,
    ) -> Result<Self, String> {
        let authorities = authorities.map(certificates).transpose()?;
        let own = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), key) => Some(own(certificate, key.unwrap_or(certificate))?),
            (None, Some(_)) => return Err("--key needs the --cert that it belongs to".to_owned()),
        };
        Ok(Self { authorities, own })
    }

    /// Whether there is a certificate to show.
    pub(in crate::probe) fn has_own(&self) -> bool {
        self.own.is_some()
    }

    /// The authorities that count.
    pub(super) fn roots(&self) -> Arc<RootCertStore> {
        match &self.authorities {
            Some(own) => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(own.iter().cloned());
                Arc::new(store)
            }
            None => system(),
        }
    }
}

/// The system's authorities, read once; none where it has none.
fn system() -> Arc<RootCertStore> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(store)
    };
    Arc::clone(SYSTEM.get_or_init(read))
}

fn content(path: &Path) -> Result<Vec<u8>, String> {
    let shown = clean(&path.to_string_lossy()).into_owned();
    let file = files::open_named(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let mut content = Vec::new();
    let read = file.take(LONGEST + 1).read_to_end(&mut content);
    read.map_err(|error| format!("cannot read {shown}: {error}"))?;
    if content.len() as u64 > LONGEST {
        return Err(format!("{shown} is too long for a file of certificates"));
    }
    Ok(content)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = clean(&path.to_string_lossy()).into_owned();
    let content = content(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!("{shown} has no certificate in PEM (-----BEGIN CERTIFICATE-----)")),
        Err(error) => Err(format!("{shown} is no file of certificates in PEM: {error}")),
    }
}

fn own(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, String> {
    let shown = clean(&key.to_string_lossy()).into_owned();
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&content(key)?)
        .map_err(|error| format!("{shown} has no private key in PEM that can be read: {error}"))?;
    let provider = rustls::crypto::ring::default_provider();
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|error| format!("the private key of {shown} cannot be used: {error}"))?;
    let own = CertifiedKey::new(chain, key);
    match own.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(format!("the private key of {shown} is not that of the certificate"))
        }
        _ => Ok(Arc::new(own)),
    }
}
