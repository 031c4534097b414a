//! What programs in the kernel can tell here.

use super::HealthState::{Degraded, Unavailable};
use super::{Judge, gap, ready};
use crate::model::machine::{Ability, Capability};
use crate::sys::events;

impl Judge<'_> {
    pub(super) fn bpf(&self) -> Ability {
        let wanted = [Capability::Bpf, Capability::Perfmon];
        let effect = "owners come from /proc alone, connections shorter than a look are not seen, and \
                      events and trace do not run";
        let reason = if self.machine.linux.is_none() {
            "this platform has none"
        } else if !events::IS_BUILT {
            "not built into this sockpit (cargo feature bpf)"
        } else if !self.machine.btf {
            "this kernel has no type information (BTF) for it"
        } else if self.machine.linux.is_some_and(|version| version < (5, 12)) {
            "this kernel is older than 5.12"
        } else if self.machine.initial_user_namespace == Some(false) {
            "the kernel permits it outside of this user namespace alone"
        } else if self.has(&wanted) || self.has(&[Capability::SysAdmin]) {
            return self.bpf_by_version();
        } else {
            let reason = "cap_bpf and cap_perfmon are not in effect";
            return self.with_setcap(gap("bpf", Unavailable, reason, effect), &wanted);
        };
        gap("bpf", Unavailable, reason, effect)
    }

    /// What of BPF this kernel tells, where it may be asked.
    fn bpf_by_version(&self) -> Ability {
        const SINCE: [((u32, u32), &str); 3] =
            [((5, 17), "dropped packets"), ((6, 3), "UDP"), ((6, 10), "resets that are sent")];
        let version = self.machine.linux.unwrap_or_default();
        let untold: Vec<String> = SINCE
            .iter()
            .filter(|(since, _)| version < *since)
            .map(|((major, minor), what)| format!("{what} (needs Linux {major}.{minor})"))
            .collect();
        if untold.is_empty() {
            return ready(
                "bpf",
                "programs may be loaded: exact owners, sockpit events, sockpit trace",
            );
        }
        let reason = format!("this kernel does not tell of {}", untold.join(", "));
        gap("bpf", Degraded, reason, "sockpit events does not show them")
    }
}
