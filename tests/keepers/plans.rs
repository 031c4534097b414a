//! What sockpit plans in a box, and what comes of it when its words are taken at their word.

use std::process::Output;

use serde_json::Value;

use crate::booted::Booted;
use crate::support::wait_for;

/// The plan of `sockpit kill PORT --dry-run`.
#[derive(Debug)]
pub(crate) struct Plan(Value);

/// The words before a command that does what was asked for, and no more.
const NARROW: &str = "this stops only that: ";

impl Booted {
    /// What `sockpit kill` would do about a port.
    pub(crate) fn plan(&self, port: u16) -> Plan {
        let output = self.sockpit(&["kill", &port.to_string(), "--dry-run", "--json"]);
        let mut document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:?}"));
        Plan(document["plan"].take())
    }

    /// Does what the plan for a port names as stopping only its holder, and `sockpit why` as well:
    /// runs that very line, and waits for the port to be silent.
    pub(crate) fn follow(&self, port: u16, keeper: &str) -> Plan {
        let plan = self.plan(port);
        let command = plan.narrow_of(keeper);
        self.why_says(port, &command);
        // It would ask whoever types it.
        let agreed = if command.starts_with("sockpit kill ") { " --yes" } else { "" };
        self.sh(&format!("{command}{agreed}"));
        let said = format!("{port} to be silent after `{command}`");
        wait_for(&said, || self.ask(port).is_none_or(|said| said.is_empty()).then_some(()));
        plan
    }

    /// Fails unless `sockpit why` has the command for one of its keepers.
    #[track_caller]
    fn why_says(&self, port: u16, command: &str) {
        let lines = self.remedies(port, "keeper");
        assert!(lines.contains(&command.replace('\'', "")), "{command}: {lines:?}");
    }

    /// Fails if `sockpit why` has a command that stops more than the holder.
    #[track_caller]
    pub(crate) fn why_offers_no_stop(&self, port: u16) {
        let lines = self.remedies(port, "");
        assert!(!lines.iter().any(|line| line.contains(" stop ")), "{lines:?}");
    }

    /// The commands of `sockpit why` in findings of a kind, or in all.
    fn remedies(&self, port: u16, kind: &str) -> Vec<String> {
        let output = self.sockpit(&["why", &port.to_string(), "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let findings = report["findings"].as_array().unwrap().iter();
        let meant = findings.filter(|finding| kind.is_empty() || finding["kind"] == kind);
        let remedies = meant.flat_map(|finding| finding["remedies"].as_array().unwrap());
        let line = |remedy: &Value| {
            let argv = remedy["argv"].as_array().unwrap().iter();
            argv.map(|word| word.as_str().unwrap()).collect::<Vec<&str>>().join(" ")
        };
        remedies.map(line).collect()
    }

    /// `sockpit kill PORT --yes` and its exit code, which is not checked.
    pub(crate) fn kill(&self, arguments: &[&str]) -> Output {
        self.sockpit(&[&["kill", "--yes"], arguments].concat())
    }
}

impl Plan {
    fn warnings(&self) -> Vec<&str> {
        let warnings = self.0["warnings"].as_array().unwrap();
        warnings.iter().map(|warning| warning.as_str().unwrap()).collect()
    }

    /// Whether one of the lines to be weighed has these words.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.warnings().iter().any(|warning| warning.contains(words))
    }

    /// Fails unless one of the lines to be weighed has these words.
    #[track_caller]
    pub(crate) fn must_say(&self, words: &str) {
        assert!(self.says(words), "not said: {words}\n{:#?}", self.warnings());
    }

    /// The keeper whose name begins so.
    #[track_caller]
    pub(crate) fn keeper(&self, name: &str) -> &Value {
        let keepers = self.0["keepers"].as_array().unwrap();
        let found = keepers.iter().find(|it| it["name"].as_str().unwrap().starts_with(name));
        found.unwrap_or_else(|| panic!("no {name} in {keepers:#?}"))
    }

    /// The first line that tells of a keeper.
    pub(crate) fn first(&self) -> &str {
        let is_told =
            |line: &&str| line.contains("start it again") || line.contains("starts it again");
        self.warnings().into_iter().find(is_told).unwrap_or_default()
    }

    /// How many of the lines to be weighed name this.
    pub(crate) fn count(&self, words: &str) -> usize {
        self.warnings().iter().filter(|warning| warning.contains(words)).count()
    }

    /// Whether one of the keepers has a name that begins so.
    pub(crate) fn has_keeper(&self, name: &str) -> bool {
        let keepers = self.0["keepers"].as_array().unwrap();
        keepers.iter().any(|keeper| keeper["name"].as_str().unwrap().starts_with(name))
    }

    /// The commands that are said to stop the holder and nothing else, as they are printed; each
    /// once.
    pub(crate) fn narrow(&self) -> Vec<String> {
        let lines = self.warnings().into_iter().filter_map(|line| line.split_once(NARROW));
        let commands = lines.map(|(_, command)| command.trim_end_matches('.').to_owned());
        let mut commands: Vec<String> = commands.collect();
        commands.dedup();
        commands
    }

    /// The one narrow command, which must be that of the keeper whose name begins so.
    #[track_caller]
    fn narrow_of(&self, keeper: &str) -> String {
        let narrow = self.narrow();
        let [command] = &*narrow else { panic!("{narrow:?} in {:#?}", self.warnings()) };
        let stop = self.keeper(keeper)["stop"].as_array();
        let stop = stop.unwrap_or_else(|| panic!("{keeper} has no command: {:#?}", self.0));
        let words = stop.iter().map(|word| word.as_str().unwrap());
        let words: Vec<&str> = words.filter(|word| *word != "--no-ask-password").collect();
        assert_eq!(words.join(" "), command.replace('\'', ""));
        command.clone()
    }

    /// Whether the only victim needs a confirmation of its own.
    pub(crate) fn is_protected(&self) -> bool {
        self.0["protected"].as_bool().unwrap()
    }
}
