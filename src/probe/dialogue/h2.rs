//! HTTP/2 (RFC 9113): one request with prior knowledge, in clear or in TLS, and the head of its
//! answer; or a question to a name server, and its answer (RFC 8484). Leaves with GOAWAY.

mod frame;

use std::time::Duration;

use loona_hpack::Decoder;

use crate::model::dialogue::{Answer, AppProtocol, Conclusion, HttpAnswer, Refusal, RefusalCause};

use super::dns::Question;
use super::talk::{Now, Talk, Turn};
use super::{ANSWER, recognise};
use frame::{Frame, Kind, Problem};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The client's settings: no pushes.
const SETTINGS: &[u8] = &[0, 2, 0, 0, 0, 0];

/// The most headers that are kept, and the most of a value.
const MOST_HEADERS: usize = 100;
const MOST_VALUE: usize = 8192;

/// The most of a body that is kept: a DNS message is no longer.
const MOST_BODY: usize = 64 * 1024;

/// The media type of a DNS message (RFC 8484, 6).
const DNS_MESSAGE: &str = "application/dns-message";

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `https`, or `http` in clear.
    pub scheme: &'static str,
    /// The host's name, with its port where that is not the scheme's own.
    pub host: String,
    /// The path with its query.
    pub target: String,
}

/// The conversation.
pub(super) struct H2 {
    request: Request,
    /// Whether the server's settings, which come first, have come.
    settled: bool,
    block: Vec<u8>,
    decoder: Decoder<'static>,
    first_byte: Option<Duration>,
    /// What a name server is asked.
    question: Option<Question>,
    /// Its answer, as far as it has come.
    body: Option<Vec<u8>>,
}

impl H2 {
    pub(super) fn new(request: Request, question: Option<Question>) -> Self {
        let (block, decoder) = (Vec::new(), Decoder::new());
        Self { request, settled: false, block, decoder, first_byte: None, question, body: None }
    }

    /// The request's head, without any compression: literals that are not to be indexed.
    fn head(&self) -> Vec<u8> {
        // :method GET or POST, :scheme; then names by their number in the static table (RFC 7541,
        // A).
        let method = if self.question.is_some() { 0x83 } else { 0x82 };
        let mut block = vec![method, if self.request.scheme == "http" { 0x86 } else { 0x87 }];
        let target = if self.request.target.is_empty() { "/" } else { &self.request.target };
        let agent = format!("sockpit/{}", env!("CARGO_PKG_VERSION"));
        let wanted = if self.question.is_some() { DNS_MESSAGE } else { "*/*" };
        let mut headers = vec![
            (&[0x04_u8][..], target),
            (&[0x01], &self.request.host),
            (&[0x0f, 58 - 15], &agent),
            (&[0x0f, 19 - 15], wanted),
        ];
        if self.question.is_some() {
            headers.push((&[0x0f, 31 - 15], DNS_MESSAGE));
        }
        for (name, value) in headers {
            block.extend(name);
            block.extend(frame::literal(value));
        }
        block
    }

    fn frame(&mut self, frame: &Frame, now: &mut Now<'_>) -> Option<Turn> {
        if !self.settled && frame.kind != Kind::Settings {
            return Some(Turn::Mismatch);
        }
        self.settled = true;
        match frame.kind {
            Kind::Settings if !frame.is_ack() => {
                Some(Turn::Say(frame::whole(Kind::Settings, frame::ACK, 0, &[]), ANSWER))
            }
            Kind::Ping if !frame.is_ack() => {
                Some(Turn::Say(frame::whole(Kind::Ping, frame::ACK, 0, &frame.payload), ANSWER))
            }
            Kind::Headers | Kind::Continuation | Kind::Data if frame.stream == 1 => {
                let Some(part) = frame.content() else {
                    return Some(Turn::malformed("one of its frames is shorter than its padding"));
                };
                let turn = match (&mut self.body, frame.kind) {
                    (Some(body), Kind::Data) => {
                        body.extend(part.iter().take(MOST_BODY - body.len()));
                        None
                    }
                    // Trailers, and the body of what is no answer to a question.
                    (Some(_), _) | (None, Kind::Data) => None,
                    (None, _) => {
                        self.block.extend(part);
                        if frame.ends_headers() { self.answered(now) } else { None }
                    }
                };
                if turn.is_none() && frame.ends_stream() { self.resolved(now) } else { turn }
            }
            Kind::GoAway => Some(ended(frame.error_at(4), frame.payload.get(8..))),
            Kind::Reset if frame.stream == 1 => Some(ended(frame.error_at(0), None)),
            _ => None,
        }
    }

    fn answered(&mut self, now: &mut Now<'_>) -> Option<Turn> {
        let block = std::mem::take(&mut self.block);
        let mut answer = HttpAnswer { version: "2".to_owned(), ..HttpAnswer::default() };
        let mut status = None;
        // The table can make a few bytes stand for many: what is over is counted, not kept.
        let decoded = self.decoder.decode_with_cb(&block, |name, value| {
            if *name == *b":status" {
                status = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
            } else if answer.headers.len() >= MOST_HEADERS {
                answer.headers_omitted += 1;
            } else {
                let value = String::from_utf8_lossy(&value[..value.len().min(MOST_VALUE)]);
                let name = String::from_utf8_lossy(&name[..name.len().min(MOST_VALUE)]);
                let joined = answer.headers.entry(name.into_owned()).or_default();
                if joined.len() < MOST_VALUE {
                    joined.push_str(if joined.is_empty() { "" } else { ", " });
                    joined.push_str(&value);
                }
            }
        });
        let status = status.filter(|status| (100..1000).contains(status));
        let (Ok(()), Some(status)) = (decoded, status) else {
            return Some(Turn::malformed("the head of its answer cannot be decoded"));
        };
        // Interim answers (RFC 9110, 15.2): the real one follows.
        if status < 200 {
            return None;
        }
        answer.status = status;
        if (300..400).contains(&status) {
            answer.location = answer.headers.get("location").cloned();
        }
        let first = self.first_byte.unwrap_or(now.at);
        answer.first_byte_us = u64::try_from(first.as_micros()).unwrap_or(u64::MAX);
        if self.question.is_none() {
            now.answer(Answer::Http(answer));
            return Some(leave(Conclusion::Answered));
        }
        if status == 200 {
            self.body = Some(Vec::new());
            return None;
        }
        now.answer(Answer::Http(answer));
        let words = format!("HTTP {status} in place of an answer at {}", self.request.target);
        let code = Some(status.to_string());
        Some(leave(Conclusion::Refused(Refusal { cause: RefusalCause::Other, code, words })))
    }

    /// The stream has ended; `None` where that is of no matter.
    fn resolved(&mut self, now: &mut Now<'_>) -> Option<Turn> {
        let (question, body) = (self.question.as_ref()?, self.body.take()?);
        let Some((answer, conclusion)) = question.read(&body, 1) else {
            return Some(Turn::malformed(
                "the body of its answer is no DNS message for the question",
            ));
        };
        now.answer(Answer::Dns(answer));
        Some(leave(conclusion))
    }
}

fn leave(conclusion: Conclusion) -> Turn {
    Turn::End(conclusion, frame::whole(Kind::GoAway, 0, 0, &[0; 8]))
}

impl Talk for H2 {
    const PROTOCOL: AppProtocol = AppProtocol::H2;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        let settings = frame::whole(Kind::Settings, 0, 0, SETTINGS);
        let mut flags = frame::END_HEADERS;
        let mut body = Vec::new();
        match &self.question {
            Some(question) => {
                body = frame::whole(Kind::Data, frame::END_STREAM, 1, question.message());
            }
            None => flags |= frame::END_STREAM,
        }
        let headers = frame::whole(Kind::Headers, flags, 1, &self.head());
        Turn::Say([PREFACE, &settings, &headers, &body].concat(), ANSWER)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        let foreign = recognise::protocol(now.inbox.first());
        if !self.settled && foreign.is_some_and(|other| other != AppProtocol::H2) {
            return Turn::Mismatch;
        }
        loop {
            match frame::next(now.inbox) {
                Ok(Some(frame)) => {
                    if frame.kind == Kind::Headers {
                        self.first_byte.get_or_insert(now.at);
                    }
                    if let Some(turn) = self.frame(&frame, now) {
                        return turn;
                    }
                }
                Ok(None) => return Turn::More,
                Err(Problem::TooLong) if self.settled => {
                    return Turn::malformed("one of its frames is larger than was agreed");
                }
                Err(Problem::TooLong) => return Turn::Mismatch,
            }
        }
    }
}

/// GOAWAY or RST_STREAM before the answer.
fn ended(code: Option<u32>, words: Option<&[u8]>) -> Turn {
    let code = code.unwrap_or(0);
    let (name, cause) = match code {
        0x0 => ("NO_ERROR", RefusalCause::Unavailable),
        0x1 => ("PROTOCOL_ERROR", RefusalCause::Other),
        0x2 => ("INTERNAL_ERROR", RefusalCause::Unavailable),
        0x7 => ("REFUSED_STREAM", RefusalCause::TooManyClients),
        0xb => ("ENHANCE_YOUR_CALM", RefusalCause::TooFast),
        0xc => ("INADEQUATE_SECURITY", RefusalCause::NotAllowed),
        0xd => ("HTTP_1_1_REQUIRED", RefusalCause::NotAllowed),
        _ => ("another error", RefusalCause::Other),
    };
    let said = words.map(|words| String::from_utf8_lossy(words).into_owned());
    let words = match said.filter(|said| !said.is_empty()) {
        Some(said) => format!("{name}: {said}"),
        None => name.to_owned(),
    };
    let refusal = Refusal { cause, code: Some(code.to_string()), words };
    Turn::End(Conclusion::Refused(refusal), Vec::new())
}

#[cfg(test)]
mod tests;
