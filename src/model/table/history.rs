//! The rows that ended, newest first, and how ten thousand of them fit into little memory.
//!
//! Most are much alike: connections of one server differ by their ends, cookies and times. So all
//! but the newest are kept as what sets them apart from a socket that many share, and made whole
//! again when somebody asks. Only a row that comes back as it was is kept so.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::row::{EndedRow, SocketRow};
use crate::model::activity::{Rates, Stalled};
use crate::model::owner::Owner;
use crate::model::socket::{Endpoint, Protocol, Socket, SocketId, SocketKey, SocketMemory, Timer};
use crate::model::tcp::TcpInfo;

/// So many of the newest rows are kept whole: they are on screen.
const WHOLE: usize = 500;

/// So many sockets are tried for what a row has in common with others.
const PATTERNS: usize = 12;

/// Rows that ended, newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<EndedRow>", into = "Vec<EndedRow>")]
pub struct History {
    rows: VecDeque<Kept>,
    /// What rows have in common, the last used first.
    patterns: Vec<Arc<Socket>>,
}

#[derive(Clone, Debug)]
enum Kept {
    Whole(Arc<EndedRow>),
    Slim(Arc<Slim>),
}

/// An IP end without a name or a zone.
type End = Option<(IpAddr, u16)>;

/// A row as what sets it apart from its pattern.
#[derive(Debug)]
struct Slim {
    pattern: Arc<Socket>,
    cookie: u64,
    inode: Option<u64>,
    local: End,
    remote: End,
    recv_q: Option<u32>,
    send_q: Option<u32>,
    timer: Option<Timer>,
    memory: Option<SocketMemory>,
    rates: Option<Rates>,
    stalled: Option<Box<Stalled>>,
    tcp: Option<Box<TcpInfo>>,
    owners: Box<[Owner]>,
    first_seen: Option<Moment>,
    changed_at: Option<Moment>,
    observed_at: Moment,
    ended_at: Moment,
    appeared: bool,
}

/// A time in nanoseconds since 1970, which fit until 2262. In two halves, so that it may lie at
/// any place and an [`Option`] of it takes 12 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment([u32; 2]);

impl Moment {
    fn of(time: Timestamp) -> Option<Self> {
        let nanoseconds = i64::try_from(time.as_nanosecond()).ok()? as u64;
        Some(Self([(nanoseconds >> 32) as u32, nanoseconds as u32]))
    }

    fn time(self) -> Timestamp {
        let Self([high, low]) = self;
        let nanoseconds = (u64::from(high) << 32 | u64::from(low)) as i64;
        Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or_default()
    }
}

impl History {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing has ended.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every row, newest first.
    pub fn iter(&self) -> impl Iterator<Item = Arc<EndedRow>> + '_ {
        self.rows.iter().map(Kept::whole)
    }

    /// The row that ended with this key.
    pub fn find(&self, key: SocketKey) -> Option<Arc<EndedRow>> {
        self.rows.iter().find(|kept| kept.key() == key).map(Kept::whole)
    }

    /// Adds the one that ended last.
    pub fn push_front(&mut self, row: Arc<EndedRow>) {
        self.rows.push_front(Kept::Whole(row));
        if let Some(Kept::Whole(row)) = self.rows.get(WHOLE) {
            let row = Arc::clone(row);
            if let Some(slim) = self.slim(&row) {
                self.rows[WHOLE] = Kept::Slim(Arc::new(slim));
            }
        }
    }

    /// Adds one that ended before all others.
    pub fn push_back(&mut self, row: Arc<EndedRow>) {
        self.rows.push_back(Kept::Whole(row));
    }

    /// Forgets the one that ended first.
    pub fn pop_back(&mut self) -> bool {
        self.rows.pop_back().is_some()
    }

    /// The row as what sets it apart, unless it would come back as another one.
    fn slim(&mut self, ended: &EndedRow) -> Option<Slim> {
        let socket = &ended.row.socket;
        let may_be = |pattern: &Socket| {
            (pattern.family, pattern.protocol, pattern.state)
                == (socket.family, socket.protocol, socket.state)
        };
        for place in 0..self.patterns.len() {
            let pattern = &self.patterns[place];
            if may_be(pattern)
                && let Some(slim) = Slim::of(ended, pattern)
            {
                self.patterns[..=place].rotate_right(1);
                return Some(slim);
            }
        }
        let pattern = Arc::new(common(socket));
        let slim = Slim::of(ended, &pattern)?;
        self.patterns.truncate(PATTERNS - 1);
        self.patterns.insert(0, pattern);
        Some(slim)
    }
}

/// What other rows may have in common with this socket.
fn common(socket: &Socket) -> Socket {
    Socket {
        cookie: None,
        inode: None,
        local: Endpoint::default(),
        remote: None,
        recv_q: None,
        send_q: None,
        timer: None,
        memory: None,
        rates: None,
        stalled: None,
        tcp: None,
        owners: Vec::new(),
        first_seen: None,
        ..socket.clone()
    }
}

impl Slim {
    fn of(ended: &EndedRow, pattern: &Arc<Socket>) -> Option<Self> {
        let SocketRow { socket, changed_at, appeared, observed_at, .. } = &*ended.row;
        let end = |end: &Endpoint| Some((end.addr?, end.port?));
        let slim = Self {
            pattern: Arc::clone(pattern),
            cookie: socket.cookie?,
            inode: socket.inode,
            local: end(&socket.local),
            remote: socket.remote.as_ref().and_then(end),
            recv_q: socket.recv_q,
            send_q: socket.send_q,
            timer: socket.timer,
            memory: socket.memory,
            rates: socket.rates,
            stalled: socket.stalled.clone(),
            tcp: socket.tcp.clone(),
            owners: socket.owners.clone().into(),
            first_seen: socket.first_seen.and_then(Moment::of),
            changed_at: changed_at.and_then(Moment::of),
            observed_at: Moment::of(*observed_at)?,
            ended_at: Moment::of(ended.ended_at)?,
            appeared: *appeared,
        };
        (slim.whole() == *ended).then_some(slim)
    }

    fn whole(&self) -> EndedRow {
        let end = |(addr, port): (IpAddr, u16)| Endpoint::ip(addr, port);
        let socket = Socket {
            cookie: Some(self.cookie),
            inode: self.inode,
            local: self.local.map(end).unwrap_or_default(),
            remote: self.remote.map(end),
            recv_q: self.recv_q,
            send_q: self.send_q,
            timer: self.timer,
            memory: self.memory,
            rates: self.rates,
            stalled: self.stalled.clone(),
            tcp: self.tcp.clone(),
            owners: self.owners.to_vec(),
            first_seen: self.first_seen.map(Moment::time),
            ..Socket::clone(&self.pattern)
        };
        let row = SocketRow {
            key: self.key(),
            socket,
            changed_at: self.changed_at.map(Moment::time),
            appeared: self.appeared,
            observed_at: self.observed_at.time(),
        };
        EndedRow { row: Arc::new(row), ended_at: self.ended_at.time() }
    }

    /// The key of a socket whose cookie is its own; of any other it is a wrong one, and the row
    /// stays whole.
    fn key(&self) -> SocketKey {
        let is_own = self.pattern.protocol != Protocol::Mptcp;
        let id = if is_own { SocketId::Cookie(self.cookie) } else { SocketId::Tuple(0) };
        SocketKey { netns: self.pattern.netns, id }
    }
}

impl Kept {
    fn key(&self) -> SocketKey {
        match self {
            Self::Whole(ended) => ended.row.key,
            Self::Slim(slim) => slim.key(),
        }
    }

    fn whole(&self) -> Arc<EndedRow> {
        match self {
            Self::Whole(ended) => Arc::clone(ended),
            Self::Slim(slim) => Arc::new(slim.whole()),
        }
    }
}

impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Extend<Arc<EndedRow>> for History {
    fn extend<I: IntoIterator<Item = Arc<EndedRow>>>(&mut self, rows: I) {
        self.rows.extend(rows.into_iter().map(Kept::Whole));
    }
}

impl FromIterator<Arc<EndedRow>> for History {
    fn from_iter<I: IntoIterator<Item = Arc<EndedRow>>>(rows: I) -> Self {
        let mut history = Self::default();
        history.extend(rows);
        history
    }
}

impl<const N: usize> From<[Arc<EndedRow>; N]> for History {
    fn from(rows: [Arc<EndedRow>; N]) -> Self {
        rows.into_iter().collect()
    }
}

impl From<Vec<Arc<EndedRow>>> for History {
    fn from(rows: Vec<Arc<EndedRow>>) -> Self {
        rows.into_iter().collect()
    }
}

impl From<Vec<EndedRow>> for History {
    fn from(rows: Vec<EndedRow>) -> Self {
        rows.into_iter().map(Arc::new).collect()
    }
}

impl From<History> for Vec<EndedRow> {
    fn from(history: History) -> Self {
        history.iter().map(|row| EndedRow::clone(&row)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::owner::{Ownership, Process};
    use crate::model::socket::{Family, State, TimerKind};

    fn at(second: i64) -> Timestamp {
        Timestamp::new(1_700_000_000 + second, 123_456_789).unwrap()
    }

    fn ended(socket: Socket, second: i64) -> Arc<EndedRow> {
        let row = SocketRow {
            key: socket.key(),
            socket,
            changed_at: (second % 2 == 0).then(|| at(second)),
            appeared: second % 3 == 0,
            observed_at: at(second),
        };
        Arc::new(EndedRow { row: Arc::new(row), ended_at: at(second + 1) })
    }

    /// The connection of a number: every other one is held, the rest waits out its time.
    fn connection(number: u64) -> Socket {
        let port = 32_768 + (number % 20_000) as u16;
        let held = number.is_multiple_of(2);
        let state = if held { State::Established } else { State::TimeWait };
        let local = Endpoint::ip([127, 0, 0, 1], port);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, state, local);
        socket.netns = Some(4_026_531_840);
        socket.remote = Some(Endpoint::ip([127, 0, 0, 1], 80));
        socket.cookie = Some(number);
        socket.service = Some("http".into());
        socket.first_seen = Some(at(number as i64));
        (socket.recv_q, socket.send_q) = (Some(0), Some(number as u32));
        if held {
            socket.inode = Some(90_000 + number);
            socket.ownership = Ownership::OWNED;
            let process = Arc::new(Process::named(7, 1, "nginx"));
            socket.owners = vec![Owner::new(Some(number as i32), process)];
            socket.tcp =
                Some(Box::new(TcpInfo { rtt_us: Some(number as u32), ..TcpInfo::default() }));
        } else {
            socket.inode = Some(0);
            socket.ownership = Ownership::kernel("time_wait");
            socket.timer =
                Some(Timer { kind: TimerKind::TimeWait, expires_ms: number as u32, unanswered: 0 });
        }
        socket
    }

    fn is_slim(kept: &Kept) -> bool {
        matches!(kept, Kept::Slim(_))
    }

    #[test]
    fn old_rows_take_little_and_come_back_as_they_were() {
        let rows: Vec<_> = (0..3_000).map(|n| ended(connection(n), n as i64)).collect();
        let mut history = History::default();
        rows.iter().for_each(|row| history.push_front(Arc::clone(row)));
        assert_eq!(history.len(), rows.len());
        assert!(history.iter().eq(rows.iter().rev().cloned()));
        assert_eq!(history.rows.iter().filter(|kept| is_slim(kept)).count(), rows.len() - WHOLE);
        assert!(history.patterns.len() <= 2, "{}", history.patterns.len());
        for number in [0, 1, 2_499, 2_500, 2_999] {
            let row = &rows[number];
            assert_eq!(history.find(row.row.key).as_ref(), Some(row));
        }
        assert_eq!(history.find(connection(3_000).key()), None);
        // A whole row takes 750 bytes with its two allocations.
        assert!(size_of::<Slim>() <= 256, "{}", size_of::<Slim>());
        assert!(history.pop_back());
        assert_eq!(history.iter().last(), Some(Arc::clone(&rows[1])));
    }

    #[test]
    fn what_would_not_come_back_the_same_stays_whole() {
        let mut zoned = connection(1);
        zoned.local.scope = Some("eth0".into());
        let mut named = connection(2);
        named.local = Endpoint::unix("/run/app.sock");
        let mut without_cookie = connection(3);
        without_cookie.cookie = None;
        let mut mptcp = connection(5);
        mptcp.protocol = Protocol::Mptcp;
        let odd: Vec<_> = [zoned, named, without_cookie, mptcp]
            .into_iter()
            .map(|socket| ended(socket, 9))
            .collect();
        let mut history = History::default();
        odd.iter().for_each(|row| history.push_front(Arc::clone(row)));
        (10..10 + WHOLE as u64).for_each(|n| history.push_front(ended(connection(n), 9)));
        assert!(!history.rows.iter().skip(WHOLE).any(is_slim));
        assert!(history.iter().skip(WHOLE).eq(odd.iter().rev().cloned()));
    }

    #[test]
    fn many_kinds_of_rows_are_no_trouble() {
        let mut history = History::default();
        let rows: Vec<_> = (0..2_000)
            .map(|number| {
                let mut socket = connection(number);
                socket.uid = Some((number % 40) as u32);
                ended(socket, number as i64)
            })
            .collect();
        rows.iter().for_each(|row| history.push_front(Arc::clone(row)));
        assert!(history.iter().eq(rows.iter().rev().cloned()));
        assert_eq!(history.patterns.len(), PATTERNS);
    }
}
