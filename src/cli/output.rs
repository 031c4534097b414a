//! Data on stdout: JSON documents with their schema first, and lines.

use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

use super::Failure;
use crate::model::document::Document;

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
    let documents: Vec<Document<'_, &T>> =
        bodies.iter().map(|body| Document { schema, body }).collect();
    let mut out = stdout();
    serde_json::to_writer(&mut out, &documents)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// A JSON array of documents of one schema, on one line, written as they come.
pub(super) struct JsonArray {
    out: BufWriter<StdoutLock<'static>>,
    schema: &'static str,
    is_begun: bool,
}

impl JsonArray {
    /// An array without any document.
    pub(super) fn new(schema: &'static str) -> Self {
        Self { out: stdout(), schema, is_begun: false }
    }

    /// Adds a document.
    pub(super) fn push<T: Serialize>(&mut self, body: &T) -> Result<(), Failure> {
        self.out.write_all(if self.is_begun { b"," } else { b"[" })?;
        self.is_begun = true;
        Ok(serde_json::to_writer(&mut self.out, &Document { schema: self.schema, body })?)
    }

    /// Ends it.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        self.out.write_all(if self.is_begun { b"]\n" } else { b"[]\n" })?;
        Ok(self.out.flush()?)
    }
}

/// Prints comma-separated values: lines of [`crate::text::csv`].
pub(super) fn csv(lines: &str) -> Result<(), Failure> {
    let mut out = stdout();
    out.write_all(lines.as_bytes())?;
    out.flush()?;
    Ok(())
}
