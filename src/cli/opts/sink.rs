//! Where reports go as they come: a listing of ten thousand sockets is never held as a whole.

use super::{Args, Body, SCHEMA, diff, show};
use crate::cli::output::{self, JsonArray};
use crate::cli::{Exit, Failure};
use crate::model::options::{OptionAccess, OptionsReport};
use crate::text::csv;

/// Takes reports one after the other.
pub(super) struct Sink {
    form: Form,
    count: usize,
    has_told: bool,
}

enum Form {
    Json(JsonArray),
    Text(show::Reports),
    /// A table of comma-separated values is one text.
    Csv(Vec<OptionsReport>),
    /// What is compared has to be there as a whole.
    Diff {
        reports: Vec<OptionsReport>,
        json: bool,
    },
}

impl Sink {
    /// As the arguments wish it.
    pub(super) fn new(args: &Args) -> Self {
        let form = match args {
            Args { diff: true, json, .. } => Form::Diff { reports: Vec::new(), json: *json },
            Args { json: true, .. } => Form::Json(JsonArray::new(SCHEMA)),
            Args { csv: true, .. } => Form::Csv(Vec::new()),
            _ => Form::Text(show::Reports::new(args.changed)),
        };
        Self { form, count: 0, has_told: false }
    }

    /// Takes the next.
    pub(super) fn push(&mut self, body: Body) -> Result<(), Failure> {
        self.count += 1;
        self.has_told |= body.report.access != OptionAccess::None;
        match &mut self.form {
            Form::Json(array) => array.push(&body)?,
            Form::Text(reports) => reports.push(&body.report)?,
            Form::Csv(reports) | Form::Diff { reports, .. } => reports.push(body.report),
        }
        Ok(())
    }

    /// Ends the output; `None` where nothing came.
    pub(super) fn end(self) -> Result<Option<Exit>, Failure> {
        match self.form {
            Form::Json(array) => array.end()?,
            Form::Text(reports) => reports.end()?,
            Form::Csv(reports) => output::csv(&csv::options(&reports))?,
            Form::Diff { reports, json } => {
                diff::show(&reports.iter().collect::<Vec<_>>(), json)?;
            }
        }
        let exit = if self.has_told { Exit::Yes } else { Exit::NotPermitted };
        Ok((self.count > 0).then_some(exit))
    }
}
