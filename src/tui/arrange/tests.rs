use super::*;
use crate::model::activity::Rates;
use crate::tui::fixture::{ended, key_of, row, rows, table, tcp, wall};

fn arrange(table: SocketTable) -> Arrange {
    Arrange {
        table: Arc::new(table),
        filter: None,
        sort: Sort::default(),
        keep: None,
        now: wall(0.0),
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
fn without_wishes_rows_stay_in_the_documented_order() {
    let arranged = arrange(table(rows())).run();
    assert_eq!(cookies(&arranged), [1, 2, 3, 4, 5, 6]);
    assert_eq!((arranged.total(), arranged.matched, arranged.listeners), (6, 6, 4));
}

#[test]
fn every_column_sorts_both_ways_and_the_unknown_comes_last() {
    let mut diverse = rows();
    for (index, row) in diverse.iter_mut().take(2).enumerate() {
        let row = Arc::make_mut(row);
        row.socket.user = Some(["bob", "eve"][index].into());
        row.socket.remote = Some(Endpoint::ip([10, 0, 0, 1], 40_000 + index as u16));
        let rate = index as f32;
        row.socket.rates = Some(Rates { bytes_sent_per_s: rate, bytes_received_per_s: rate });
    }
    for by in SortBy::ALL {
        let sorted = |reverse| {
            let sort = Sort { by, reverse };
            cookies(&Arrange { sort, ..arrange(table(diverse.clone())) }.run())
        };
        let (up, down) = (sorted(false), sorted(true));
        assert_eq!(up.len(), 6, "{by:?}");
        assert_ne!(up, down, "{by:?} has no reverse");
        if by == SortBy::Pid {
            // TIME_WAIT and the hidden one have no pid.
            assert_eq!((&up[..4], &up[4..]), (&[1, 2, 3, 5][..], &[4, 6][..]));
            assert_eq!((&down[..4], &down[4..]), (&[5, 3, 2, 1][..], &[4, 6][..]));
        }
    }
}

#[test]
fn names_sort_by_their_letters_beyond_the_eighth_too() {
    let named = |cookie, name: &str| {
        let socket = tcp(State::Listen, [127, 0, 0, 1], 1000 + cookie as u16);
        row(cookie, crate::tui::fixture::owned(socket, crate::tui::fixture::process(1, name)))
    };
    let table = table(vec![named(1, "postgres: b"), named(2, "postgres: a"), named(3, "b")]);
    let sort = Sort { by: SortBy::Name, reverse: false };
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
fn ended_rows_stay_at_their_place_for_some_seconds() {
    let mut all = rows();
    let (second, third) = (all.remove(1), all.remove(1));
    let mut table = table(all);
    table.ended.extend([ended(&second, -1.0), ended(&third, -30.0)]);
    let arranged = arrange(table).run();
    assert_eq!(cookies(&arranged), [1, 2, 4, 5, 6]);
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
