//! Data on stdout: JSON documents with their schema first, and lines.

use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

use super::Failure;

/// A document of the JSON contract: `schema` comes first, then the body's own fields.
#[derive(Serialize)]
struct Document<'a, T> {
    schema: &'a str,
    #[serde(flatten)]
    body: &'a T,
}

/// stdout with a large buffer; flush it before returning, so that a closed pipe is noticed.
pub(super) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(64 * 1024, io::stdout().lock())
}

/// Prints `body` as one JSON document of `schema`, on one line.
pub(super) fn json<T: Serialize>(schema: &str, body: &T) -> Result<(), Failure> {
    let mut out = stdout();
    serde_json::to_writer(&mut out, &Document { schema, body })?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// Prints `bodies` as one JSON array of documents of `schema`, on one line.
pub(super) fn json_array<T: Serialize>(schema: &str, bodies: &[T]) -> Result<(), Failure> {
    let documents: Vec<Document<'_, T>> =
        bodies.iter().map(|body| Document { schema, body }).collect();
    let mut out = stdout();
    serde_json::to_writer(&mut out, &documents)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}
