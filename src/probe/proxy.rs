//! The proxy stage: a way through a SOCKS or HTTP proxy to the target.

use std::str::FromStr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::conversation::Line;
use super::dialogue::http::Request;
use super::dialogue::{Exchange, Secret, socks};
use super::fault::Fault;
use super::pipe::Pipe;
use super::progress::Waterfall;
use super::quiet::{self, Quiet};
use super::settings::Settings;
use super::target::{Host, Protocol, Target, TargetError};
use crate::model::dialogue::{Answer, Conclusion};
use crate::model::probe::{Detail, ProxyDetail, StageName};

/// How long a proxy may take to reach the target.
const THROUGH: Duration = Duration::from_secs(20);

/// A proxy on the way to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    target: Target,
    login: Option<socks::Login>,
}

impl FromStr for Proxy {
    type Err = TargetError;

    /// Reads `socks5://HOST:PORT`, `socks4://HOST:PORT`, `http://HOST:PORT`.
    fn from_str(written: &str) -> Result<Self, TargetError> {
        let target: Target = written.parse()?;
        match target.protocol() {
            Protocol::Socks5 | Protocol::Socks4 | Protocol::Http => {
                Ok(Self { target, login: None })
            }
            _ => Err(TargetError::new(
                written,
                "it is no proxy; write socks5://HOST:PORT, socks4://HOST:PORT or http://HOST:PORT",
            )),
        }
    }
}

impl Proxy {
    /// With a user and a password, which SOCKS 5 alone has a way for here.
    pub fn with_login(mut self, user: &str, password: String) -> Self {
        self.login = Some(socks::Login { user: user.to_owned(), password: Secret::new(password) });
        self
    }

    /// Where it is.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    fn exchange(&self, end: &Target) -> Exchange {
        let port = end.port().unwrap_or(0);
        let place = match end.host() {
            Host::ThisMachine => socks::End::Name("localhost".to_owned(), port),
            Host::Address(address) => socks::End::Address((*address, port).into()),
            Host::Zoned(address, _) => socks::End::Address((*address, port).into()),
            Host::Name(name) | Host::Path(name) => socks::End::Name(name.clone(), port),
        };
        match self.target.protocol() {
            Protocol::Socks4 => Exchange::Socks4 { end: Some(place) },
            Protocol::Http => Exchange::Http(Request::connect(&written(end), None)),
            _ => Exchange::Socks5 { end: Some(place), login: self.login.clone() },
        }
    }
}

/// `example.org:443`, `[::1]:443`.
pub(super) fn written(end: &Target) -> String {
    let host = end.host().to_string();
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    format!("{host}:{}", end.port().unwrap_or(0))
}

/// Asks the proxy for a way to `end`, as a stage.
pub(super) async fn through(
    proxy: &Proxy,
    end: &Target,
    stream: TcpStream,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Result<Pipe, Fault> {
    waterfall.begin(StageName::Proxy).await;
    let started = Instant::now();
    let at = stream.peer_addr().ok();
    let mut line = Line::Stream(Pipe::plain(stream, Vec::new()));
    let quiet = quiet::hold(&mut line, &proxy.exchange(end), settings.at_most(THROUGH)).await;
    let (status, reason) = reply(&quiet);
    let detail = ProxyDetail {
        protocol: proxy.target.protocol().scheme().to_owned(),
        proxy: at,
        target: written(end),
        status,
        reason: reason.clone(),
    };
    let is_open = is_open(&quiet);
    waterfall.end(is_open, started.elapsed(), Detail::Proxy(detail)).await;
    match line {
        Line::Stream(pipe) if is_open => Ok(pipe.before(quiet.rest)),
        _ => Err(Fault::Proxy {
            status,
            reason: reason.unwrap_or_default(),
            conclusion: quiet.conclusion,
            is_http: proxy.target.protocol() == Protocol::Http,
        }),
    }
}

fn is_open(quiet: &Quiet) -> bool {
    let is_through = match &quiet.answer {
        Some(Answer::Http(http)) => (200..300).contains(&http.status),
        // 0 is success in version 5, 90 in version 4.
        Some(Answer::Socks(socks)) => {
            matches!((socks.version, socks.code), (5, Some(0)) | (4, Some(90)))
        }
        _ => false,
    };
    is_through && quiet.conclusion == Conclusion::Answered
}

/// The proxy's own number and word.
fn reply(quiet: &Quiet) -> (Option<u16>, Option<String>) {
    match &quiet.answer {
        Some(Answer::Http(http)) => (Some(http.status), Some(http.reason.clone())),
        Some(Answer::Socks(socks)) => (socks.code.map(u16::from), socks.reason.clone()),
        _ => match &quiet.conclusion {
            Conclusion::Refused(refusal) => (None, Some(refusal.words.clone())),
            _ => (None, None),
        },
    }
}
