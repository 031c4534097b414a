//! `sockpit explain TOPIC`.

use std::io::Write;

use serde::Serialize;

use super::{Exit, Failure, output};
use crate::text::{clean, explain};

const SCHEMA: &str = "sockpit.explain/1";

/// More names than this are not offered.
const MOST_OFFERED: usize = 8;

/// What to explain.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sockpit explain                  the list of pages
  sockpit explain TIME_WAIT
  sockpit explain SO_LINGER
  sockpit explain WSAECONNRESET

Exit code: 0 there is a page, 1 there is none.")]
pub struct Args {
    /// A page, a TCP state, a socket option, an error by name or number, or a port.
    topic: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    topic: &'a str,
    text: &'a str,
    source: &'a str,
}

/// Explains.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let name = args.topic.join(" ");
    let mut out = output::stdout();
    if name.is_empty() {
        write!(out, "{}", explain::contents())?;
        out.flush()?;
        return Ok(Exit::Yes);
    }
    let Some(found) = explain::topic(&name) else {
        let similar = explain::similar(&name);
        let hint = match similar.is_empty() {
            true => "`sockpit explain` lists the pages".to_owned(),
            false => format!("perhaps {}", similar[..similar.len().min(MOST_OFFERED)].join(", ")),
        };
        return Err(Failure::no(format!("nothing is known about `{name}`: {hint}")));
    };
    if args.json {
        let body = Body { topic: &found.topic, text: &found.text, source: &found.source };
        output::json(SCHEMA, &body)?;
        return Ok(Exit::Yes);
    }
    writeln!(out, "{}\n", found.topic)?;
    for line in found.text.lines() {
        writeln!(out, "{}", clean(line))?;
    }
    writeln!(out, "\nSource: {}", found.source)?;
    out.flush()?;
    Ok(Exit::Yes)
}
