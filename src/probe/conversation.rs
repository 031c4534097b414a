//! A dialogue over a real line: its bytes are sent and received here, its stages timed.

use std::io;
use std::time::{Duration, Instant};

use rustls::AlertDescription;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::dialogue::{Dialogue, Exchange, Input, Learnt, Next, Step};
use super::fault::Fault;
use super::pipe::Pipe;
use super::progress::Waterfall;
use super::secure::{Layer, secure};
use super::security::tls::{Offer, alert_in};
use super::settings::Settings;
use crate::model::dialogue::{Answer, Conclusion, Greeting};
use crate::model::probe::{Detail, GreetingDetail, RequestDetail, StageName};

/// What the peer has to take our words.
const SEND: Duration = Duration::from_secs(5);
/// As many bytes are read at once.
const PORTION: usize = 16 * 1024;

/// What carries the bytes.
pub(super) enum Line {
    /// A stream.
    Stream(Pipe),
    /// Datagrams.
    Datagrams(UdpSocket),
    /// What was a stream, and has failed.
    Gone,
}

/// What came.
pub(super) enum Came {
    Bytes(usize),
    End,
    Broken(io::Error),
    Nothing,
}

impl Line {
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stream(pipe) => {
                pipe.write_all(bytes).await?;
                pipe.flush().await
            }
            Self::Datagrams(socket) => socket.send(bytes).await.map(drop),
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    pub(super) async fn receive(&mut self, buffer: &mut [u8], patience: Duration) -> Came {
        let read = async {
            match self {
                Self::Stream(pipe) => match pipe.read(buffer).await {
                    Ok(0) => Came::End,
                    Ok(count) => Came::Bytes(count),
                    // TLS that ends without its close_notify ends all the same.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Came::End,
                    Err(error) => Came::Broken(error),
                },
                Self::Datagrams(socket) => match socket.recv(buffer).await {
                    Ok(count) => Came::Bytes(count),
                    Err(error) => Came::Broken(error),
                },
                Self::Gone => Came::End,
            }
        };
        timeout(patience, read).await.unwrap_or(Came::Nothing)
    }
}

/// What a conversation came to.
#[derive(Debug)]
pub(super) struct Talked {
    /// How it ended.
    pub conclusion: Conclusion,
    /// What the peer said first.
    pub greeting: Option<Greeting>,
    /// What it answered.
    pub answer: Option<Answer>,
    /// What came after its last word.
    pub rest: Vec<u8>,
    /// Whether it has ended its side.
    pub ended: bool,
    /// The TLS alert that it sent in place of an answer.
    pub alert: Option<AlertDescription>,
    /// Why the line broke.
    pub error: Option<io::Error>,
    /// Whether all it did was to listen.
    pub only_listened: bool,
}

impl Talked {
    pub(super) fn new(only_listened: bool) -> Self {
        Self {
            conclusion: Conclusion::Answered,
            greeting: None,
            answer: None,
            rest: Vec::new(),
            ended: false,
            alert: None,
            error: None,
            only_listened,
        }
    }
}

/// A conversation to be held.
pub(super) struct Conversation<'a, 'w> {
    pub(super) exchange: &'a Exchange,
    /// Whether the protocol was told by the port.
    pub(super) guessed: bool,
    /// The TLS for an upgrade; `None` where the target has no name for it.
    pub(super) offer: Option<&'a Offer>,
    pub(super) settings: &'a Settings,
    pub(super) waterfall: &'a mut Waterfall<'w>,
    /// What TLS told, if it came to that.
    pub(super) layer: &'a mut Option<Layer>,
}

impl Conversation<'_, '_> {
    /// Holds it to its end. A failure of TLS on the way is a fault of the attempt.
    pub(super) async fn hold(mut self, line: &mut Line) -> Result<Talked, Fault> {
        let mut dialogue: Box<dyn Dialogue> = self.exchange.begin();
        let only_listened = matches!(self.exchange, Exchange::Listen(_));
        let mut stage = match self.exchange.greets_within() {
            Some(_) => StageName::Greeting,
            None => StageName::Request,
        };
        let mut talked = Talked::new(only_listened);
        let mut buffer = vec![0; PORTION];
        self.waterfall.begin(stage).await;
        let opened = Instant::now();
        let mut begun = opened;
        let mut ended_stage = false;
        let mut step = dialogue.step(Input::Opened, Duration::ZERO);
        loop {
            let Step { send, learnt, next } = step;
            let is_done = matches!(next, Next::Done { .. });
            for fact in learnt {
                let ended = is_done && talked.ended;
                let (detail, ok) = self.told(&fact, ended, &next);
                self.waterfall.end(ok, begun.elapsed(), detail).await;
                ended_stage = fact.stage() == stage || ended_stage;
                match fact {
                    Learnt::Greeting(greeting) => talked.greeting = Some(greeting),
                    Learnt::Answer(answer) => talked.answer = Some(*answer),
                }
                begun = Instant::now();
                if !is_done {
                    stage = StageName::Request;
                    ended_stage = false;
                    self.waterfall.begin(stage).await;
                }
            }
            if !send.is_empty() {
                let sent = timeout(self.settings.at_most(SEND), line.send(&send)).await;
                if let Ok(Err(error)) = sent
                    && !is_done
                {
                    // What the peer said before is still to be read.
                    talked.error = Some(error);
                }
            }
            let input = match next {
                Next::Done { conclusion, rest } => {
                    (talked.conclusion, talked.rest) = (conclusion, rest);
                    break;
                }
                Next::Upgrade => {
                    *line = self.upgrade(line).await?;
                    begun = Instant::now();
                    Input::Secured
                }
                Next::Wait(until) => {
                    let mut left = until.saturating_sub(opened.elapsed());
                    if let Some(limit) = self.settings.timeout {
                        left = left.min(limit.saturating_sub(begun.elapsed()));
                    }
                    match line.receive(&mut buffer, left).await {
                        Came::Bytes(count) => Input::Received(&buffer[..count]),
                        Came::End => {
                            talked.ended = true;
                            Input::Ended
                        }
                        Came::Nothing => Input::TimedOut,
                        Came::Broken(error) => {
                            talked.alert = alert_in(&error);
                            talked.error = Some(error);
                            Input::Reset
                        }
                    }
                }
            };
            step = dialogue.step(input, opened.elapsed());
        }
        if !ended_stage {
            let ok = matches!(talked.conclusion, Conclusion::Answered)
                || (only_listened && is_quiet(&talked.conclusion));
            let detail = self.nothing(stage, &talked);
            self.waterfall.end(ok, begun.elapsed(), detail).await;
        }
        Ok(talked)
    }

    /// What a fact is in its stage, and whether the stage went well.
    fn told(&self, fact: &Learnt, ended: bool, next: &Next) -> (Detail, bool) {
        let refused = matches!(next, Next::Done { conclusion, .. } if !matches!(conclusion, Conclusion::Answered));
        match fact {
            Learnt::Greeting(greeting) => {
                let named = self.exchange.protocol().is_some() && !self.guessed;
                let guessed = greeting.protocol.is_some() && !named;
                let greeting = greeting.clone();
                (Detail::Greeting(GreetingDetail { greeting, guessed, ended }), !refused)
            }
            Learnt::Answer(answer) => {
                (Detail::Request(RequestDetail::Answer(answer.clone())), !refused)
            }
        }
    }

    /// The stage that was under way when nothing more came.
    fn nothing(&self, stage: StageName, talked: &Talked) -> Detail {
        let heard = match &talked.conclusion {
            Conclusion::WrongProtocol(heard) => Some(Greeting {
                protocol: heard.protocol,
                text: Some(heard.text.clone()),
                software: heard.software.clone(),
                capabilities: None,
            }),
            _ => None,
        };
        match stage {
            StageName::Request if heard.is_none() => Detail::Request(RequestDetail::Nothing {
                received_bytes: match talked.conclusion {
                    Conclusion::Silent { heard_bytes } | Conclusion::Closed { heard_bytes, .. } => {
                        heard_bytes
                    }
                    _ => 0,
                },
            }),
            _ => Detail::Greeting(GreetingDetail {
                guessed: heard.as_ref().is_some_and(|it| it.protocol.is_some()),
                greeting: heard.unwrap_or_default(),
                ended: talked.ended,
            }),
        }
    }

    /// The TLS stage in the middle of a conversation.
    async fn upgrade(&mut self, line: &mut Line) -> Result<Line, Fault> {
        let Line::Stream(Pipe::Plain(stream)) = std::mem::replace(line, Line::Gone) else {
            return Err(Fault::Here(io::Error::other("only a plain stream can be secured")));
        };
        let Some(offer) = self.offer else { return Err(Fault::NoServerName) };
        let (secured, layer) = secure(stream.renew(), offer, self.settings, self.waterfall).await;
        *self.layer = Some(layer);
        Ok(Line::Stream(Pipe::Secured(secured?)))
    }
}

fn is_quiet(conclusion: &Conclusion) -> bool {
    matches!(
        conclusion,
        Conclusion::Silent { .. }
            | Conclusion::Closed { reset: false, .. }
            | Conclusion::Refused(_)
    )
}
