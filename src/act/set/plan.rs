//! What setting would do, worked out from the options that were read.

use super::{Wish, words};
use crate::act::guard;
use crate::catalog::sockopts::{self, Early, Entry, Read, SetWhen};
use crate::inspect::Error;
use crate::model::options::{OptionAccess, OptionsReport};
use crate::model::owner::{Owner, Through};
use crate::model::set::{PlannedSet, RefusedSet, SetPlan, Sharer};
use crate::model::socket::{Socket, State};
use crate::model::tree::ProcessTree;

/// The plan for one socket whose options were read.
///
/// [`Error::NotPermitted`] where the options could not be read either: what may not be duplicated
/// may not be set.
pub fn plan(
    report: &OptionsReport,
    wishes: &[Wish],
    own_pid: u32,
    tree: &ProcessTree,
) -> Result<SetPlan, Error> {
    let socket = &report.socket;
    let what = || format!("set options of {}", crate::act::close::describe(socket));
    if report.access != OptionAccess::Full {
        let reason = report.reason.as_deref().unwrap_or("its descriptor cannot be duplicated");
        return Err(Error::not_permitted(what(), reason));
    }
    let mut holders = socket
        .owners
        .iter()
        .filter(|owner| owner.fd.is_some() && !matches!(owner.through, Through::IoUring { .. }));
    let Some(holder) = holders.next() else {
        return Err(Error::unsupported(what(), "no descriptor of it is known"));
    };
    let others = socket.owners.iter().filter(|owner| !std::ptr::eq(*owner, holder));
    let pid = holder.process.pid;
    let mut plan = SetPlan {
        socket: socket.clone(),
        pid,
        fd: holder.fd.unwrap_or(-1),
        tid: match holder.through {
            Through::Thread { tid } => Some(tid),
            _ => None,
        },
        shared_with: others.map(sharer).collect(),
        buffer_lock: report
            .options
            .iter()
            .find(|option| option.name == "SO_BUF_LOCK")
            .map(|option| option.value.clone()),
        changes: Vec::new(),
        refused: Vec::new(),
        steps: Vec::new(),
        warnings: Vec::new(),
        protected: guard::process(pid, own_pid, tree).map(str::to_owned),
    };
    for wish in wishes {
        let Some((_, entry)) = sockopts::find(&wish.name) else { continue };
        let option = report.options.iter().find(|option| option.name == wish.name);
        let (name, asked) = (wish.name.clone(), wish.value.clone());
        let writable = option.is_some_and(|option| option.writable);
        match why_not(entry, socket, option.is_some(), writable) {
            Some(why) => plan.refused.push(RefusedSet { name, asked, why }),
            None => {
                let before = option.map(|option| option.value.clone());
                plan.warnings.extend(warnings(entry, socket));
                plan.changes.push(PlannedSet { name, asked, before });
            }
        }
    }
    plan.steps = words::steps(&plan);
    plan.warnings.extend(words::sharing(&plan));
    Ok(plan)
}

fn sharer(owner: &Owner) -> Sharer {
    Sharer { pid: owner.process.pid, name: owner.process.name.to_string(), fd: owner.fd }
}

/// Why an option is not set, as a clause.
fn why_not(entry: &Entry, socket: &Socket, is_there: bool, writable: bool) -> Option<String> {
    if let Some(refused) = &entry.refused {
        return Some(format!("sockpit does not set it on another program's socket: {refused}"));
    }
    if entry.read != Read::Pure {
        let why = "it cannot be read back without taking something away or telling a key";
        return Some(why.to_owned());
    }
    if !is_there {
        return Some(format!("a {} socket has no such option", socket.protocol.name()));
    }
    if writable {
        return None;
    }
    Some(match entry.set_when {
        SetWhen::Unbound if entry.writable => "it is taken before bind only".to_owned(),
        SetWhen::Closed if entry.writable => {
            "it is taken before connect and listen only".to_owned()
        }
        SetWhen::Unconnected if entry.writable => "it is taken before connect only".to_owned(),
        SetWhen::Connected if entry.writable => "it is taken once connected only".to_owned(),
        _ if entry.writable => {
            format!("the kernel takes it on no {} socket", socket.protocol.name())
        }
        _ => "the kernel sets it; programs can only read it".to_owned(),
    })
}

/// What the user should weigh about one option.
fn warnings(entry: &Entry, socket: &Socket) -> Vec<String> {
    let connected = socket.remote.is_some();
    let late = match entry.early {
        Some(Early::Bind) if socket.local.port.is_some_and(|port| port != 0) => Some("bind"),
        Some(Early::Listen) if connected || socket.state == State::Listen => Some("listen"),
        Some(Early::Connect) if connected => Some("connect"),
        _ => None,
    };
    let name = &entry.name;
    let late = late.map(|call| {
        format!("{name} only matters before {call}: set now, it changes nothing for this socket")
    });
    let mistake = entry.mistake.as_ref().map(|mistake| format!("{name}: {mistake}"));
    let lasting = words::has_no_way_back(name, socket)
        .then(|| format!("{name} cannot be unset again on this socket: nothing undoes it"));
    late.into_iter().chain(mistake).chain(lasting).collect()
}
