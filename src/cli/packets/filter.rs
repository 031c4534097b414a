//! `--filter`: the expression, the names in it, and what may surprise about it.

use crate::cli::Failure;
use crate::collect::packets::{CaptureOptions, Filter, PassedOver, parse_filter};
use crate::model::packets::PacketCounts;
use crate::text::{clean, units};

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Filter, Failure> {
    parse_filter(text).map_err(|error| Failure::usage(format!("--filter: {error}")))
}

/// Puts it into what is captured, and says where it can match nothing.
pub(super) fn apply(filter: &Filter, options: &mut CaptureOptions) -> Result<(), Failure> {
    let program = filter.for_live();
    let program = program.map_err(|error| Failure::usage(format!("--filter: {error}")))?;
    // Most hosts have no interfaces of the other kinds; who names one may have.
    if !options.interfaces.is_empty() {
        for hint in program.hints() {
            note!("sockpit: --filter: {}", clean(hint));
        }
    }
    options.filter = Some(program);
    Ok(())
}

/// Says what may surprise about a filter that matched nothing.
pub(super) fn hint(counts: &PacketCounts, passed_over: PassedOver) {
    let Some(filter) = counts.filter.as_deref() else { return };
    if counts.total.packets > 0 || passed_over.packets == 0 {
        return;
    }
    let packets = units::count(passed_over.packets);
    let tagged = passed_over.tagged;
    if tagged > 0 && !filter.contains("vlan") {
        note!(
            "sockpit: --filter: none of {packets} packets matched; {} have a VLAN tag, behind which \
             a filter looks after \"vlan\" only: vlan and ({})",
            units::count(tagged),
            clean(filter)
        );
    } else {
        note!("sockpit: --filter: none of {packets} packets matched");
    }
}
