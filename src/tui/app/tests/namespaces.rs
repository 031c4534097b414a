//! Rows of another network namespace, whose addresses mean something else than they do here.

use super::*;
use crate::model::socket::{Socket, SocketId, SocketKey, State};
use crate::model::table::{SocketRow, SocketTable};
use crate::tui::fixture::{owned, process, row, tcp};

const HERE: u64 = 1;
const WEB: u64 = 2;

fn server(pid: u32, netns: u64) -> Arc<SocketRow> {
    let socket = owned(tcp(State::Listen, [127, 0, 0, 1], 8080), process(pid, "python3"));
    let name = (netns == WEB).then(|| "web".into());
    let socket = Socket { netns: Some(netns), netns_name: name, ..socket };
    let key = SocketKey { netns: Some(netns), id: SocketId::Cookie(7) };
    Arc::new(SocketRow { key, ..(*row(7, socket)).clone() })
}

/// The same port here and in `web`, the row of `web` selected.
fn desk() -> Desk {
    let mut desk = Desk::new(160, 40);
    desk.press(KeyCode::Char('N'));
    desk.ports(both());
    desk.press(KeyCode::Char('G'));
    assert_eq!(desk.selected().unwrap().netns, Some(WEB));
    desk
}

fn both() -> SocketTable {
    let rows = vec![server(11, HERE), server(22, WEB)];
    SocketTable { netns: Some(HERE), all_netns: true, ..table(rows) }
}

fn wanted(effect: &Effect) -> Option<bool> {
    match effect {
        Effect::AllNamespaces(all) => Some(*all),
        _ => None,
    }
}

#[test]
fn the_key_asks_for_all_namespaces_and_the_title_says_so() {
    let mut desk = desk();
    assert_eq!(desk.last(wanted), Some(true));
    let screen = desk.screen();
    assert!(screen.contains("all network namespaces"), "{screen}");
    assert!(screen.contains("NETNS"), "{screen}");
    let row = screen.lines().find(|line| line.contains(" 22 ")).unwrap();
    assert!(row.contains("web"), "{row}");

    desk.press(KeyCode::Char('N'));
    assert_eq!(desk.last(wanted), Some(false));
    let own = SocketTable { netns: Some(HERE), ..table(vec![server(11, HERE)]) };
    desk.ports(own);
    let screen = desk.screen();
    assert!(!screen.contains("NETNS") && !screen.contains("all network namespaces"), "{screen}");
    assert_eq!(desk.selected().unwrap().netns, Some(HERE));
}

#[test]
fn a_kill_of_a_server_elsewhere_is_aimed_at_its_process_not_at_the_port_here() {
    let mut desk = desk();
    desk.press(KeyCode::Char('K'));
    let (_, targets) = desk.last(planned).unwrap();
    assert_eq!(targets, [KillTarget::Pid { pid: 22 }]);
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Char('g'));
    desk.press(KeyCode::Char('K'));
    let (_, targets) = desk.last(planned).unwrap();
    let addr = Some([127, 0, 0, 1].into());
    assert_eq!(targets, [KillTarget::Port { port: 8080, udp: false, addr }]);
}

#[test]
fn marks_on_rows_that_go_out_of_sight_are_dropped() {
    let mut desk = desk();
    desk.press(KeyCode::Char('m'));
    assert_eq!(desk.app.world.marks.len(), 1);
    desk.press(KeyCode::Char('N'));
    assert!(desk.app.world.marks.is_empty());
}

#[test]
fn nobody_binds_here_to_find_out_why_a_port_is_busy_elsewhere() {
    let mut desk = desk();
    desk.press(KeyCode::Char('w'));
    let asks = |effect: &Effect| matches!(effect, Effect::Explain(..)).then_some(());
    assert_eq!(desk.last(asks), None);
    let screen = desk.screen();
    assert!(screen.contains("is in network namespace web: run sockpit in there"), "{screen}");
}

#[test]
fn the_tester_and_the_capture_leave_a_row_of_elsewhere_alone() {
    let mut desk = desk();
    let focus = |effect: &Effect| match effect {
        Effect::FocusFlows(focus) => Some(focus.is_some()),
        _ => None,
    };
    assert_ne!(desk.last(focus), Some(true));
    desk.press(KeyCode::Char('4'));
    let screen = desk.screen();
    assert!(screen.contains("the selected socket is in another network namespace"), "{screen}");
    desk.press(KeyCode::Enter);
    let probes = |effect: &Effect| matches!(effect, Effect::Probe(..)).then_some(());
    assert_eq!(desk.last(probes), None);
}
