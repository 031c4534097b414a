//! Options for people: the changed ones first, each with its default beside it.

use std::io::{self, BufWriter, StdoutLock, Write};

use crate::cli::output;
use crate::model::options::{ChangedBy, OptionAccess, OptionsReport, SocketOption};
use crate::model::socket::Socket;
use crate::text::options as words;
use crate::text::table::{Column, Table};
use crate::text::units;
use crate::text::{address, clean};

/// Prints one report.
pub(super) fn one(report: &OptionsReport, only_changed: bool) -> io::Result<()> {
    let mut reports = Reports::new(only_changed);
    reports.push(report)?;
    reports.end()
}

/// Prints several, an empty line between them.
pub(super) struct Reports {
    out: BufWriter<StdoutLock<'static>>,
    only_changed: bool,
    /// Reasons, and how many sockets have nothing else to tell.
    bare: Vec<(String, usize)>,
    written: usize,
}

impl Reports {
    /// None yet.
    pub(super) fn new(only_changed: bool) -> Self {
        Self { out: output::stdout(), only_changed, bare: Vec::new(), written: 0 }
    }

    /// The next.
    pub(super) fn push(&mut self, report: &OptionsReport) -> io::Result<()> {
        // Many connections in TIME_WAIT have the same nothing to tell.
        let is_bare = report.access != OptionAccess::Full && report.findings.is_empty();
        if let (true, true, Some(reason)) = (self.only_changed, is_bare, &report.reason)
            && report.options.is_empty()
        {
            match self.bare.iter_mut().find(|(of, _)| of == reason) {
                Some((_, count)) => *count += 1,
                None => self.bare.push((reason.clone(), 1)),
            }
            return Ok(());
        }
        if self.written > 0 {
            writeln!(self.out)?;
        }
        self.written += 1;
        write(report, self.only_changed, &mut self.out)
    }

    /// What was only counted, at the end.
    pub(super) fn end(mut self) -> io::Result<()> {
        for (reason, count) in &self.bare {
            let sockets = if *count == 1 { "1 socket".into() } else { format!("{count} sockets") };
            writeln!(self.out, "{sockets} more: {}", clean(reason))?;
        }
        self.out.flush()
    }
}

fn write(report: &OptionsReport, only_changed: bool, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", heading(&report.socket))?;
    if let Some(reason) = &report.reason {
        writeln!(out, "not all options could be read: {}", clean(reason))?;
    }
    if let Some(model) = &report.io_model {
        writeln!(out, "I/O model: {}", words::io_model(model))?;
    }
    for finding in &report.findings {
        writeln!(out, "! {}", clean(&finding.text))?;
        if let Some(evidence) = &finding.evidence {
            let fix = finding.fix.as_deref().unwrap_or_default();
            writeln!(out, "    {}; better: {}", clean(evidence), clean(fix))?;
        }
    }
    if report.options.is_empty() && only_changed {
        return writeln!(out, "no option differs from the default");
    }
    table(&report.options).write(out)?;
    details(&report.options, out)?;
    if let Some(words) = words::hidden(report).filter(|_| !only_changed) {
        writeln!(out, "{words}")?;
    }
    Ok(())
}

/// What does not go into a line of the table: reasons, remarks, and TCP_INFO by its groups.
fn details(options: &[SocketOption], out: &mut impl Write) -> io::Result<()> {
    for option in options {
        let name = clean(&option.name);
        if let Some(why) = &option.why
            && option.changed_by != Some(ChangedBy::Inherited)
        {
            writeln!(out, "{name}: {}", clean(why))?;
        }
        if let Some(note) = &option.note {
            writeln!(out, "{name}: {}", clean(note))?;
        }
    }
    let grouped = options.iter().filter(|option| words::is_long(option));
    for option in grouped {
        writeln!(out, "{}", clean(&option.name))?;
        for (group, words) in words::groups(option) {
            writeln!(out, "  {group:8} {words}")?;
        }
    }
    Ok(())
}

fn table(options: &[SocketOption]) -> Table {
    let mut table = Table::new(vec![
        Column::left("CHANGED BY"),
        Column::left("OPTION"),
        Column::left("VALUE"),
        Column::left("DEFAULT"),
        Column::left("DEFAULT FROM"),
        Column::left("ABOUT"),
    ]);
    for option in words::in_order(options) {
        table.push(row(option));
    }
    table
}

fn row(option: &SocketOption) -> [String; 6] {
    let changed = match (option.changed_by, option.changed) {
        (Some(by), _) => by.name(),
        (None, Some(true)) => "changed",
        (None, Some(false)) => "",
        (None, None) => units::UNKNOWN,
    };
    [
        changed.to_owned(),
        clean(&option.name).into_owned(),
        if words::is_long(option) { "below".to_owned() } else { words::value(option) },
        if words::is_long(option) { units::UNKNOWN.into() } else { words::default_value(option) },
        option.source.as_deref().map_or(String::new(), |source| clean(source).into_owned()),
        clean(&option.about).into_owned(),
    ]
}

/// `tcp4 127.0.0.1:8080 LISTEN  python3 4242 fd 3`.
pub(super) fn heading(socket: &Socket) -> String {
    let to = match &socket.remote {
        Some(_) => format!(" to {}", address::remote(socket)),
        None => String::new(),
    };
    let held = match &socket.owners[..] {
        [] => socket.ownership.kind.name().to_owned(),
        [owner, rest @ ..] => {
            let fd = owner.fd.map_or(String::new(), |fd| format!(" fd {fd}"));
            let more = if rest.is_empty() { String::new() } else { format!(" +{}", rest.len()) };
            format!("{} {}{fd}{more}", clean(&owner.process.name), owner.process.pid)
        }
    };
    let (protocol, state) = (address::protocol(socket), socket.state.name());
    format!("{protocol} {}{to} {state}  {held}", address::local(socket))
}
