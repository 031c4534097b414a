//! Groups: the cursor follows its row, headers fold, and what acts on a header acts on its
//! rows.

use super::*;

/// The lines of Ports, without frame and heading.
fn listed(desk: &mut Desk) -> Vec<String> {
    let screen = desk.screen();
    let inside = screen.lines().skip(3).map(|line| {
        let from = line.char_indices().nth(1).map_or(0, |(at, _)| at);
        line[from..].split('│').next().unwrap_or_default().trim_end().to_owned()
    });
    inside.take_while(|line| !line.is_empty()).collect()
}

fn grouped(times: usize) -> Desk {
    let mut desk = Desk::with_rows(140, 40);
    for _ in 0..times {
        desk.press(KeyCode::Char('b'));
    }
    desk
}

#[test]
fn rows_come_under_headers_with_counts_and_the_cursor_stays_with_its_row() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Down);
    assert_eq!(desk.selected(), Some(key_of(3)));
    for by in ["process", "port", "remote", "state", "tree", "none"] {
        desk.press(KeyCode::Char('b'));
        assert_eq!(desk.selected(), Some(key_of(3)), "by {by}");
        assert_eq!(desk.screen().contains(&format!("by {by} ")), by != "none");
        let cursor = listed(&mut desk).into_iter().find(|line| line.starts_with('▶')).unwrap();
        assert!(cursor.contains("python3"), "{cursor}");
    }
}

#[test]
fn processes_are_in_order_of_their_names_and_the_unowned_come_last() {
    let mut desk = grouped(1);
    let headers: Vec<String> =
        listed(&mut desk).into_iter().filter(|line| line.contains('▾')).collect();
    let names = ["nginx 4300", "postgres 1044", "python3 4242", "sshd 812", "kernel", "hidden"];
    assert_eq!(headers.len(), names.len());
    for (header, name) in headers.iter().zip(names) {
        assert!(header.contains(name), "{header}: {name}");
    }
    assert!(headers[2].contains("1 socket, 1 listener  1 crowded queue!"), "{}", headers[2]);
}

#[test]
fn by_port_a_server_and_its_connections_are_together() {
    let mut desk = grouped(2);
    let lines = listed(&mut desk);
    let at = lines.iter().position(|line| line.contains("port 8080")).unwrap();
    assert!(lines[at].contains("2 sockets, 1 listener, 1 connection"), "{}", lines[at]);
    assert!(lines[at + 1].contains("LISTEN") && lines[at + 2].contains("TIME_WAIT"));
}

#[test]
fn a_header_folds_and_nothing_is_selected_on_it() {
    let mut desk = grouped(1);
    desk.press(KeyCode::Home);
    assert_eq!(desk.selected(), None, "a header is no socket");
    desk.press(KeyCode::Down);
    assert_eq!(desk.selected(), Some(key_of(5)));
    desk.press(KeyCode::Left);
    assert_eq!(desk.selected(), None, "left goes to the header first");
    assert!(listed(&mut desk)[1].contains("4300+3"));
    desk.press(KeyCode::Left);
    let folded = listed(&mut desk);
    assert!(folded[0].contains("▸ nginx 4300") && folded[1].contains("postgres 1044"));
    // The next sample leaves cursor and folds as they are.
    desk.ports(table(rows()));
    assert_eq!(listed(&mut desk), folded);
    desk.press(KeyCode::Right);
    desk.press(KeyCode::Right);
    assert_eq!(desk.selected(), Some(key_of(5)));
    desk.press(KeyCode::Up);
    desk.press(KeyCode::Enter);
    assert!(desk.app.dialog.is_none(), "Enter folds, there are no details of a header");
    assert_eq!(listed(&mut desk), folded);
}

#[test]
fn a_click_on_a_header_folds_it() {
    let mut desk = grouped(1);
    desk.screen();
    let left = MouseEventKind::Down(MouseButton::Left);
    desk.mouse(left, 10, 3);
    assert!(listed(&mut desk)[0].contains("▸ nginx 4300"));
    desk.wait(1.0);
    desk.mouse(left, 10, 3);
    assert!(listed(&mut desk)[0].contains("▾ nginx 4300"));
}

#[test]
fn the_palette_folds_all_and_new_groups_too() {
    let mut desk = grouped(1);
    for (command, lines) in [("Fold all groups", 6), ("Unfold all groups", 12)] {
        desk.press(KeyCode::Char(':'));
        desk.type_text(command);
        desk.press(KeyCode::Enter);
        assert_eq!(listed(&mut desk).len(), lines);
    }
    desk.press(KeyCode::Char(':'));
    desk.type_text("Fold all");
    desk.press(KeyCode::Enter);
    desk.press(KeyCode::Char('b'));
    assert!(listed(&mut desk).iter().all(|line| line.contains('▸')));
    assert_eq!(desk.selected(), None);
}

#[test]
fn regrouping_from_a_header_goes_on_with_its_first_row() {
    let mut desk = grouped(1);
    desk.press(KeyCode::Home);
    assert_eq!(desk.selected(), None);
    desk.press(KeyCode::Char('b'));
    assert_eq!(desk.selected(), Some(key_of(5)));
}

#[test]
fn a_header_marks_its_rows_and_unmarks_them() {
    let mut desk = grouped(2);
    // The group of port 8080, by way of its listener.
    desk.press(KeyCode::Home);
    let at = listed(&mut desk).iter().position(|line| line.contains("port 8080")).unwrap();
    (0..at).for_each(|_| desk.press(KeyCode::Down));
    desk.press(KeyCode::Char('m'));
    assert_eq!(desk.app.world.marks.iter().copied().collect::<Vec<_>>(), [key_of(3), key_of(4)]);
    desk.press(KeyCode::Char('m'));
    assert!(desk.app.world.marks.is_empty());
}

#[test]
fn a_kill_on_a_header_plans_for_its_rows_that_someone_holds() {
    let mut desk = grouped(2);
    desk.press(KeyCode::Home);
    let at = listed(&mut desk).iter().position(|line| line.contains("port 8080")).unwrap();
    (0..at).for_each(|_| desk.press(KeyCode::Down));
    desk.press(KeyCode::Char('K'));
    let (_, targets) = desk.last(planned).unwrap();
    let addr = Some([0, 0, 0, 0].into());
    assert_eq!(targets, [KillTarget::Port { port: 8080, udp: false, addr }]);
    assert!(desk.screen().contains("port 8080"));
}

#[test]
fn a_kill_on_what_the_kernel_holds_is_refused_in_a_sentence() {
    let mut desk = grouped(1);
    desk.press(KeyCode::End);
    desk.press(KeyCode::Left);
    desk.press(KeyCode::Char('K'));
    assert_eq!(desk.last(planned), None);
    assert!(desk.screen().contains("No process to kill: no holder is known for any row of hidden"));
}

/// Thirty ports of one process.
fn many() -> Desk {
    let many = (0..30).map(|n| {
        let socket = crate::tui::fixture::tcp(State::Listen, [127, 0, 0, 1], 2_000 + n);
        let process = crate::tui::fixture::process(100, "many");
        crate::tui::fixture::row(n.into(), crate::tui::fixture::owned(socket, process))
    });
    let mut desk = Desk::new(140, 40);
    desk.ports(table(many.collect()));
    desk
}

#[test]
fn a_kill_of_too_many_at_once_is_refused() {
    let mut desk = many();
    (0..4).for_each(|_| desk.press(KeyCode::Char('b')));
    desk.press(KeyCode::Home);
    desk.press(KeyCode::Char('K'));
    assert_eq!(desk.last(planned), None);
    assert!(desk.screen().contains("30 ports and processes, more than 20 at once"));
}

#[test]
fn a_kill_on_a_processs_header_means_that_process() {
    let mut desk = many();
    desk.press(KeyCode::Char('b'));
    desk.press(KeyCode::Home);
    desk.press(KeyCode::Char('K'));
    assert_eq!(desk.last(planned).unwrap().1, [KillTarget::Pid { pid: 100 }]);
}

#[test]
fn a_connection_that_processes_share_is_no_hindrance_below_the_header_of_one() {
    let mut socket = crate::tui::fixture::tcp(State::Established, [127, 0, 0, 1], 2_000);
    socket.remote = Some(crate::model::socket::Endpoint::ip([127, 0, 0, 1], 80));
    let parent = crate::tui::fixture::owned(socket, crate::tui::fixture::process(100, "parent"));
    let mut shared =
        crate::tui::fixture::owned(parent.clone(), crate::tui::fixture::process(101, "child"));
    shared.owners.splice(0..0, parent.owners);
    let mut desk = Desk::new(140, 40);
    desk.ports(table(vec![crate::tui::fixture::row(1, shared)]));
    desk.press(KeyCode::Char('K'));
    assert_eq!(desk.last(planned), None);
    assert!(desk.screen().contains("2 processes share this socket: b groups by process"));
    desk.press(KeyCode::Char('b'));
    desk.press(KeyCode::Home);
    desk.press(KeyCode::Char('K'));
    assert_eq!(desk.last(planned).unwrap().1, [KillTarget::Pid { pid: 100 }]);
}
