//! The close stage: how a connection comes to its end.

use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::fault::Ending;
use super::pipe::Pipe;
use super::progress::Waterfall;
use super::settings::{Close, Settings};
use crate::model::probe::{Detail, StageName};

/// How long a peer is given to end its side after ours, beside the two round trips.
const FAREWELL: Duration = Duration::from_millis(250);

/// How long it is given where it alone is to end the connection.
const HALF: Duration = Duration::from_secs(5);

/// Ends the connection as a stage. `ended` tells that the peer has ended its side already.
pub(super) async fn close(
    pipe: Pipe,
    ended: bool,
    rtt: Duration,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Ending {
    waterfall.begin(StageName::Close).await;
    let started = Instant::now();
    let own = if settings.close == Close::Half { HALF } else { FAREWELL };
    let patience = settings.at_most(own + 2 * rtt);
    let ending = match settings.close {
        Close::Abort => abort(pipe),
        Close::Graceful | Close::Half => timeout(patience, shut(pipe, ended))
            .await
            .unwrap_or(if ended { Ending::PeerFirst } else { Ending::OursOnly }),
    };
    let ok = ending != Ending::Reset;
    waterfall.end(ok, started.elapsed(), Detail::Close(ending.detail())).await;
    ending
}

fn abort(pipe: Pipe) -> Ending {
    // With a linger time of zero close(2) sends an RST (socket(7), SO_LINGER).
    let _ = SockRef::from(pipe.socket()).set_linger(Some(Duration::ZERO));
    drop(pipe);
    Ending::Aborted
}

/// Ends our side with a FIN, and waits for the peer's end. What it still sends is read and
/// dropped: unread bytes would turn our close into an RST.
async fn shut(mut pipe: Pipe, ended: bool) -> Ending {
    let said = pipe.shutdown().await;
    if ended {
        return Ending::PeerFirst;
    }
    if said.is_err() {
        return Ending::Reset;
    }
    let mut buffer = [0; 4096];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) => return Ending::Both,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ending::Both,
            Err(_) => return Ending::Reset,
        }
    }
}
