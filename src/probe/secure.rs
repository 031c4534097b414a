//! The TLS stage of an attempt.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fault::Fault;
use super::pipe::Tapped;
use super::progress::Waterfall;
use super::security::tls::{self, Handshake, Offer, Secured};
use super::settings::Settings;
use crate::model::probe::{Detail, StageName, TlsDetail, TlsFault};

/// A handshake that takes longer has failed.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// What TLS told of the peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    /// As its stage has it.
    pub detail: TlsDetail,
    /// Every fault of the certificate.
    pub faults: Vec<TlsFault>,
}

/// Makes the handshake as a stage.
pub(super) async fn secure(
    stream: Tapped<TcpStream>,
    offer: &Offer,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> (Result<Box<Secured>, Fault>, Layer) {
    waterfall.begin(StageName::Tls).await;
    let started = Instant::now();
    let patience = settings.at_most(HANDSHAKE);
    let made = timeout(patience, tls::handshake(stream, offer)).await;
    let (result, layer, took) = match made {
        Ok(Handshake { result, detail, took, faults }) => {
            (result.map_err(Fault::Tls), Layer { detail, faults }, took)
        }
        Err(_) => (Err(Fault::TlsSilence(patience)), Layer::default(), started.elapsed()),
    };
    let ok = result.is_ok() && layer.faults.is_empty();
    waterfall.end(ok, took, Detail::Tls(Box::new(layer.detail.clone()))).await;
    (result, layer)
}
