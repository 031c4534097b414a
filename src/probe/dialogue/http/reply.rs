//! The head of an HTTP/1.x answer: status line and headers. Read as leniently as servers write:
//! bare LF, folded headers, any minor version, no reason.

use crate::model::dialogue::HttpAnswer;
use crate::probe::dialogue::inbox::Inbox;

/// The most headers that are kept.
const MOST_HEADERS: usize = 100;

/// The most of a header's value that is kept.
const MOST_VALUE: usize = 8192;

/// The lines of a head that have come.
#[derive(Default)]
pub(super) struct Head {
    status: Option<HttpAnswer>,
    headers: Vec<(String, String)>,
    omitted: u64,
}

/// The bytes are no HTTP answer.
pub(super) struct NotHttp;

impl Head {
    /// Reads the lines that have come; the answer once the empty line has.
    pub(super) fn read(&mut self, inbox: &mut Inbox) -> Result<Option<HttpAnswer>, NotHttp> {
        const BEGIN: &[u8] = b"HTTP/1.";
        let common = inbox.unread().len().min(BEGIN.len());
        if self.status.is_none() && inbox.unread()[..common] != BEGIN[..common] {
            return Err(NotHttp);
        }
        while let Some(line) = inbox.line() {
            if self.status.is_none() {
                self.status = Some(status(&line).ok_or(NotHttp)?);
            } else if line.is_empty() {
                return Ok(std::mem::take(self).whole());
            } else {
                self.header(&line);
            }
        }
        Ok(None)
    }

    fn header(&mut self, line: &str) {
        match line.split_once(':') {
            // A folded line goes on with the one before it.
            _ if line.starts_with([' ', '\t']) => {
                if let Some((_, value)) = self.headers.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            }
            Some((name, value)) if self.headers.len() < MOST_HEADERS => {
                self.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
            Some(_) => self.omitted += 1,
            None => {}
        }
    }

    fn whole(self) -> Option<HttpAnswer> {
        let mut answer = self.status?;
        answer.headers_omitted = self.omitted;
        for (name, mut value) in self.headers {
            let cut = value.floor_char_boundary(MOST_VALUE);
            value.truncate(cut);
            let joined = answer.headers.entry(name).or_default();
            if !joined.is_empty() {
                joined.push_str(", ");
            }
            joined.push_str(&value);
        }
        if (300..400).contains(&answer.status) {
            answer.location = answer.headers.get("location").cloned();
        }
        Some(answer)
    }
}

/// `HTTP/1.1 404 Not Found`
fn status(line: &str) -> Option<HttpAnswer> {
    let mut words = line.splitn(3, ' ');
    let version = words.next()?.strip_prefix("HTTP/")?.to_owned();
    let code = words.next()?;
    let status = code.parse().ok().filter(|code| (100..1000).contains(code))?;
    let reason = words.next().unwrap_or_default().trim().to_owned();
    Some(HttpAnswer { version, status, reason, ..HttpAnswer::default() })
}
