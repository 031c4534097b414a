//! What the payloads say: servers' names, questions to DNS and how soon they were answered.

use std::collections::HashMap;
use std::sync::Arc;

use super::flows::FlowId;
use crate::model::packets::{DnsCode, DnsCounts, DnsName};
use crate::wire::dissect::{self, code_name};
use crate::wire::frame::Application;

/// Names that are kept, of each kind.
const MAX_NAMES: usize = 4_096;
/// Questions that wait for an answer at once.
const MAX_WAITING: usize = 4_096;
/// Answers whose latency is kept: the newest.
const MAX_LATENCIES: usize = 16_384;

/// Names and questions.
#[derive(Debug, Default)]
pub(super) struct Applications {
    /// Of flows, by the name that the client asked for or the server gave.
    servers: HashMap<FlowId, Arc<str>>,
    dns: Dns,
}

#[derive(Debug, Default)]
struct Dns {
    queries: u64,
    answers: u64,
    codes: [u64; 16],
    waiting: HashMap<(FlowId, u16), i64>,
    /// Questions that were forgotten before an answer came.
    forgotten: u64,
    latencies_us: Vec<u32>,
    oldest: usize,
    names: HashMap<Arc<str>, (u64, u64, u64)>,
    names_left_out: u64,
}

impl Applications {
    /// Looks into a payload.
    pub(super) fn note(&mut self, id: FlowId, kind: Application, payload: &[u8], time_ns: i64) {
        match kind {
            Application::Tls if payload.first() == Some(&22) && payload.get(5) == Some(&1) => {
                let hello = dissect::client_hello(payload);
                if let Some(name) = hello.and_then(|hello| hello.server_name) {
                    self.name(id, &name);
                }
            }
            Application::Http if !payload.starts_with(b"HTTP/") => {
                if let Some(host) = dissect::http_host(payload) {
                    self.name(id, host);
                }
            }
            Application::Ssh => {
                if let Some(version) = dissect::ssh_version(payload) {
                    self.name(id, version);
                }
            }
            // Over TCP a length comes first, and a message may be cut anywhere.
            _ if kind.is_dns() && id.is_datagram() => {
                if let Some(message) = dissect::dns_message(payload) {
                    self.dns.note(id, &message, time_ns);
                }
            }
            _ => {}
        }
    }

    fn name(&mut self, id: FlowId, name: &str) {
        if self.servers.len() < MAX_NAMES && !self.servers.contains_key(&id) {
            self.servers.insert(id, Arc::from(name));
        }
    }

    /// The name that the server of a flow goes by.
    pub(super) fn server(&self, id: &FlowId) -> Option<Arc<str>> {
        self.servers.get(id).cloned()
    }

    pub(super) fn forget(&mut self, id: &FlowId) {
        self.servers.remove(id);
    }

    pub(super) fn dns(&self) -> DnsCounts {
        self.dns.counts()
    }
}

impl Dns {
    fn note(&mut self, id: FlowId, message: &dissect::Dns, time_ns: i64) {
        let name = message.question.as_ref().map(|question| question.name.as_str());
        if !message.is_response {
            self.queries += 1;
            self.note_name(name, (1, 0, 0));
            if self.waiting.len() == MAX_WAITING {
                self.forgotten += self.waiting.len() as u64;
                self.waiting.clear();
            }
            // A question that is asked again still waits since the first time.
            self.waiting.entry((id, message.id)).or_insert(time_ns);
            return;
        }
        self.answers += 1;
        self.codes[usize::from(message.code & 0xf)] += 1;
        self.note_name(name, (0, 1, u64::from(message.code != 0)));
        if let Some(asked) = self.waiting.remove(&(id, message.id)) {
            // 0 stands for a time that is not known.
            if asked != 0 && time_ns != 0 {
                let us = time_ns.saturating_sub(asked).max(0) / 1_000;
                self.note_latency(u32::try_from(us).unwrap_or(u32::MAX));
            }
        }
    }

    fn note_latency(&mut self, us: u32) {
        if self.latencies_us.len() < MAX_LATENCIES {
            self.latencies_us.push(us);
        } else {
            self.latencies_us[self.oldest] = us;
            self.oldest = (self.oldest + 1) % MAX_LATENCIES;
        }
    }

    fn note_name(&mut self, name: Option<&str>, (queries, answers, failures): (u64, u64, u64)) {
        let Some(name) = name else { return };
        if !self.names.contains_key(name) {
            if self.names.len() == MAX_NAMES {
                self.names_left_out += queries;
                return;
            }
            self.names.insert(Arc::from(name), (0, 0, 0));
        }
        let Some(known) = self.names.get_mut(name) else { return };
        known.0 += queries;
        known.1 += answers;
        known.2 += failures;
    }

    fn counts(&self) -> DnsCounts {
        let mut sorted = self.latencies_us.clone();
        sorted.sort_unstable();
        let part = |permille: usize| {
            let last = sorted.len().checked_sub(1)?;
            Some(u64::from(sorted[last * permille / 1_000]))
        };
        let codes = self.codes.iter().enumerate().filter(|(_, count)| **count > 0);
        let mut names: Vec<DnsName> = self
            .names
            .iter()
            .map(|(name, &(queries, answers, failures))| DnsName {
                name: Arc::clone(name),
                queries,
                answers,
                failures,
            })
            .collect();
        names.sort_by(|a, b| {
            (b.queries, b.answers).cmp(&(a.queries, a.answers)).then_with(|| a.name.cmp(&b.name))
        });
        DnsCounts {
            queries: self.queries,
            answers: self.answers,
            unanswered: self.waiting.len() as u64 + self.forgotten,
            codes: codes
                .map(|(code, answers)| DnsCode {
                    code: code as u8,
                    name: code_name(code as u8).into(),
                    answers: *answers,
                })
                .collect(),
            p50_us: part(500),
            p90_us: part(900),
            p99_us: part(990),
            max_us: part(1_000),
            names,
            names_left_out: self.names_left_out,
        }
    }
}
