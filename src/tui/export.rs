//! What is on screen, as a file: JSON in the shape of the command line's, or CSV.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::command::ExportFormat;
use crate::collect::ports::ledger;
use crate::model::document::Document;
use crate::model::drops::Drops;
use crate::model::health::Health;
use crate::model::options::OptionsReport;
use crate::model::owner::Unverified;
use crate::model::packets::PacketCounts;
use crate::model::probe::ProbeReport;
use crate::model::socket::Socket;
use crate::model::table::{EndedRow, SocketRow, Told};
use crate::text::column::Column;
use crate::text::csv::{self, Sockets};

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
        /// The columns of CSV.
        columns: Vec<Column>,
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
        /// The columns of CSV, behind the moment of the end.
        columns: Vec<Column>,
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
    /// Dropped packets and resets.
    Drops(Arc<Drops>),
    /// Options of the selected socket.
    Options(Box<OptionsReport>),
    /// The tester's report.
    Probe(Box<ProbeReport>),
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
            Self::Drops(_) => "drops",
            Self::Options(_) => "opts",
            Self::Probe(_) => "probe",
        }
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        let schema = format!("sockpit.{}/1", self.name());
        match self {
            Self::Ports { rows, taken_at, host, privileged, unverified, health, .. } => {
                let sockets: Vec<_> = rows.iter().map(|row| row.as_of(*taken_at)).collect();
                let told = sockets.iter().map(|socket| Told { socket, unverified });
                document(
                    &schema,
                    PortsBody {
                        taken_at: *taken_at,
                        host,
                        privileged: *privileged,
                        sockets: told.collect(),
                        health,
                    },
                )
            }
            Self::History { rows, taken_at, host, forgotten, health, .. } => document(
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
            Self::Drops(drops) => document(&schema, &**drops),
            Self::Options(report) => document(&schema, report),
            Self::Probe(report) => document(&schema, report),
        }
    }

    fn csv(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Ports { rows, columns, taken_at, unverified, .. } => {
                let table = Sockets { columns, now: *taken_at, unverified };
                table.head(&mut out, &[]);
                rows.iter().for_each(|row| table.line(&mut out, &[], &row.as_of(*taken_at)));
            }
            Self::History { rows, columns, .. } => {
                let head = Sockets { columns, now: Timestamp::UNIX_EPOCH, unverified: &[] };
                head.head(&mut out, &["ended_at"]);
                for EndedRow { ended_at, row } in rows.iter().map(|ended| &**ended) {
                    let table = Sockets { now: *ended_at, ..head };
                    table.line(&mut out, &[&ended_at.to_string()], &row.socket);
                }
            }
            Self::Packets(counts) => out = csv::flows(counts),
            Self::Drops(drops) => out = csv::drops(drops),
            Self::Options(report) => out = csv::options([&**report]),
            Self::Probe(report) => out = csv::stages(report),
        }
        out
    }
}

fn document<T: Serialize>(schema: &str, body: T) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string(&Document { schema, body })?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_begins_with_its_schema() {
        let export = Export {
            content: Content::Ports {
                rows: Vec::new(),
                columns: Vec::new(),
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
