//! DNS (RFC 1035): one question, over datagrams or a stream, and what the server answers. Any
//! response code but REFUSED and SERVFAIL is an answer: that a name does not exist is one, too.

mod message;

use std::str::FromStr;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};

use crate::model::dialogue::{Answer, AppProtocol, Conclusion, DnsAnswer, Refusal, RefusalCause};

use super::datagram::{Answered, Question as Datagram, Sent};
use super::talk::{Now, Talk, Turn};
use super::{ANSWER, Learnt, recognise};

/// The size of answers that pass every network (DNS flag day 2020).
const PAYLOAD: u16 = 1232;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    query: Query,
    id: u16,
    bytes: Vec<u8>,
}

impl Question {
    /// Asks for the records of this type (`A`, `AAAA`, `MX`, `TYPE65`, …) that `name` has. `id`
    /// should be hard to guess. The error is one sentence.
    pub fn new(name: &str, kind: &str, id: u16) -> Result<Self, String> {
        let mut parsed = Name::from_utf8(name)
            .map_err(|error| format!("`{name}` is no name that DNS could carry: {error}"))?;
        parsed.set_fqdn(true);
        let kind = RecordType::from_str(&kind.to_ascii_uppercase())
            .map_err(|_| format!("`{kind}` is no type of record, as A, AAAA or MX are"))?;
        let query = Query::query(parsed, kind);
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(query.clone());
        let mut edns = Edns::new();
        edns.set_max_payload(PAYLOAD);
        message.set_edns(edns);
        let bytes =
            message.to_vec().map_err(|error| format!("`{name}` cannot be asked: {error}"))?;
        Ok(Self { query, id, bytes })
    }

    /// As it is sent.
    pub(super) fn message(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads a message; `None` where it is no answer to this question.
    pub(super) fn read(&self, bytes: &[u8], times: u32) -> Option<(DnsAnswer, Conclusion)> {
        let message = Message::from_vec(bytes).ok()?;
        let is_answer = message.metadata.message_type == MessageType::Response
            && message.metadata.id == self.id
            // unbound refuses with a header alone.
            && message.queries.first().is_none_or(|query| {
                query.name() == self.query.name() && query.query_type() == self.query.query_type()
            });
        if !is_answer {
            return None;
        }
        let answer = message::answer(&message, bytes.len(), times);
        let refusal = match answer.rcode.as_str() {
            "REFUSED" => Some((
                RefusalCause::NotAllowed,
                "it does not answer this client, or not for this name",
            )),
            "SERVFAIL" => Some((RefusalCause::Unavailable, "it failed to find out")),
            _ => None,
        };
        let conclusion = refusal.map_or(Conclusion::Answered, |(cause, words)| {
            let code = Some(answer.rcode.clone());
            Conclusion::Refused(Refusal {
                cause,
                code,
                words: format!("{}: {words}", answer.rcode),
            })
        });
        Some((answer, conclusion))
    }
}

impl Datagram for Question {
    fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    fn answered(&mut self, datagram: &[u8], sent: Sent, _: Duration) -> Option<Answered> {
        let (answer, conclusion) = self.read(datagram, sent.times)?;
        let learnt = vec![Learnt::Answer(Box::new(Answer::Dns(answer)))];
        Some(Answered { learnt, conclusion })
    }
}

/// The same question over a stream, with its length before it (RFC 1035, 4.2.2).
pub(super) struct OverStream(pub Question);

impl Talk for OverStream {
    const PROTOCOL: AppProtocol = AppProtocol::Dns;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        let length = u16::try_from(self.0.bytes.len()).unwrap_or(u16::MAX);
        Turn::Say([&length.to_be_bytes()[..], &self.0.bytes].concat(), ANSWER)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        let foreign = recognise::protocol(now.inbox.first());
        if foreign.is_some_and(|other| other != AppProtocol::Dns) {
            return Turn::Mismatch;
        }
        let Some(length) = now.inbox.unread().first_chunk() else { return Turn::More };
        let length = usize::from(u16::from_be_bytes(*length));
        if now.inbox.unread().len() < 2 + length {
            return Turn::More;
        }
        let Some((answer, conclusion)) = self.0.read(&now.inbox.read(2 + length)[2..], 1) else {
            return Turn::Mismatch;
        };
        now.answer(Answer::Dns(answer));
        Turn::End(conclusion, Vec::new())
    }
}

#[cfg(test)]
mod tests;
