//! TLS on the server's side, with a certificate of its own making.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::super::security::tls::version_name;
use super::certificate::{self, Identity};
use super::{Seen, ServeError};

/// What is wrong with the server's certificate, or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It ran out 30 days ago.
    Expired,
    /// It begins in 30 days.
    NotYetValid,
    /// It is for another name.
    WrongName,
    /// It is signed by its own key.
    SelfSigned,
    /// It is signed by an authority that is not shown, and that the known one has not signed.
    IncompleteChain,
    /// Nothing is wrong with it, and the client has to show one, too.
    ClientCertificateRequired,
}

/// The version that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// TLS 1.2 alone.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
}

/// How to serve TLS. Its certificate is made when this is.
#[derive(Clone, Debug)]
pub struct Secure {
    config: Arc<ServerConfig>,
    authority: String,
}

impl Secure {
    /// A server of this name. Without a fault its certificate is right for whoever trusts
    /// [`Self::authority`]; `protocols` are what ALPN may agree upon.
    pub fn new(
        name: &str,
        fault: Option<Fault>,
        version: Option<Version>,
        protocols: &[&str],
    ) -> Result<Self, ServeError> {
        let (identity, authority) = certificate::make(name, fault)?;
        let wrong = |reason: String| ServeError::Certificate { name: name.to_owned(), reason };
        let mut config = config(identity, fault, version).map_err(wrong)?;
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Self { config: Arc::new(config), authority })
    }

    /// The certificate of the authority that signed, as PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

fn config(
    identity: Identity,
    fault: Option<Fault>,
    version: Option<Version>,
) -> Result<ServerConfig, String> {
    const TLS_12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
    const TLS_13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
    let provider = Arc::new(ring::default_provider());
    let versions = match version {
        Some(Version::Tls12) => TLS_12,
        Some(Version::Tls13) => TLS_13,
        None => rustls::DEFAULT_VERSIONS,
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?;
    let builder = if fault == Some(Fault::ClientCertificateRequired) {
        let mut roots = RootCertStore::empty();
        roots.add(identity.authority).map_err(|error| error.to_string())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| error.to_string())?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    builder.with_single_cert(identity.chain, identity.key).map_err(|error| error.to_string())
}

/// Does the handshakes.
pub(super) struct Acceptor(TlsAcceptor);

impl Acceptor {
    pub(super) fn new(secure: &Secure) -> Self {
        Self(TlsAcceptor::from(Arc::clone(&secure.config)))
    }

    /// One handshake, and what it came to.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(Seen, TlsStream<TcpStream>)> {
        let stream = self.0.accept(stream).await?;
        let (_, session) = stream.get_ref();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let name = |known: Option<String>| known.unwrap_or_else(|| "unknown".to_owned());
        let version = session.protocol_version().and_then(version_name);
        let suite = session.negotiated_cipher_suite().map(|it| it.suite());
        let seen = Seen::Tls {
            version: name(version),
            cipher: name(suite.and_then(|it| it.as_str().map(str::to_owned))),
            sni: session.server_name().map(str::to_owned),
            alpn: session.alpn_protocol().map(text),
            client_certificate: session.peer_certificates().is_some(),
        };
        Ok((seen, stream))
    }
}
