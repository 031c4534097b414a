//! Flows drawn as ladders: recorded packet by packet, bounded in flows and steps.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::each::{Each, Packet};
use super::flows::FlowId;
use crate::model::ladder::{Ladder, Step};
use crate::model::packets::FlowEnd;
use crate::wire::dissect::dissect;
use crate::wire::frame::{self, Ip, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Transport};
use crate::wire::names;

/// Flows that are recorded.
const MAX_FLOWS: usize = 1_000;
/// Steps of one flow; what comes then is counted.
const MAX_STEPS: usize = 500;

/// Ladders that grow while packets come.
#[derive(Clone, Debug, Default)]
pub struct Ladders(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    flows: Vec<Flow>,
    by_id: HashMap<FlowId, usize>,
    /// Flows that found no room.
    left_out: u64,
}

#[derive(Debug)]
struct Flow {
    ladder: Ladder,
    /// Whether the first packet went from the greater end to the smaller.
    backwards: bool,
    began_ns: Option<i64>,
    /// By sender: its first sequence number, and the one behind its last byte.
    sent: [Option<(u32, u32)>; 2],
}

impl Ladders {
    /// What has to look at each packet.
    pub fn each(&self) -> Each {
        let shared = Arc::clone(&self.0);
        Box::new(move |packet| {
            shared.lock().unwrap_or_else(PoisonError::into_inner).note(packet);
            ControlFlow::Continue(())
        })
    }

    /// The ladders so far, and how many flows found no room.
    pub fn take(&self) -> (Vec<Ladder>, u64) {
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flows = std::mem::take(&mut recorded.flows);
        recorded.by_id.clear();
        (flows.into_iter().map(|flow| flow.ladder).collect(), recorded.left_out)
    }
}

/// The ladder of one flow.
#[derive(Debug, Default)]
pub(super) struct FlowLadder(Option<Flow>);

impl FlowLadder {
    /// Takes note of a packet of that flow.
    pub(super) fn note(&mut self, packet: &Packet<'_>) {
        let Some(ip) = packet.summary.ip() else { return };
        let (_, backwards) = FlowId::of(ip);
        self.0.get_or_insert_with(|| Flow::new(packet, ip, backwards)).note(packet, backwards);
    }

    /// The ladder; `None` where there was no packet.
    pub(super) fn finish(self) -> Option<Ladder> {
        self.0.map(|flow| flow.ladder)
    }
}

impl Recorded {
    fn note(&mut self, packet: &Packet<'_>) {
        let Some(ip) = packet.summary.ip() else { return };
        let (id, backwards) = FlowId::of(ip);
        let index = match self.by_id.get(&id) {
            Some(index) => *index,
            None if self.flows.len() == MAX_FLOWS => {
                self.left_out += 1;
                return;
            }
            None => {
                self.flows.push(Flow::new(packet, ip, backwards));
                self.by_id.insert(id, self.flows.len() - 1);
                self.flows.len() - 1
            }
        };
        self.flows[index].note(packet, backwards);
    }
}

impl Flow {
    /// A flow whose first packet this is; it is not noted yet.
    fn new(packet: &Packet<'_>, ip: &Ip, backwards: bool) -> Self {
        let (source, destination) = ip.transport.ports().unwrap_or((0, 0));
        let ladder = Ladder {
            protocol: names::ip_protocol(ip.protocol),
            first: FlowEnd { addr: ip.source.into(), port: source },
            second: FlowEnd { addr: ip.destination.into(), port: destination },
            steps: Vec::new(),
            left_out: 0,
        };
        Self { ladder, backwards, began_ns: packet.time_ns, sent: [None; 2] }
    }

    fn note(&mut self, packet: &Packet<'_>, backwards: bool) {
        let from_first = backwards == self.backwards;
        let Some(ip) = packet.summary.ip() else { return };
        let detail = frame::detail(packet.link, packet.bytes, ip);
        let mut is_plain = false;
        let payload;
        let mut again = 0;
        let text = match (ip.transport, detail.segment) {
            (Transport::Tcp { flags: Some(flags), .. }, Some(segment)) => {
                payload = u64::from(segment.payload);
                let length = segment.payload
                    + u32::from(flags & TCP_SYN != 0)
                    + u32::from(flags & TCP_FIN != 0);
                let (first, seen_before) = self.sequence(from_first, segment.sequence, length);
                again = u64::from(seen_before);
                is_plain = flags & (TCP_SYN | TCP_FIN | TCP_RST) == 0;
                let relative = segment.sequence.wrapping_sub(first);
                let told = told(packet, detail.application != frame::Application::Unknown);
                match (is_plain, payload, told) {
                    (true, 0, _) => "ACK".to_owned(),
                    (true, _, Some(told)) => {
                        is_plain = false;
                        format!("{told}, {payload} bytes from {relative}")
                    }
                    (true, ..) => "data".to_owned(),
                    (false, ..) => {
                        let names = [
                            (TCP_SYN, "SYN"),
                            (TCP_FIN, "FIN"),
                            (TCP_RST, "RST"),
                            (TCP_ACK, "ACK"),
                        ];
                        let set: Vec<&str> = names
                            .into_iter()
                            .filter(|(bit, _)| flags & bit != 0)
                            .map(|(_, name)| name)
                            .collect();
                        format!("{}, seq {relative}, window {}", set.join(" "), segment.window)
                    }
                }
            }
            _ => {
                payload = detail.payload.len() as u64;
                told(packet, true).unwrap_or_else(|| format!("{} bytes", packet.length))
            }
        };
        self.add(
            is_plain,
            Step {
                at: packet.time_ns.and_then(|ns| Timestamp::from_nanosecond(ns.into()).ok()),
                offset_ns: packet.time_ns.zip(self.began_ns).map(|(now, began)| now - began),
                from_first,
                packets: 1,
                payload,
                again,
                text,
            },
        );
    }

    /// The sender's first sequence number, and whether these bytes were sent before.
    fn sequence(&mut self, from_first: bool, sequence: u32, length: u32) -> (u32, bool) {
        let sent = &mut self.sent[usize::from(!from_first)];
        let end = sequence.wrapping_add(length);
        let (first, next) = *sent.get_or_insert((sequence, sequence));
        let is_before = |a: u32, b: u32| (a.wrapping_sub(b) as i32) < 0;
        let is_again = length > 0 && is_before(sequence, next);
        if is_before(next, end) {
            *sent = Some((first, end));
        }
        (first, is_again)
    }

    /// Data and acknowledgments one after the other are one burst.
    fn add(&mut self, is_plain: bool, step: Step) {
        let steps = &mut self.ladder.steps;
        if let Some(last) = steps.last_mut()
            && is_plain
            && last.from_first == step.from_first
            && last.text == step.text
        {
            last.packets += 1;
            last.payload += step.payload;
            last.again += step.again;
        } else if steps.len() < MAX_STEPS {
            steps.push(step);
        } else {
            self.ladder.left_out += 1;
        }
    }
}

/// What the layers behind the transport header say, where that is told.
fn told(packet: &Packet<'_>, is_known: bool) -> Option<String> {
    if !is_known {
        return None;
    }
    let layers = dissect(packet.link, packet.bytes);
    let last = layers.iter().rev().find(|layer| layer.name != "data")?;
    let is_transport = matches!(&*last.name, "tcp" | "udp" | "udplite" | "sctp" | "ipv4" | "ipv6");
    (!is_transport).then(|| format!("{} {}", last.name, last.summary).trim_end().to_owned())
}
