//! What the configured name servers say by themselves: for the records behind a name that the
//! system has resolved, and for the reason of one that it has not.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::conversation::Line;
use super::dialogue::{Exchange, dns};
use super::outfit::Outfit;
use super::plan::unguessable;
use super::quiet;
use super::transport::udp;
use crate::model::dialogue::{Answer, DnsAnswer, DnsRecord};
use crate::model::probe::ResolveSource;

const CONFIGURATION: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";
/// A longer file is not read on.
const LONGEST: usize = 4 * 1024 * 1024;
/// The resolver itself asks no more than these (resolv.conf(5), MAXNS).
const MOST_SERVERS: usize = 3;
/// For records that are only told beside the addresses, nobody waits longer.
const RECORDS: Duration = Duration::from_millis(250);
/// For the reason of a failure.
const REASON: Duration = Duration::from_millis(1_500);

/// What one name server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// An answer with this code.
    Code(String),
    /// Nothing listens there.
    Closed,
    /// Nothing.
    Silence,
    /// It could not be asked.
    Unasked(String),
}

/// What is known of a name beside its addresses.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) server: Option<SocketAddr>,
    pub(super) source: Option<ResolveSource>,
    pub(super) records: Vec<DnsRecord>,
}

fn servers() -> Vec<SocketAddr> {
    let Ok(text) = fs::read_to_string(CONFIGURATION) else { return Vec::new() };
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let addresses = lines.filter_map(|rest| rest.trim().parse::<IpAddr>().ok());
    addresses.map(|address| SocketAddr::new(address, 53)).take(MOST_SERVERS).collect()
}

/// Whether the hosts file has the name.
fn is_in_hosts(name: &str) -> bool {
    let Ok(text) = fs::read_to_string(HOSTS) else { return false };
    let name = name.trim_end_matches('.');
    text.get(..text.len().min(LONGEST)).unwrap_or_default().lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default();
        line.split_whitespace().skip(1).any(|it| it.eq_ignore_ascii_case(name))
    })
}

/// The records of a name that has addresses; empty where they cannot be had in a moment.
pub(super) async fn records(name: &str) -> Records {
    if is_in_hosts(name) {
        return Records { source: Some(ResolveSource::Hosts), ..Records::default() };
    }
    let Some(server) = servers().into_iter().next() else { return Records::default() };
    let (v4, v6) =
        tokio::join!(ask(server, name, "A", RECORDS), ask(server, name, "AAAA", RECORDS));
    let answers = [v4, v6].into_iter().filter_map(Result::ok);
    let mut records: Vec<DnsRecord> = Vec::new();
    for record in answers.flat_map(|answer| answer.answers) {
        if !records.contains(&record) {
            records.push(record);
        }
    }
    match records.is_empty() {
        true => Records::default(),
        false => Records { server: Some(server), source: Some(ResolveSource::Dns), records },
    }
}

/// What each configured name server says about a name that could not be resolved.
pub(super) async fn reasons(name: &str) -> Vec<(SocketAddr, Said)> {
    let mut told = Vec::new();
    for server in servers() {
        let said = match ask(server, name, "A", REASON).await {
            Ok(answer) => Said::Code(answer.rcode),
            Err(said) => said,
        };
        told.push((server, said));
    }
    told
}

async fn ask(
    server: SocketAddr,
    name: &str,
    kind: &str,
    patience: Duration,
) -> Result<DnsAnswer, Said> {
    let id = (unguessable() & 0xffff) as u16;
    let question = dns::Question::new(name, kind, id).map_err(Said::Unasked)?;
    let socket =
        udp::open(server, &Outfit::default()).map_err(|error| Said::Unasked(error.to_string()))?;
    let mut line = Line::Datagrams(socket);
    let quiet = quiet::hold(&mut line, &Exchange::Dns(question), patience).await;
    match (quiet.answer, quiet.error) {
        (Some(Answer::Dns(answer)), _) => Ok(answer),
        (_, Some(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err(Said::Closed),
        (_, Some(error)) => Err(Said::Unasked(error.to_string())),
        _ => Err(Said::Silence),
    }
}
