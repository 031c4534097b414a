//! The targets that the configuration has for the tester.

use super::Failure;
use crate::config::Config;
use crate::probe::Target;

/// By name; the first that is none is an error that names its line.
pub fn saved_targets(config: &Config) -> Result<Vec<(String, Target)>, Failure> {
    let read = |named: &crate::config::Named| {
        let target = named.text.parse::<Target>();
        target.map(|target| (named.name.clone(), target)).map_err(|error| {
            Failure::usage(config.wrong_target(&named.name, error.to_string()).to_string())
        })
    };
    config.targets.iter().map(read).collect()
}
