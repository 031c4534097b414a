//! What happens to each packet besides being counted: it is listed, and written to a file.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Args;
use crate::cli::{Failure, output};
use crate::collect::packets::{
    Each, FileWriter, Filter, Ladders, Packet, Sockets, WriteOptions, Written, packet_line,
};
use crate::model::document::Document;
use crate::sys::host;
use crate::text::{clean, ladder, packet, units};

const SCHEMA: &str = "sockpit.packet/1";
const LADDER: &str = "sockpit.ladder/1";
/// Cells of a ladder's lines.
const LADDER_WIDTH: usize = 82;

/// How packets are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Lines,
    Fields,
    /// A document a line.
    JsonLines {
        with_fields: bool,
    },
    /// One array of documents.
    Json {
        with_fields: bool,
    },
}

impl Form {
    fn of(args: &Args) -> Option<Self> {
        let with_fields = args.fields;
        if !args.list && !args.fields {
            return None;
        }
        Some(match (args.json, args.jsonl) {
            (true, _) => Self::Json { with_fields },
            (_, true) => Self::JsonLines { with_fields },
            _ if with_fields => Self::Fields,
            _ => Self::Lines,
        })
    }
}

/// What looks at packets, and what is to be done about it at the end.
pub(super) struct Look {
    writer: Option<(PathBuf, FileWriter)>,
    list: Option<Form>,
    ladders: Option<(Ladders, bool)>,
    /// Why the list ended early.
    broken: Arc<Mutex<Option<io::Error>>>,
}

impl Look {
    /// Whether anything does.
    pub(super) fn is_wanted(args: &Args) -> bool {
        args.list || args.fields || args.ladder || args.write.is_some()
    }

    /// Whether packets are listed in the place of a summary.
    pub(super) fn is_list(&self) -> bool {
        self.list.is_some() || self.ladders.is_some()
    }

    /// Begins, with the file before all else. `sockets` tell whose packets a live capture has, of
    /// each of which `snap_length` bytes come at most.
    pub(super) fn begin(
        args: &Args,
        filter: Option<&Filter>,
        snap_length: u32,
        sockets: Option<Sockets>,
    ) -> Result<(Self, Each), Failure> {
        let is_live = sockets.is_some();
        let mut all: Vec<Each> = Vec::new();
        let mut writer = None;
        if let Some(path) = &args.write {
            let options = WriteOptions {
                snap_length,
                filter: filter.map(|filter| filter.text().to_owned()),
                limit: args.max_size,
                sockets,
                waits: !is_live,
            };
            let (started, each) = open(path, options)?;
            writer = Some((path.clone(), started));
            all.push(each);
        }
        let list = Form::of(args);
        let broken = Arc::new(Mutex::new(None));
        if let Some(form) = list {
            let is_at_once = is_live || io::stdout().is_terminal();
            all.push(lister(form, is_at_once, Arc::clone(&broken)));
        }
        let ladders = args.ladder.then(|| (Ladders::default(), args.json));
        all.extend(ladders.as_ref().map(|(ladders, _)| ladders.each()));
        Ok((Self { writer, list, ladders, broken }, each_of(all)))
    }

    /// Has the packets written that wait for others to come.
    pub(super) fn flush(&self) {
        if let Some((_, writer)) = &self.writer {
            writer.flush();
        }
    }

    /// Ends the file and says what became of it.
    pub(super) fn finish(self, dropped: Option<u64>) -> Result<(), Failure> {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((path, writer)) = self.writer {
            let written = writer.finish(dropped);
            said(&path, &written)?;
        }
        if let Some((ladders, as_json)) = self.ladders {
            draw(&ladders, as_json)?;
        }
        broken.map_or(Ok(()), |error| Err(error.into()))
    }
}

fn open(path: &Path, options: WriteOptions) -> Result<(FileWriter, Each), Failure> {
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format!(
            "{} exists and is not overwritten; name another file, or remove it",
            path.display()
        )),
        _ => Failure::usage(format!("cannot write {}: {error}", path.display())),
    };
    let file = host::create_private(path).map_err(cannot)?;
    FileWriter::start(file, options)
        .map_err(|error| Failure::no(format!("cannot start a thread: {error}")))
}

fn said(path: &Path, written: &Written) -> Result<(), Failure> {
    let name = path.display();
    let what = format!(
        "{name}: {}, {}",
        units::counted(written.packets, "packet"),
        units::bytes(written.bytes)
    );
    let left_out = units::count(written.left_out);
    match &written.ended {
        Some(why) => Err(Failure::no(format!("{what}; {left_out} are not in it, as {why}"))),
        None if written.left_out > 0 => {
            Err(Failure::no(format!("{what}; {left_out} are not in it, as the disk was too slow")))
        }
        None => {
            note!("sockpit: {}", clean(&what));
            Ok(())
        }
    }
}

fn draw(ladders: &Ladders, as_json: bool) -> Result<(), Failure> {
    let (all, left_out) = ladders.take();
    if left_out > 0 {
        let left_out = units::count(left_out);
        note!("sockpit: {left_out} packets are of flows that are not drawn; --filter leaves fewer");
    }
    if as_json {
        return output::json_array(LADDER, &all);
    }
    let mut out = output::stdout();
    for (index, flow) in all.iter().enumerate() {
        let between = if index > 0 { "\n" } else { "" };
        write!(out, "{between}{}", ladder::lines(flow, LADDER_WIDTH))?;
    }
    out.flush()?;
    Ok(())
}

fn each_of(mut all: Vec<Each>) -> Each {
    Box::new(move |packet| {
        // One that ends does not keep the others from this packet.
        let mut flow = ControlFlow::Continue(());
        for each in &mut all {
            if each(packet).is_break() {
                flow = ControlFlow::Break(());
            }
        }
        flow
    })
}

/// Where lines go; what is open at the end is closed there.
struct Lines {
    out: BufWriter<io::Stdout>,
    form: Form,
    number: u64,
}

impl Lines {
    fn print(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        self.number += 1;
        let with_fields = match self.form {
            Form::Lines => false,
            Form::Fields => true,
            Form::JsonLines { with_fields } | Form::Json { with_fields } => with_fields,
        };
        let line = packet_line(packet, self.number, with_fields);
        match self.form {
            Form::Lines => writeln!(self.out, "{}", packet::line(&line)),
            Form::Fields => self.out.write_all(packet::fields(&line).as_bytes()),
            Form::JsonLines { .. } | Form::Json { .. } => {
                let between = match (self.form, self.number) {
                    (Form::Json { .. }, 1) => "[",
                    (Form::Json { .. }, _) => ",",
                    _ => "",
                };
                self.out.write_all(between.as_bytes())?;
                serde_json::to_writer(&mut self.out, &Document { schema: SCHEMA, body: &line })?;
                writeln!(self.out)
            }
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if matches!(self.form, Form::Json { .. }) {
            let end = if self.number == 0 { "[]" } else { "]" };
            // A reader that has gone was told of before.
            let _ = writeln!(self.out, "{end}");
        }
        let _ = self.out.flush();
    }
}

fn lister(form: Form, is_at_once: bool, broken: Arc<Mutex<Option<io::Error>>>) -> Each {
    let out = BufWriter::with_capacity(64 * 1024, io::stdout());
    let mut lines = Lines { out, form, number: 0 };
    Box::new(move |packet| {
        let mut printed = lines.print(packet);
        if is_at_once {
            printed = printed.and_then(|()| lines.out.flush());
        }
        match printed {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                ControlFlow::Break(())
            }
        }
    })
}
