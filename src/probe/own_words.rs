//! Bytes of the user's own, and what comes back: what `nc` and `telnet` are opened for.

use std::time::{Duration, Instant};

use super::conversation::{Came, Line, Talked};
use super::dialogue::recognise;
use super::progress::Waterfall;
use super::settings::Settings;
use crate::model::dialogue::Conclusion;
use crate::model::probe::{BytesDetail, Detail, RequestDetail, StageName};

/// How long the first byte is waited for.
const FIRST: Duration = Duration::from_secs(5);
/// How long more is waited for once something came.
const MORE: Duration = Duration::from_millis(300);
/// As much of what comes back is kept.
const MOST: usize = 64 * 1024;

/// Sends the bytes and hears what comes back, as the request stage.
pub(super) async fn say(
    line: &mut Line,
    words: &[u8],
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Talked {
    waterfall.begin(StageName::Request).await;
    let started = Instant::now();
    let mut talked = Talked::new(false);
    let mut heard = Vec::new();
    let mut first_byte = None;
    if let Err(error) = line.send(words).await {
        talked.error = Some(error);
    }
    let mut buffer = vec![0; 16 * 1024];
    let limit = settings.at_most(FIRST);
    while heard.len() < MOST {
        let left = limit.saturating_sub(started.elapsed());
        let patience = if heard.is_empty() { left } else { MORE.min(left) };
        match line.receive(&mut buffer, patience).await {
            Came::Bytes(count) => {
                first_byte.get_or_insert(started.elapsed());
                heard.extend(buffer.iter().take(count.min(MOST - heard.len())));
                if matches!(line, Line::Datagrams(_)) {
                    break;
                }
            }
            Came::End => {
                talked.ended = true;
                break;
            }
            Came::Broken(error) => {
                talked.error = Some(error);
                break;
            }
            Came::Nothing => break,
        }
    }
    let is_datagram = first_byte.is_some() && matches!(line, Line::Datagrams(_));
    talked.conclusion = match (heard.is_empty() && !is_datagram, talked.ended, &talked.error) {
        (false, ..) => Conclusion::Answered,
        (true, _, Some(_)) => Conclusion::Closed { reset: true, heard_bytes: 0 },
        (true, true, None) => Conclusion::Closed { reset: false, heard_bytes: 0 },
        (true, false, None) => Conclusion::Silent { heard_bytes: 0 },
    };
    let ok = talked.conclusion == Conclusion::Answered;
    if ok {
        talked.greeting = Some(recognise::greeting(&heard));
    }
    let detail = BytesDetail {
        sent_bytes: words.len() as u64,
        received_bytes: heard.len() as u64,
        received_text: String::from_utf8_lossy(&heard).into_owned(),
        received_hex: heard.iter().map(|byte| format!("{byte:02x}")).collect(),
        first_byte_us: first_byte.and_then(|it| u64::try_from(it.as_micros()).ok()),
    };
    let detail = Detail::Request(RequestDetail::Bytes(detail));
    waterfall.end(ok, started.elapsed(), detail).await;
    talked
}
