//! A DNS message as facts.

use hickory_proto::op::{Message, ResponseCode};

use crate::model::dialogue::{DnsAnswer, DnsRecord};
use crate::wire::dissect::response_code;

/// The most records that are kept.
const MOST: usize = 100;

/// The most of a record's data that is kept.
const MOST_DATA: usize = 4096;

/// The facts of a message of so many bytes, to a question that was sent so often.
pub(super) fn answer(message: &Message, bytes: usize, sent: u32) -> DnsAnswer {
    let records = message.answers.iter().take(MOST);
    let answers = records
        .map(|record| {
            let mut data = record.data.to_string();
            data.truncate(data.floor_char_boundary(MOST_DATA));
            DnsRecord {
                name: record.name.to_string(),
                kind: record.record_type().to_string(),
                data,
                ttl_s: record.ttl,
            }
        })
        .collect();
    DnsAnswer {
        rcode: rcode(message.metadata.response_code),
        flags: flags(message),
        answers,
        answers_omitted: message.answers.len().saturating_sub(MOST) as u64,
        authority: message.authorities.len() as u64,
        bytes: bytes as u64,
        sent,
    }
}

fn flags(message: &Message) -> Vec<String> {
    let header = &message.metadata;
    let all = [
        ("aa", header.authoritative),
        ("tc", header.truncation),
        ("rd", header.recursion_desired),
        ("ra", header.recursion_available),
        ("ad", header.authentic_data),
        ("cd", header.checking_disabled),
    ];
    all.iter().filter(|(_, set)| *set).map(|(name, _)| (*name).to_owned()).collect()
}

/// The name of a response code, or its number.
fn rcode(code: ResponseCode) -> String {
    let number = u16::from(code);
    response_code(number).map_or_else(|| format!("RCODE{number}"), str::to_owned)
}
