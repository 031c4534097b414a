//! What is on screen, as a file: JSON in the shape of the command line's, or CSV.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::command::ExportFormat;
use super::label;
use crate::collect::ports::ledger;
use crate::model::health::Health;
use crate::model::options::OptionsReport;
use crate::model::owner::Unverified;
use crate::model::packets::PacketCounts;
use crate::model::probe::ProbeReport;
use crate::model::socket::Socket;
use crate::model::table::{EndedRow, SocketRow, Told};
use crate::text::{self, address, clean};

/// A file to be written. The rows are shared, so that the work is left to the worker.
#[derive(Debug)]
pub struct Export {
    /// What it holds.
    pub content: Content,
    /// How it is written.
    pub format: ExportFormat,
    /// When what it holds was on screen; part of the file's name.
    pub at: Timestamp,
}

/// What can be exported.
#[derive(Debug)]
pub enum Content {
    /// Rows of the socket table.
    Ports {
        /// In the order of the screen.
        rows: Vec<Arc<SocketRow>>,
        /// When the table was read.
        taken_at: Timestamp,
        /// Of this host.
        host: Arc<str>,
        /// Whether every process could be read.
        privileged: bool,
        /// Processes that are told from memory.
        unverified: Vec<Unverified>,
        /// How the sources fared.
        health: Vec<Health>,
    },
    /// Sockets that have ended.
    History {
        /// In the order of the screen.
        rows: Vec<Arc<EndedRow>>,
        /// When the table was read.
        taken_at: Timestamp,
        /// Of this host.
        host: Arc<str>,
        /// Ended sockets that no longer fit the history.
        forgotten: u64,
        /// How the sources fared.
        health: Vec<Health>,
    },
    /// Packet counts.
    Packets(Arc<PacketCounts>),
    /// Options of the selected socket.
    Options(Box<OptionsReport>),
    /// The tester's report.
    Probe(Box<ProbeReport>),
}

#[derive(Serialize)]
struct Document<'a, T> {
    schema: &'a str,
    #[serde(flatten)]
    body: T,
}

#[derive(Serialize)]
struct PortsBody<'a> {
    taken_at: Timestamp,
    host: &'a str,
    privileged: bool,
    sockets: Vec<Told<'a>>,
    health: &'a [Health],
}

#[derive(Serialize)]
struct HistoryBody<'a> {
    taken_at: Timestamp,
    host: &'a str,
    /// How many ended sockets are remembered at most.
    limit: usize,
    forgotten: u64,
    ended: Vec<Ended<'a>>,
    health: &'a [Health],
}

#[derive(Serialize)]
struct Ended<'a> {
    ended_at: Timestamp,
    /// From first sight to the end; at least so long did it live.
    seen_ms: Option<i64>,
    socket: &'a Socket,
}

impl<'a> Ended<'a> {
    fn of(ended: &'a EndedRow) -> Self {
        let socket = &ended.row.socket;
        let since = |first: Timestamp| ended.ended_at.as_millisecond() - first.as_millisecond();
        Self { ended_at: ended.ended_at, seen_ms: socket.first_seen.map(since), socket }
    }
}

const PORTS_HEAD: [&str; 7] = ["protocol", "local", "remote", "state", "pid", "name", "user"];

impl Export {
    /// `sockpit-ports-20261122T120431Z.json`.
    pub fn file_name(&self) -> String {
        let at = self.at.strftime("%Y%m%dT%H%M%SZ");
        format!("sockpit-{}-{at}.{}", self.content.name(), self.format.extension())
    }

    /// The file's text.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        match self.format {
            ExportFormat::Json => self.content.json(),
            ExportFormat::Csv => Ok(self.content.csv()),
        }
    }
}

impl Content {
    fn name(&self) -> &'static str {
        match self {
            Self::Ports { .. } => "ports",
            Self::History { .. } => "history",
            Self::Packets(_) => "packets",
            Self::Options(_) => "opts",
            Self::Probe(_) => "probe",
        }
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        let schema = format!("sockpit.{}/1", self.name());
        match self {
            Self::Ports { rows, taken_at, host, privileged, unverified, health } => document(
                &schema,
                PortsBody {
                    taken_at: *taken_at,
                    host,
                    privileged: *privileged,
                    sockets: rows
                        .iter()
                        .map(|row| Told { socket: &row.socket, unverified })
                        .collect(),
                    health,
                },
            ),
            Self::History { rows, taken_at, host, forgotten, health } => document(
                &schema,
                HistoryBody {
                    taken_at: *taken_at,
                    host,
                    limit: ledger::HISTORY,
                    forgotten: *forgotten,
                    ended: rows.iter().map(|row| Ended::of(row)).collect(),
                    health,
                },
            ),
            Self::Packets(counts) => document(&schema, &**counts),
            Self::Options(report) => document(&schema, report),
            Self::Probe(report) => document(&schema, report),
        }
    }

    fn csv(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Ports { rows, unverified, .. } => {
                line(&mut out, PORTS_HEAD);
                rows.iter().for_each(|row| line(&mut out, ports_cells(&row.socket, unverified)));
            }
            Self::History { rows, .. } => {
                let head = PORTS_HEAD.into_iter();
                line(&mut out, std::iter::once("ended_at").chain(head));
                for ended in rows {
                    let cells = ports_cells(&ended.row.socket, &[]);
                    line(&mut out, [ended.ended_at.to_string()].into_iter().chain(cells));
                }
            }
            Self::Packets(counts) => {
                line(&mut out, ["protocol", "a", "b", "packets", "bytes"]);
                for flow in &counts.flows {
                    let end = |end: crate::model::packets::FlowEnd| {
                        std::net::SocketAddr::new(end.addr, end.port).to_string()
                    };
                    let (packets, bytes) = (flow.count.packets, flow.count.bytes);
                    let numbers = [packets.to_string(), bytes.to_string()];
                    let [packets, bytes] = numbers;
                    line(
                        &mut out,
                        [flow.protocol.to_string(), end(flow.a), end(flow.b), packets, bytes],
                    );
                }
            }
            Self::Options(report) => {
                line(&mut out, ["level", "name", "value", "default", "source"]);
                for option in &report.options {
                    line(
                        &mut out,
                        [
                            option.level.clone(),
                            option.name.clone(),
                            text::options::value(option),
                            text::options::default_value(option),
                            option.source.clone().unwrap_or_default(),
                        ],
                    );
                }
            }
            Self::Probe(report) => {
                line(&mut out, ["seq", "address", "stage", "ok", "duration_us", "outcome"]);
                for attempt in &report.attempts {
                    for stage in &attempt.stages {
                        line(
                            &mut out,
                            [
                                attempt.seq.to_string(),
                                attempt.address.map(|a| a.to_string()).unwrap_or_default(),
                                stage.name.name().to_owned(),
                                stage.ok.to_string(),
                                stage.duration_us.to_string(),
                                attempt.verdict.outcome.name().to_owned(),
                            ],
                        );
                    }
                }
            }
        }
        out
    }
}

fn document<T: Serialize>(schema: &str, body: T) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string(&Document { schema, body })?;
    text.push('\n');
    Ok(text)
}

fn ports_cells(socket: &Socket, unverified: &[Unverified]) -> [String; 7] {
    let first = socket.owners.first();
    let about = match (Told { socket, unverified }).as_of(0) {
        Some(_) => "~",
        None => "",
    };
    [
        address::protocol(socket).to_owned(),
        label::local(socket, false),
        socket.remote.as_ref().map(|end| address::endpoint(end).to_string()).unwrap_or_default(),
        socket.state.name().to_owned(),
        first.map(|owner| format!("{about}{}", owner.process.pid)).unwrap_or_default(),
        label::name(socket).into_owned(),
        socket.user.as_deref().unwrap_or_default().to_owned(),
    ]
}

/// A line of RFC 4180. A leading `=`, `+`, `-` or `@` is quoted away, since spreadsheets take
/// such a cell for a formula.
fn line<S: AsRef<str>>(out: &mut String, cells: impl IntoIterator<Item = S>) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let cell = clean(cell.as_ref());
        let guard = if cell.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
        if guard.is_empty() && !cell.contains([',', '"']) {
            out.push_str(&cell);
        } else {
            out.push('"');
            out.push_str(guard);
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cannot_break_out_of_their_line_or_become_formulas() {
        let mut out = String::new();
        line(&mut out, ["a,b", "say \"x\"", "=1+1", "x\ny", "plain"]);
        assert_eq!(out, "\"a,b\",\"say \"\"x\"\"\",\"'=1+1\",x\u{FFFD}y,plain\r\n");
    }

    #[test]
    fn a_document_begins_with_its_schema() {
        let export = Export {
            content: Content::Ports {
                rows: Vec::new(),
                taken_at: Timestamp::UNIX_EPOCH,
                host: "h".into(),
                privileged: false,
                unverified: Vec::new(),
                health: Vec::new(),
            },
            format: ExportFormat::Json,
            at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(export.file_name(), "sockpit-ports-19700101T000000Z.json");
        let text = export.render().unwrap();
        assert!(text.starts_with(r#"{"schema":"sockpit.ports/1","taken_at""#), "{text}");
    }
}
