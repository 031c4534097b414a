//! The shape that every action has: facts, plan, consent, run, verified outcome, words, and an
//! entry for the journal.
//!
//! The type that implements [`Action`] is the plan. Whoever runs one needs to know nothing else
//! about it: the `Any…` traits hide which action it is, and their blanket implementations mean
//! that a new action touches no place that runs, logs or repeats them.

use std::any::Any;
use std::fmt;

use super::guard::Consent;
use super::kill::Progress;
use crate::inspect::Error;
use crate::text::shell;

/// More things of one kind than this are counted in a sentence.
const MOST_SAID: usize = 3;

/// A plan of something that changes the system.
pub trait Action: fmt::Debug + Clone + Send + 'static {
    /// What came of it, verified.
    type Outcome: fmt::Debug + Clone + Send + 'static;

    /// What has to be typed where one yes is not enough.
    fn confirmation(&self) -> Option<Confirmation>;

    /// Why nothing would be done with this consent; `None` when something would.
    fn obstacle(&self, consent: Consent) -> Option<Obstacle>;

    /// Looks once more, acts, and verifies. Blocks. Fails only where nothing was done.
    fn run(&self, consent: Consent, tell: &mut dyn FnMut(Progress))
    -> Result<Self::Outcome, Error>;

    /// How much of what was wanted came of it.
    fn completion(&self, outcome: &Self::Outcome) -> Completion;

    /// What came of it, one part for each thing, the most important kind first.
    fn parts(&self, outcome: &Self::Outcome) -> Vec<Part>;

    /// The command line that would do it again, program first; `None` where there is none.
    fn command(&self, consent: Consent) -> Option<Vec<String>>;

    /// Why there is no such command line, as a clause, uncleaned.
    fn why_no_command(&self) -> Option<String> {
        None
    }

    /// The command line that undoes it, program first, where there is one.
    fn inverse(&self, _outcome: &Self::Outcome) -> Option<Vec<String>> {
        None
    }
}

/// What is asked for, before there is a plan.
pub trait Request: fmt::Debug + Send + 'static {
    /// The plan that comes of it.
    type Plan: Action;

    /// Gathers the facts and makes the plan. Blocks.
    fn prepare(&self) -> Result<Self::Plan, Error>;
}

/// A second agreement that a habit cannot give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// What has to be typed.
    pub typed: String,
    /// The question, uncleaned.
    pub question: String,
}

/// Why nothing would be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// One sentence without its end, uncleaned.
    pub sentence: String,
    /// Whether more rights would help.
    pub not_permitted: bool,
}

/// What came of an action, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// All that was wanted.
    Done,
    /// Less than that.
    Incomplete,
    /// More rights would have been needed.
    NotPermitted,
}

/// One thing that came of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What kind of thing.
    pub mark: Mark,
    /// A clause, uncleaned.
    pub text: String,
}

/// What kind of thing came of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It did what was wanted.
    Done,
    /// It happened without the action's doing.
    Beside,
    /// It was left alone.
    Spared,
    /// It did not do what was wanted.
    Failed,
}

impl Part {
    /// A part of this kind.
    pub fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self { mark, text: text.into() }
    }
}

/// A plan that was run.
#[derive(Clone, Debug)]
pub struct Done<A: Action> {
    /// The plan.
    pub plan: A,
    /// What was agreed to beyond it.
    pub consent: Consent,
    /// What came of it, or why nothing was done, uncleaned.
    pub outcome: Result<A::Outcome, String>,
}

impl<A: Action> Done<A> {
    /// Whether all that was wanted was done.
    pub fn is_success(&self) -> bool {
        let outcome = self.outcome.as_ref();
        outcome.is_ok_and(|outcome| self.plan.completion(outcome) == Completion::Done)
    }

    /// What came of it; that nothing was done is a part, too.
    pub fn parts(&self) -> Vec<Part> {
        match &self.outcome {
            Ok(outcome) => self.plan.parts(outcome),
            Err(why) => vec![Part::new(Mark::Failed, format!("nothing was done: {why}"))],
        }
    }

    /// The entry for the journal.
    pub fn entry(&self) -> Entry {
        let mut text = sentence(&self.parts());
        let command = self.plan.command(self.consent);
        if let (None, Some(why)) = (&command, self.plan.why_no_command()) {
            text.push_str(&format!("; no command line does the same from here: {why}"));
        }
        let undo = self.outcome.as_ref().ok().and_then(|outcome| self.plan.inverse(outcome));
        let line = |argv: Vec<String>| shell::line(&argv);
        Entry { text, ok: self.is_success(), command: command.map(line), undo: undo.map(line) }
    }
}

/// All parts in one line. Of many of a kind the first stands for the others.
fn sentence(parts: &[Part]) -> String {
    if parts.is_empty() {
        return "nothing was done".to_owned();
    }
    let mut clauses = Vec::new();
    for alike in parts.chunk_by(|a, b| a.mark == b.mark) {
        if alike.len() > MOST_SAID {
            clauses.push(format!("{}, and {} more so", alike[0].text, alike.len() - 1));
        } else {
            clauses.extend(alike.iter().map(|part| part.text.clone()));
        }
    }
    clauses.join("; ")
}

/// What the journal keeps of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was done and what came of it, uncleaned.
    pub text: String,
    /// Whether it did all that was wanted.
    pub ok: bool,
    /// The command line that does the same.
    pub command: Option<String>,
    /// The command line that undoes it.
    pub undo: Option<String>,
}

/// A request of whichever kind.
pub trait AnyRequest: Any + fmt::Debug + Send {
    /// [`Request::prepare`].
    fn prepare_any(&self) -> Result<Box<dyn AnyAction>, Error>;
}

impl<R: Request> AnyRequest for R {
    fn prepare_any(&self) -> Result<Box<dyn AnyAction>, Error> {
        Ok(Box::new(self.prepare()?))
    }
}

/// A plan of whichever kind.
pub trait AnyAction: Any + fmt::Debug + Send {
    /// [`Action::run`].
    fn run_any(
        self: Box<Self>,
        consent: Consent,
        tell: &mut dyn FnMut(Progress),
    ) -> Box<dyn AnyDone>;
}

impl<A: Action> AnyAction for A {
    fn run_any(
        self: Box<Self>,
        consent: Consent,
        tell: &mut dyn FnMut(Progress),
    ) -> Box<dyn AnyDone> {
        let outcome = self.run(consent, tell).map_err(|error| error.to_string());
        Box::new(Done { plan: *self, consent, outcome })
    }
}

/// A plan of whichever kind that was run.
pub trait AnyDone: Any + fmt::Debug + Send {
    /// [`Done::entry`].
    fn entry_any(&self) -> Entry;
}

impl<A: Action> AnyDone for Done<A> {
    fn entry_any(&self) -> Entry {
        self.entry()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_a_few_of_a_kind_and_counts_many() {
        let parts = |done, failed| -> Vec<Part> {
            let done = (0..done).map(|n| Part::new(Mark::Done, format!("closed {n}")));
            let failed = (0..failed).map(|n| Part::new(Mark::Failed, format!("kept {n}")));
            done.chain(failed).collect()
        };
        assert_eq!(sentence(&parts(2, 1)), "closed 0; closed 1; kept 0");
        assert_eq!(sentence(&parts(9, 1)), "closed 0, and 8 more so; kept 0");
        assert_eq!(sentence(&[]), "nothing was done");
    }
}
