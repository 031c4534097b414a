//! Setting options of a live socket of another program: planned, guarded, done through a duplicate
//! of its descriptor, read back, and with the command line that undoes it.

mod effect;
mod plan;
mod words;

use super::{Action, Completion, Confirmation, Consent, Obstacle, Part, Progress};
use crate::catalog::sockopts;
use crate::inspect::Error;
use crate::inspect::options::Inspector;
use crate::model::options::OptionValue;
use crate::model::set::{SetOutcome, SetPlan, SetResult};
use crate::model::socket::Socket;
use crate::model::tree::ProcessTree;
use crate::sys;
use crate::sys::options::{Meant, Setting, set_options};

pub use crate::catalog::sockopts::wish::Wish;
pub use plan::plan;

/// Setting options of one socket.
#[derive(Clone, Debug)]
pub struct Request {
    /// The socket, owners included.
    pub socket: Socket,
    /// What is wished, in this order.
    pub wishes: Vec<Wish>,
}

impl super::Request for Request {
    type Plan = SetPlan;

    fn prepare(&self) -> Result<SetPlan, Error> {
        let report = Inspector::default().options(&self.socket)?;
        plan(&report, &self.wishes, std::process::id(), &tree()?)
    }
}

/// Every process that can be seen, for the guard.
pub fn tree() -> Result<ProcessTree, Error> {
    sys::process::tree()
}

impl Action for SetPlan {
    type Outcome = SetOutcome;

    fn confirmation(&self) -> Option<Confirmation> {
        let why = self.protected.as_deref()?;
        Some(Confirmation {
            typed: self.pid.to_string(),
            question: format!("Process {} is protected ({why}). Type its pid", self.pid),
        })
    }

    fn obstacle(&self, consent: Consent) -> Option<Obstacle> {
        words::obstacle(self, consent)
    }

    /// A millisecond.
    fn run(&self, _: Consent, _: &mut dyn FnMut(Progress)) -> Result<SetOutcome, Error> {
        let mut settings = Vec::new();
        for change in &self.changes {
            let found = sockopts::find(&change.name);
            let setting = found.and_then(|(level, entry)| {
                Some(Setting {
                    level: level.number,
                    number: entry.number,
                    value: entry.bytes_of(&change.asked)?,
                    length: entry.length(),
                })
            });
            let no_bytes = || Error::unsupported(format!("setting {}", change.name), NO_BYTES);
            settings.push(setting.ok_or_else(no_bytes)?);
        }
        let meant = Meant { cookie: self.socket.cookie, inode: self.socket.inode };
        let told = set_options(self.tid.unwrap_or(self.pid), self.fd, meant, &settings)?;
        let done = self.changes.iter().zip(told);
        let mut set: Vec<SetResult> =
            done.map(|(change, told)| effect::result(self, change, &told)).collect();
        set.extend(self.refused.iter().map(effect::not_tried));
        let (socket, shared_with) = (self.socket.clone(), self.shared_with.clone());
        Ok(SetOutcome { socket, shared_with, set })
    }

    fn completion(&self, outcome: &SetOutcome) -> Completion {
        words::completion(outcome)
    }

    fn parts(&self, outcome: &SetOutcome) -> Vec<Part> {
        words::parts(outcome)
    }

    fn command(&self, consent: Consent) -> Option<Vec<String>> {
        let wish = |name: &str, value: &OptionValue| {
            let (_, entry) = sockopts::find(name)?;
            Some(format!("{name}={}", entry.write_value(value)))
        };
        let mut argv = words::command(self.pid, self.fd);
        argv.extend(self.changes.iter().filter_map(|change| wish(&change.name, &change.asked)));
        argv.extend((consent.protected && self.protected.is_some()).then(|| "--protected".into()));
        (!self.changes.is_empty()).then_some(argv)
    }

    fn inverse(&self, outcome: &SetOutcome) -> Option<Vec<String>> {
        words::inverse(self, outcome)
    }
}

const NO_BYTES: &str = "its value cannot be written for the kernel";
