//! HTTP/1.1 (RFC 9110, 9112): one request, its status and headers. Also what a proxy is asked:
//! CONNECT (RFC 9110, 9.3.6).

mod reply;

use std::time::Duration;

use crate::model::dialogue::{Answer, AppProtocol, Conclusion, Heard, HttpAnswer};

use super::talk::{Lull, Now, Talk, Turn};
use super::{ANSWER, Secret, recognise};
use reply::{Head, NotHttp};

/// For how long the reason in the body of a 400 is waited for.
const BODY: Duration = Duration::from_millis(500);

/// How much of that body is read.
const MOST_BODY: usize = 2048;

/// Interim answers (RFC 9110, 15.2) that are passed over.
const MOST_INTERIM: u32 = 8;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// The resource; of its body nothing is read.
    Get,
    /// Its headers.
    Head,
    /// A tunnel through a proxy, to the target as `HOST:PORT`.
    Connect,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The path with its query, or the tunnel's end. What cannot stand there is percent-encoded.
    pub target: String,
    /// The host's name, with its port where that is not the scheme's own.
    pub host: String,
    /// The value of Authorization, of Proxy-Authorization for a tunnel.
    pub authorization: Option<Secret>,
}

impl Request {
    /// A GET without credentials.
    pub fn get(host: &str, target: &str) -> Self {
        let (host, target) = (host.to_owned(), target.to_owned());
        Self { method: Method::Get, target, host, authorization: None }
    }

    /// A tunnel to `end`, as `HOST:PORT`.
    pub fn connect(end: &str, authorization: Option<Secret>) -> Self {
        let end = end.to_owned();
        Self { method: Method::Connect, target: end.clone(), host: end, authorization }
    }

    fn bytes(&self) -> Vec<u8> {
        let (method, authorization) = match self.method {
            Method::Get => ("GET", "Authorization"),
            Method::Head => ("HEAD", "Authorization"),
            Method::Connect => ("CONNECT", "Proxy-Authorization"),
        };
        let version = env!("CARGO_PKG_VERSION");
        let (target, host) = (encoded(&self.target), encoded(&self.host));
        let mut text = format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sockpit/{version}\r\n"
        );
        if self.method != Method::Connect {
            text.push_str("Accept: */*\r\nConnection: close\r\n");
        }
        if let Some(secret) = &self.authorization {
            let value: String = secret.reveal().chars().filter(|c| !c.is_control()).collect();
            text.push_str(&format!("{authorization}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

/// What would end a line or a word is percent-encoded, and what is no ASCII.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            0x21..=0x7e => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The conversation.
pub(super) struct Http {
    request: Request,
    head: Head,
    first_byte: Option<Duration>,
    interim: u32,
    /// The answer whose body is being read.
    answer: Option<HttpAnswer>,
}

impl Http {
    pub(super) fn new(request: Request) -> Self {
        Self { request, head: Head::default(), first_byte: None, interim: 0, answer: None }
    }

    /// A whole head has come.
    fn answered(&mut self, mut answer: HttpAnswer, now: &mut Now<'_>) -> Turn {
        if (100..200).contains(&answer.status) && answer.status != 101 {
            self.interim += 1;
            if self.interim > MOST_INTERIM {
                return Turn::malformed("it sends one interim answer after the other");
            }
            return Turn::Say(Vec::new(), ANSWER);
        }
        let first = self.first_byte.unwrap_or(now.at);
        answer.first_byte_us = u64::try_from(first.as_micros()).unwrap_or(u64::MAX);
        if answer.status == 400 && self.request.method == Method::Get {
            self.answer = Some(answer);
            return Turn::Say(Vec::new(), BODY);
        }
        now.answer(Answer::Http(answer));
        Turn::End(Conclusion::Answered, Vec::new())
    }

    /// The reason for a 400, as far as it has come.
    fn explained(&mut self, now: &mut Now<'_>) -> Option<Conclusion> {
        let mut answer = self.answer.take()?;
        let body = now.inbox.rest();
        let body = String::from_utf8_lossy(&body[..body.len().min(MOST_BODY)]).into_owned();
        let wants_tls = wants_tls(&body);
        let first = now.inbox.first();
        let conclusion = if wants_tls {
            let heard = recognise::heard(first);
            let text = format!("HTTP {} {}: {}", answer.status, answer.reason, in_short(&body));
            Conclusion::WrongProtocol(Heard { protocol: Some(AppProtocol::Tls), text, ..heard })
        } else {
            Conclusion::Answered
        };
        answer.body = Some(body);
        now.answer(Answer::Http(answer));
        Some(conclusion)
    }
}

impl Talk for Http {
    const PROTOCOL: AppProtocol = AppProtocol::Http;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        Turn::Say(self.request.bytes(), ANSWER)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        self.first_byte.get_or_insert(now.at);
        if let Some(answer) = &self.answer {
            let length = answer.headers.get("content-length").and_then(|text| text.parse().ok());
            let wanted = length.unwrap_or(MOST_BODY).min(MOST_BODY);
            if now.inbox.unread().len() < wanted {
                return Turn::More;
            }
            let conclusion = self.explained(now).unwrap_or(Conclusion::Answered);
            return Turn::End(conclusion, Vec::new());
        }
        match self.head.read(now.inbox) {
            Ok(Some(answer)) => self.answered(answer, now),
            Ok(None) => Turn::More,
            Err(NotHttp) => Turn::Mismatch,
        }
    }

    fn gave_up(&mut self, now: &mut Now<'_>, _: Lull) -> Option<Conclusion> {
        self.explained(now)
    }
}

/// Whether a 400 says that this port wants TLS: nginx, Apache, Go's net/http, Tomcat, Undertow.
fn wants_tls(body: &str) -> bool {
    const SAYINGS: [&str; 6] = [
        "plain HTTP request was sent to HTTPS port",
        "plain HTTP to an SSL-enabled server port",
        "HTTP request to an HTTPS server",
        "host and port requires TLS",
        "plain HTTP request to an HTTPS port",
        "plain text request to an SSL port",
    ];
    SAYINGS.iter().any(|saying| body.contains(saying))
}

/// The sentence in a page that says why: its title, or its first line.
fn in_short(body: &str) -> String {
    let title = body.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    let text = title.map_or(body, |(title, _)| title);
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
