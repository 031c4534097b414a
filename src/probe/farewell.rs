//! The close stage: how a connection comes to its end.

use std::io;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::fault::Ending;
use super::pipe::Pipe;
use super::progress::Waterfall;
use super::settings::{Close, Settings};
use crate::model::probe::{Detail, StageName};
use crate::sys::connecting;

/// How long a peer is given to end its side after ours, beside the two round trips.
const FAREWELL: Duration = Duration::from_millis(250);

/// How long a peer that was asked to end the connection may take before we do.
const ASKED: Duration = Duration::from_secs(1);

/// How long it is given where it alone is to end the connection.
const HALF: Duration = Duration::from_secs(5);

/// What has been said about the end of a connection.
#[derive(Clone, Copy)]
pub(super) struct Leave {
    /// The peer has ended its side already.
    pub ended: bool,
    /// It was asked to.
    pub asked: bool,
}

/// Ends the connection as a stage.
pub(super) async fn close(
    pipe: Pipe,
    leave: Leave,
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
        Close::Half => shut(pipe, leave.ended, patience).await,
        Close::Graceful => {
            let first = settings.at_most(ASKED + 2 * rtt);
            leave_to_the_peer(pipe, leave, first, patience).await
        }
    };
    let ok = !matches!(ending, Ending::Reset | Ending::ResetFirst);
    waterfall.end(ok, started.elapsed(), Detail::Close(ending.detail())).await;
    ending
}

fn abort(pipe: Pipe) -> Ending {
    // With a linger time of zero close(2) sends an RST (socket(7), SO_LINGER).
    let _ = SockRef::from(pipe.socket()).set_linger(Some(Duration::ZERO));
    drop(pipe);
    Ending::Aborted
}

/// A peer that was asked to end the connection is given the time to do so before we do.
async fn leave_to_the_peer(
    mut pipe: Pipe,
    leave: Leave,
    first: Duration,
    patience: Duration,
) -> Ending {
    let mut ended = leave.ended;
    if leave.asked && !ended {
        match timeout(first, drain(&mut pipe)).await {
            Ok(Ok(())) => ended = true,
            Ok(Err(_)) => return Ending::ResetFirst,
            Err(_) => {}
        }
    }
    shut(pipe, ended, patience).await
}

/// Ends our side with a FIN, and waits for the peer's end.
async fn shut(mut pipe: Pipe, ended: bool, patience: Duration) -> Ending {
    // Its FIN may have come, unread, before ours goes out, also in this very moment.
    let is_first =
        |pipe: &Pipe| connecting::peer_ended_first(&SockRef::from(pipe.socket())).unwrap_or(false);
    let before = ended || is_first(&pipe);
    let shut = async {
        let said = pipe.shutdown().await;
        if before || is_first(&pipe) {
            return Ending::PeerFirst;
        }
        match said {
            Ok(()) if drain(&mut pipe).await.is_ok() => Ending::Both,
            Ok(()) | Err(_) => Ending::Reset,
        }
    };
    let unfinished = if before { Ending::PeerFirst } else { Ending::OursOnly };
    timeout(patience, shut).await.unwrap_or(unfinished)
}

/// Reads to the peer's end. What it still sends is dropped: unread bytes would turn our close into
/// an RST.
async fn drain(pipe: &mut Pipe) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // TLS that ends without its close_notify ends all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
