//! A dialogue that is no stage by itself: what a name server or a proxy is asked on the way.

use std::time::{Duration, Instant};

use super::conversation::{Came, Line};
use super::dialogue::{Exchange, Input, Learnt, Next, Step};
use crate::model::dialogue::{Answer, Conclusion};

/// What it came to.
pub(super) struct Quiet {
    pub(super) conclusion: Conclusion,
    pub(super) answer: Option<Answer>,
    /// What came after the peer's last word.
    pub(super) rest: Vec<u8>,
    /// Why the line broke.
    pub(super) error: Option<std::io::Error>,
}

/// Holds it, at most for `limit`.
pub(super) async fn hold(line: &mut Line, exchange: &Exchange, limit: Duration) -> Quiet {
    let mut dialogue = exchange.begin();
    let opened = Instant::now();
    let mut buffer = vec![0; 8 * 1024];
    let (mut answer, mut error) = (None, None);
    let mut step = dialogue.step(Input::Opened, Duration::ZERO);
    loop {
        let Step { send, learnt, next } = step;
        for fact in learnt {
            if let Learnt::Answer(found) = fact {
                answer = Some(*found);
            }
        }
        if !send.is_empty()
            && let Ok(Err(failed)) = tokio::time::timeout(limit, line.send(&send)).await
        {
            error = Some(failed);
        }
        let input = match next {
            Next::Done { conclusion, rest } => return Quiet { conclusion, answer, rest, error },
            Next::Upgrade => Input::Ended,
            Next::Wait(until) => {
                let left = until.min(limit).saturating_sub(opened.elapsed());
                match line.receive(&mut buffer, left).await {
                    Came::Bytes(count) => Input::Received(&buffer[..count]),
                    Came::End => Input::Ended,
                    Came::Nothing => Input::TimedOut,
                    Came::Broken(failed) => {
                        error = Some(failed);
                        Input::Reset
                    }
                }
            }
        };
        step = dialogue.step(input, opened.elapsed());
    }
}
