//! What an untouched socket would tell, and whether a difference means that somebody set it.

use crate::catalog::sockopts::{Compare, Entry};
use crate::model::options::SocketOption;
use crate::sys::options::{Answers, Fresh, Reading, SocketKind, fresh_options};

use super::{WANTED, decode, index_of};

/// `tcpi_state` of linux/tcp.h.
const TCP_CLOSE: u8 = 7;
const TCP_LISTEN: u8 = 10;
/// Where `tcpi_segs_out` begins in `struct tcp_info`.
const SEGS_OUT_AT: usize = 136;

/// The options of a fresh socket of the same kind.
pub(super) struct Defaults {
    answers: Answers,
    /// Whether it was made in the network namespace of the socket that is looked at, so that
    /// what sysctls give counts too.
    same_netns: bool,
}

/// What decides whether a difference means anything.
pub(super) struct Situation {
    tcp: bool,
    /// Whether there is a peer, or was one.
    connected: bool,
    /// SO_BUF_LOCK: which buffers were set by hand; `None` before kernel 5.14.
    buffers_set: Option<i64>,
}

impl Defaults {
    /// By a fresh socket in sockpit's own network namespace, or else in that of `pid`.
    pub(super) fn of(reading: &Reading, pid: u32, netns: Option<u64>) -> Self {
        let here = fresh_options(reading.kind, None, &WANTED).ok();
        let same = |fresh: &Fresh| match (fresh.netns_cookie, reading.netns_cookie) {
            (Some(fresh), Some(cookie)) => fresh == cookie,
            _ => netns.is_some() && fresh.netns == netns,
        };
        if here.as_ref().is_some_and(same) {
            return Self::from_fresh(here, true);
        }
        let there = fresh_options(reading.kind, Some(pid), &WANTED).ok().filter(same);
        match there {
            Some(_) => Self::from_fresh(there, true),
            None => Self::from_fresh(here, false),
        }
    }

    /// For a socket of which only the kind and the namespace are known.
    pub(super) fn of_kind(kind: Option<SocketKind>, netns: Option<u64>) -> Self {
        let here = kind.and_then(|kind| fresh_options(kind, None, &WANTED).ok());
        let same = here.as_ref().is_some_and(|fresh| netns.is_some() && fresh.netns == netns);
        Self::from_fresh(here, same)
    }

    fn from_fresh(fresh: Option<Fresh>, same_netns: bool) -> Self {
        Self { answers: fresh.map(|fresh| fresh.answers).unwrap_or_default(), same_netns }
    }

    /// Fills in default, changed and source of the option at `index` of those that are read.
    pub(super) fn judge(
        &self,
        index: usize,
        entry: &Entry,
        situation: &Situation,
        option: &mut SocketOption,
    ) {
        let sysctl = entry.default_source(situation.tcp);
        match entry.compare {
            Compare::Never => return,
            Compare::Unconnected if situation.connected => {
                option.source = Some("the connection decides".to_owned());
                return;
            }
            Compare::Autotuned if situation.is_autotuned(entry) => {
                option.source = Some(match sysctl {
                    Some(sysctl) => format!("autotuned within {sysctl}"),
                    None => "autotuned".to_owned(),
                });
                return;
            }
            _ => {}
        }
        if sysctl.is_some() && !self.same_netns {
            option.source = sysctl.map(|sysctl| format!("{sysctl} of its network namespace"));
            return;
        }
        let raw = self.answers.get(index).and_then(Option::as_deref);
        option.default = raw.and_then(|raw| decode::value(entry, raw));
        option.changed = option.default.as_ref().map(|default| *default != option.value);
        option.source = Some(sysctl.unwrap_or("kernel constant").to_owned());
    }
}

impl Situation {
    pub(super) fn of(reading: &Reading) -> Self {
        let answer = |name| {
            let index = index_of(name)?;
            reading.answers.get(index)?.as_deref()
        };
        let tcp_info: Option<&[u8]> = answer("TCP_INFO");
        let buffers_set = answer("SO_BUF_LOCK")
            .and_then(|raw| Some(i64::from(i32::from_ne_bytes(raw.try_into().ok()?))));
        Self {
            tcp: tcp_info.is_some(),
            connected: tcp_info.map_or(reading.remote.is_some(), was_connected),
            buffers_set,
        }
    }

    /// For a socket of which only its row is known.
    pub(super) fn of_row(tcp: bool, connected: bool) -> Self {
        Self { tcp, connected, buffers_set: None }
    }

    /// Only TCP tunes its buffers, only with a peer, and not what was set by hand.
    fn is_autotuned(&self, entry: &Entry) -> bool {
        let lock = if entry.name == "SO_SNDBUF" { 1 } else { 2 };
        self.tcp && self.connected && self.buffers_set.is_none_or(|set| set & lock == 0)
    }
}

/// Whether a TCP socket has or had a peer, by its TCP_INFO: a connection that was reset is in
/// CLOSE again, with what it learnt.
pub(super) fn was_connected(tcp_info: &[u8]) -> bool {
    let segments = tcp_info.get(SEGS_OUT_AT..SEGS_OUT_AT + 4);
    match tcp_info.first() {
        Some(&TCP_LISTEN) => false,
        Some(&TCP_CLOSE) => segments.is_some_and(|bytes| bytes != [0; 4]),
        _ => true,
    }
}
