//! Asking keepers: each question once, and not too many.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::sys::command::{Limits, Program};

/// A keeper that does not answer in this time says nothing. Those that are written in Python or
/// for Node need seconds to begin with, where others use the processor.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(10), output_bytes: 4 << 20 };
/// Nothing is asked any more when this much time is gone.
const ALL_OF_THEM: Duration = Duration::from_secs(15);
/// Not more questions than this for one plan.
const MOST_QUESTIONS: usize = 32;
/// They tell by their exit code that something else of theirs is down.
const LENIENT: [&str; 2] = ["supervisorctl", "sv"];

/// A program that was asked: its full path, and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The program's full path.
    pub program: String,
    /// What it printed.
    pub text: String,
}

/// Asks a program, by its name, with these arguments. An error is a clause.
pub type Ask<'a> = dyn FnMut(&str, &[&str]) -> Result<Reply, String> + 'a;

/// Asks a program of this system's.
pub(super) fn system(program: &str, arguments: &[&str]) -> Result<Reply, String> {
    let found = Program::find(program).map_err(|error| error.to_string())?;
    let ran = found.run(arguments, LIMITS, &mut |_| {}).map_err(|error| error.to_string())?;
    if ran.timed_out {
        let seconds = LIMITS.timeout.as_secs();
        return Err(format!("{program} has not answered within {seconds} s"));
    }
    if ran.exit_code != Some(0) && !LENIENT.contains(&program) {
        let complaint = ran.stderr.lines().find(|line| !line.trim().is_empty());
        return Err(format!("{program} says: {}", complaint.unwrap_or("nothing, but fails")));
    }
    Ok(Reply { program: found.path().display().to_string(), text: ran.stdout })
}

/// Remembers what was answered.
pub(super) struct Asker<'a> {
    ask: &'a mut Ask<'a>,
    replies: HashMap<Vec<String>, Result<Reply, String>>,
    since: Instant,
}

impl<'a> Asker<'a> {
    pub(super) fn new(ask: &'a mut Ask<'a>) -> Self {
        Self { ask, replies: HashMap::new(), since: Instant::now() }
    }

    pub(super) fn ask(&mut self, program: &str, arguments: &[&str]) -> Result<Reply, String> {
        let question: Vec<String> =
            std::iter::once(&program).chain(arguments).map(|word| (*word).to_owned()).collect();
        if let Some(known) = self.replies.get(&question) {
            return known.clone();
        }
        if self.replies.len() >= MOST_QUESTIONS {
            return Err(format!("{MOST_QUESTIONS} other questions were asked already"));
        }
        if self.since.elapsed() > ALL_OF_THEM {
            let seconds = ALL_OF_THEM.as_secs();
            return Err(format!("others were asked for {seconds} s before it"));
        }
        let reply = (self.ask)(program, arguments);
        self.replies.insert(question, reply.clone());
        reply
    }
}

/// An argument vector.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
