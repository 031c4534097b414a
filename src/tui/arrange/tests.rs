use super::*;
use crate::model::activity::Rates;
use crate::model::peer::{Peer, PeerOwner};
use crate::model::socket::{Endpoint, Family, Protocol, Socket};
use crate::text::column::Column;
use crate::tui::fixture::{ended, key_of, process, row, rows, table, tcp, wall};

fn arrange(table: SocketTable) -> Arrange {
    Arrange {
        table: Arc::new(table),
        filter: None,
        hidden: Tables::NONE,
        sort: Sort::default(),
        group: None,
        processes: None,
        keep: None,
        before: None,
        now: wall(0.0),
        own: 7,
    }
}

fn filter(text: &str) -> Option<Arc<Query>> {
    Some(Arc::new(Query::parse(text).unwrap()))
}

fn keys(arranged: &Arranged) -> Vec<SocketKey> {
    arranged.rows().map(|view| view.row.key).collect()
}

fn cookies(arranged: &Arranged) -> Vec<u64> {
    let cookie = |key: SocketKey| match key.id {
        crate::model::socket::SocketId::Cookie(cookie) => cookie,
        crate::model::socket::SocketId::Tuple(tuple) => tuple,
    };
    keys(arranged).into_iter().map(cookie).collect()
}

#[test]
fn sorted_by_protocol_rows_stay_in_the_documented_order() {
    let arranged = Arrange {
        sort: Sort { by: Some(Column::Proto), reverse: false },
        ..arrange(table(rows()))
    }
    .run();
    assert_eq!(cookies(&arranged), [1, 2, 3, 4, 5, 6]);
    assert_eq!((arranged.total(), arranged.matched, arranged.shown.listeners), (6, 6, 4));
}

/// A connection, quiet or with something unread.
fn connection(cookie: u64, unread: u32) -> Arc<SocketRow> {
    let mut socket = tcp(State::Established, [10, 0, 0, 5], 1_000 + cookie as u16);
    socket.remote = Some(Endpoint::ip([10, 0, 0, 9], 443));
    socket.recv_q = Some(unread);
    row(cookie, socket)
}

#[test]
fn what_matters_leads() {
    let mut all = rows();
    all.extend([connection(11, 0), connection(12, 9)]);
    let own =
        crate::tui::fixture::owned(tcp(State::Listen, [127, 0, 0, 1], 1), process(7, "sockpit"));
    all.push(row(13, own));
    let arranged = arrange(table(all)).run();
    // Servers, who talks, the rest, TIME_WAIT, sockpit itself.
    assert_eq!(cookies(&arranged), [1, 2, 3, 5, 6, 12, 11, 4, 13]);
    let keys: Vec<GroupKey> = arranged.groups().iter().map(|group| group.key).collect();
    assert_eq!(keys, [GroupKey::Own], "one socket in TIME_WAIT stands for itself");
}

#[test]
fn a_row_moves_up_at_once_and_down_after_a_while() {
    let at = |seconds: f64, before: Option<Arranged>, unread| {
        let rows = vec![connection(11, 0), connection(12, unread), connection(13, 0)];
        let before = before.map(Arc::new);
        Arrange { before, now: wall(seconds), ..arrange(table(rows)) }.run()
    };
    let first = at(0.0, None, 0);
    assert_eq!(cookies(&first), [11, 12, 13]);
    let talks = at(1.0, Some(first), 5);
    assert_eq!(cookies(&talks), [12, 11, 13]);
    let silent = at(20.0, Some(talks), 0);
    assert_eq!(cookies(&silent), [12, 11, 13]);
    // The very same rows: time alone has passed.
    let table = Arc::clone(&silent.table);
    let later = Arrange {
        table,
        before: Some(Arc::new(silent)),
        now: wall(30.9),
        ..arrange(table_of(&[]))
    };
    let still = later.run();
    assert_eq!(cookies(&still), [12, 11, 13]);
    let table = Arc::clone(&still.table);
    let later =
        Arrange { table, before: Some(Arc::new(still)), now: wall(31.1), ..arrange(table_of(&[])) };
    assert_eq!(cookies(&later.run()), [11, 12, 13]);
}

fn table_of(rows: &[Arc<SocketRow>]) -> SocketTable {
    table(rows.to_vec())
}

#[test]
fn sockets_in_time_wait_are_one_line_a_port_until_it_is_unfolded() {
    let waiting = |cookie, port| {
        let mut socket = tcp(State::TimeWait, [10, 0, 0, 5], port);
        socket.remote = Some(Endpoint::ip([10, 0, 0, 9], cookie as u16));
        row(cookie, socket)
    };
    let rows =
        vec![waiting(21, 80), waiting(22, 80), waiting(23, 80), waiting(24, 81), connection(11, 0)];
    let arranged = Arc::new(arrange(table(rows)).run());
    let mut folds = Folds::default();
    let mut listing = Listing::new(Arc::clone(&arranged), &mut folds);
    // The connection, the lonely one, and a line for three.
    assert_eq!(listing.len(), 3);
    let Some(Line::Header(group)) = listing.line(2) else { panic!("{:?}", listing.line(2)) };
    assert_eq!((group.key, group.all.sockets), (GroupKey::TimeWait(80), 3));
    assert_eq!(listing.rows_of(group, &folds).count(), 3, "an action means all of them");
    assert!(matches!(listing.line(0), Some(Line::Row(_))));
    assert_eq!(listing.line_of_row(4), Some(2), "a folded row is at its header");
    assert_eq!(listing.above(1), None);
    folds.set(GroupKey::TimeWait(80), false);
    listing.fold(&folds);
    assert_eq!(listing.len(), 6);
    assert_eq!(listing.line_of_row(4), Some(5));
    assert_eq!(listing.above(5), Some(2));
    folds.set_all(true);
    listing.fold(&folds);
    assert_eq!(listing.len(), 3);
    folds.set_all(false);
    listing.fold(&folds);
    assert_eq!(listing.len(), 6, "unfolding all unfolds these, too");
}

#[test]
fn every_column_sorts_both_ways_and_the_unknown_comes_last() {
    let diverse = diverse(&mut Dice(1), 0..200);
    for by in Column::ALL {
        for reverse in [false, true] {
            let sort = Sort { by: Some(by), reverse };
            let arranged = Arrange { sort, ..arrange(table(diverse.clone())) }.run();
            let keys: Vec<_> = arranged.rows().map(|view| by.key(&view.row.socket)).collect();
            let known = keys.iter().take_while(|key| key.is_some()).count();
            assert!(keys[known..].iter().all(Option::is_none), "{by:?} {reverse}");
            let in_order = keys[..known]
                .windows(2)
                .all(|pair| if reverse { pair[0] >= pair[1] } else { pair[0] <= pair[1] });
            assert!(in_order, "{by:?} {reverse}");
            assert_eq!(arranged.len(), 200);
            // Few connections have a window that is told, and fewer one that is shut.
            let least = if matches!(by, Column::Window | Column::Shut) { 1 } else { 20 };
            assert!(known > least, "{by:?} is hardly ever known here");
        }
    }
}

#[test]
fn names_sort_by_their_letters_beyond_the_eighth_too() {
    let named = |cookie, name: &str| {
        let socket = tcp(State::Listen, [127, 0, 0, 1], 1000 + cookie as u16);
        row(cookie, crate::tui::fixture::owned(socket, process(1, name)))
    };
    let table = table(vec![named(1, "postgres: b"), named(2, "postgres: a"), named(3, "b")]);
    let sort = Sort { by: Some(Column::Name), reverse: false };
    assert_eq!(cookies(&Arrange { sort, ..arrange(table) }.run()), [3, 2, 1]);
}

#[test]
fn a_filter_lets_its_rows_through_and_the_kept_one() {
    let all = rows();
    let keep = Some(Kept { row: Arc::clone(&all[0]), ended_at: None });
    let work = Arrange { filter: filter("port:8080"), keep, ..arrange(table(all)) };
    let arranged = work.run();
    assert_eq!(cookies(&arranged), [1, 3, 4]);
    assert_eq!((arranged.matched, arranged.kept), (2, Some(0)));
}

#[test]
fn rows_for_which_a_fact_is_missing_are_counted_apart() {
    let work = Arrange { filter: filter("name:nginx"), ..arrange(table(rows())) };
    let arranged = work.run();
    assert_eq!(cookies(&arranged), [5]);
    assert_eq!((arranged.matched, arranged.undecided), (1, 1));
}

#[test]
fn an_ended_row_is_in_no_state_that_a_filter_may_ask_for() {
    let mut all = rows();
    let gone = all.remove(1);
    let mut table = table(all);
    table.ended.push_back(ended(&gone, -1.0));
    for (text, lists) in [
        ("port:5432", true),
        ("state:listen", false),
        ("!state:listen", true),
        ("backlog:0", false),
    ] {
        let arranged = Arrange { filter: filter(text), ..arrange(table.clone()) }.run();
        assert_eq!(cookies(&arranged).contains(&2), lists, "{text}");
    }
}

#[test]
fn ended_rows_stay_at_their_place_for_some_seconds() {
    let mut all = rows();
    let (second, third) = (all.remove(1), all.remove(1));
    let mut table = table(all);
    table.ended.extend([ended(&second, -1.0), ended(&third, -30.0)]);
    let arranged = arrange(table).run();
    assert_eq!(cookies(&arranged), [1, 2, 5, 6, 4]);
    let marks: Vec<bool> = arranged.rows().map(|view| view.ended_at.is_some()).collect();
    assert_eq!(marks, [false, true, false, false, false]);
    assert_eq!((arranged.total(), arranged.matched), (4, 4));
}

#[test]
fn the_kept_row_stays_even_when_nobody_remembers_it() {
    let mut all = rows();
    let gone = all.remove(2);
    let keep = Some(Kept { row: gone, ended_at: Some(wall(-100.0)) });
    let arranged = Arrange { keep, ..arrange(table(all)) }.run();
    assert_eq!(arranged.kept, Some(2));
    let view = arranged.row(2).unwrap();
    assert_eq!((view.row.key, view.ended_at), (key_of(3), Some(wall(-100.0))));
}

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.roll(3) > 0).then(|| value(self))
    }
}

/// Rows with every kind of value known and unknown, in canonical order.
fn diverse(dice: &mut Dice, cookies: std::ops::Range<u64>) -> Vec<Arc<SocketRow>> {
    let mut rows: Vec<_> = cookies.map(|cookie| any_row(dice, cookie)).collect();
    rows.sort_by(|a, b| a.socket.cmp_canonical(&b.socket));
    rows
}

fn any_row(dice: &mut Dice, cookie: u64) -> Arc<SocketRow> {
    use crate::model::owner::{Container, Owner, Unit, UnitScope};
    use crate::model::socket::{Backlog, Family, Protocol, Timer, TimerKind};
    let words = ["", "alpha", "Beta", "beta 2", "gamma", "alphabet", "alphabetic"];
    let word = |dice: &mut Dice| words[dice.roll(7) as usize];
    let states = State::ALL;
    let protocols = [Protocol::Tcp, Protocol::Udp, Protocol::Stream];
    let end = |dice: &mut Dice| match dice.roll(4) {
        0 => Endpoint::ip([10, 0, 0, dice.roll(9) as u8], dice.roll(5) as u16 + 80),
        1 => Endpoint::ip(std::net::Ipv6Addr::from_bits(u128::from(dice.roll(9)) << 60), 80),
        2 => Endpoint::ip(std::net::Ipv6Addr::from_bits(dice.roll(9).into()), 443),
        _ => Endpoint::unix(format!("/run/a-long-directory/{}", dice.roll(9))),
    };
    let local = end(dice);
    let mut socket = Socket::new(
        [Family::Ipv4, Family::Ipv6, Family::Unix][dice.roll(3) as usize],
        protocols[dice.roll(3) as usize],
        states[dice.roll(14) as usize],
        local,
    );
    socket.cookie = Some(cookie);
    socket.remote = dice.maybe(end);
    socket.service = dice.maybe(|dice| word(dice).to_owned().into());
    socket.inode = dice.maybe(|dice| dice.roll(1_000));
    socket.netns = dice.maybe(|dice| dice.roll(3));
    socket.interface = dice.maybe(|dice| word(dice).into());
    socket.uid = dice.maybe(|dice| dice.roll(4) as u32);
    socket.user = dice.maybe(|dice| word(dice).into());
    socket.recv_q = dice.maybe(|dice| dice.roll(4) as u32);
    socket.send_q = dice.maybe(|dice| dice.roll(4) as u32);
    socket.backlog = dice.maybe(|dice| Backlog { queued: dice.roll(9) as u32, limit: 8 });
    socket.drops = dice.maybe(|dice| dice.roll(4) as u32);
    socket.timer = dice.maybe(|dice| Timer {
        kind: TimerKind::Keepalive,
        expires_ms: dice.roll(100) as u32,
        unanswered: dice.roll(4) as u8,
    });
    socket.first_seen = dice.maybe(|dice| wall(-(dice.roll(90) as f64)));
    socket.rates = dice.maybe(|dice| Rates {
        bytes_sent_per_s: dice.roll(90) as f32,
        bytes_received_per_s: dice.roll(90) as f32 / 7.0,
    });
    socket.netns_name = dice.maybe(|dice| word(dice).into());
    socket.peer = dice.maybe(|dice| {
        Box::new(Peer {
            cookie: None,
            inode: None,
            owners: vec![PeerOwner { pid: dice.roll(9) as u32, fd: None, name: word(dice).into() }],
        })
    });
    socket.cgroup = dice.maybe(|dice| word(dice).into());
    socket.tcp = dice.maybe(|dice| {
        Box::new(crate::model::tcp::TcpInfo {
            rtt_us: dice.maybe(|dice| dice.roll(50) as u32),
            cwnd: dice.maybe(|dice| dice.roll(9) as u32),
            retransmits: dice.maybe(|dice| dice.roll(3) as u32),
            bytes_sent: dice.maybe(|dice| dice.roll(90)),
            bytes_received: dice.maybe(|dice| dice.roll(90)),
            congestion: dice.maybe(|dice| word(dice).to_owned().into()),
            last_data_sent_ms: dice.maybe(|dice| dice.roll(90) as u32),
            last_data_received_ms: dice.maybe(|dice| dice.roll(90) as u32),
            snd_wnd_bytes: dice.maybe(|dice| dice.roll(2) as u32),
            ..Default::default()
        })
    });
    for _ in 0..dice.roll(3) {
        let pid = 100 + dice.roll(20) as u32;
        let mut process = (*process(pid, word(dice))).clone();
        process.ppid = dice.maybe(|dice| 100 + dice.roll(20) as u32);
        process.exe = dice.maybe(|dice| word(dice).into());
        process.cwd = dice.maybe(|dice| word(dice).into());
        process.unit =
            dice.maybe(|dice| Unit { name: word(dice).into(), scope: UnitScope::System });
        process.container = dice.maybe(|dice| Container {
            runtime: "docker".into(),
            id: word(dice).into(),
            name: dice.maybe(|dice| word(dice).into()),
        });
        let fd = dice.maybe(|dice| dice.roll(9) as i32);
        socket.owners.push(Owner::new(fd, Arc::new(process)));
    }
    row(cookie, socket)
}

/// The next table: some rows end, some change, some are new.
fn later(before: &SocketTable, dice: &mut Dice, round: u64) -> SocketTable {
    let mut next = SocketTable { ended: before.ended.clone(), ..SocketTable::default() };
    for row in &before.rows {
        match dice.roll(20) {
            0 => next.ended.push_front(ended(row, -(dice.roll(9) as f64))),
            1 => {
                let crate::model::socket::SocketId::Cookie(cookie) = row.key.id else { continue };
                next.rows.push(any_row(dice, cookie));
            }
            _ => next.rows.push(Arc::clone(row)),
        }
    }
    let new = 10_000 + round * 100;
    let last = new + dice.roll(9);
    next.rows.extend(diverse(dice, new..last));
    next.rows.sort_by(|a, b| a.socket.cmp_canonical(&b.socket));
    next
}

#[test]
fn going_on_from_the_arrangement_before_gives_what_a_fresh_start_gives() {
    let dice = &mut Dice(7);
    let filters = [None, filter("alpha"), filter("rtt:..20us"), filter("age:>30s")];
    let groups = [None, Some(GroupBy::Process), Some(GroupBy::Port), Some(GroupBy::Tree)];
    for by in Column::ALL {
        let mut table = Arc::new(table(diverse(dice, 0..150)));
        let mut before: Option<Arc<Arranged>> = None;
        // Mostly the wish stays, or there would be nothing to go on from.
        let (mut wish, mut reverse) = (dice.roll(4), false);
        for round in 0..12 {
            if dice.roll(6) == 0 {
                (wish, reverse) = (dice.roll(4), !reverse);
            }
            let keep = dice.maybe(|dice| {
                let at = dice.roll(table.rows.len() as u64) as usize;
                Kept { row: Arc::clone(&table.rows[at]), ended_at: None }
            });
            let work = Arrange {
                filter: filters[wish as usize].clone(),
                sort: Sort { by: Some(by), reverse },
                group: groups[dice.roll(4) as usize],
                keep,
                ..arrange(SocketTable::clone(&later(&table, dice, round)))
            };
            table = Arc::clone(&work.table);
            let anew = work.clone().run();
            let on = Arrange { before: before.take(), ..work }.run();
            assert_eq!(cookies(&on), cookies(&anew), "{by:?} {round}");
            assert_eq!(on.groups(), anew.groups(), "{by:?} {round}");
            let summary = |a: &Arranged| (a.kept, a.matched, a.undecided, a.shown.listeners);
            assert_eq!(summary(&on), summary(&anew), "{by:?} {round}");
            before = Some(Arc::new(on));
        }
    }
}

/// TCP rows, and a UNIX socket at this path.
fn with_unix(path: &str) -> SocketTable {
    let mut all = rows();
    let mut unix = SocketRow::clone(&row(99, tcp(State::Listen, [127, 0, 0, 1], 1)));
    unix.socket.family = Family::Unix;
    unix.socket.protocol = Protocol::Stream;
    unix.socket.local = Endpoint::unix(path);
    all.push(Arc::new(unix));
    table(all)
}

#[test]
fn what_is_hidden_for_its_table_is_counted_and_shown_when_nothing_else_matches() {
    let run = |text: &str, hidden| {
        let filter = filter(text).filter(|query| !query.is_empty());
        let arranged = Arrange { filter, hidden, ..arrange(with_unix("/run/x.sock")) }.run();
        (arranged.len(), arranged.matched, arranged.left_out)
    };
    let tcp = rows().len();
    assert_eq!(run("", Tables::NONE), (tcp + 1, tcp + 1, 0));
    assert_eq!(run("", Tables::LOCAL), (tcp, tcp, 1));
    // Without a filter nothing was asked for that could be missed.
    assert_eq!(run("x.sock", Tables::LOCAL), (1, 1, 0));
    assert_eq!(run("x.sock or proto:tcp", Tables::LOCAL).2, 1);
}

#[test]
fn what_was_hidden_is_read_anew_when_it_is_not() {
    let hidden = Tables::LOCAL;
    let before = Arrange { hidden, ..arrange(with_unix("/run/x.sock")) }.run();
    let table = SocketTable::clone(&before.table);
    let shown = Arrange { before: Some(Arc::new(before)), ..arrange(table) }.run();
    assert_eq!((shown.len(), shown.left_out), (rows().len() + 1, 0));
}
