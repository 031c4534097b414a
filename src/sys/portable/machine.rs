//! What this machine permits, where only portable means are known.

use crate::model::machine::{Machine, Trial};

/// What can be told without the system's own interfaces.
pub fn look() -> Machine {
    let missing = || Trial::Missing("sockpit has none on this platform".to_owned());
    let program = std::env::current_exe().ok();
    Machine {
        kernel: std::env::consts::OS.to_owned(),
        linux: None,
        capabilities: None,
        obtainable: Vec::new(),
        ptrace_scope: None,
        hidepid: None,
        initial_pid_namespace: None,
        initial_user_namespace: None,
        namespaces: None,
        capture: missing(),
        btf: false,
        destroy: missing(),
        duplicate: missing(),
        name_servers: None,
        program: program.map(|path| path.to_string_lossy().into_owned()),
    }
}

/// Nothing but Linux has PID namespaces.
pub fn initial_pid_namespace() -> Option<bool> {
    None
}
