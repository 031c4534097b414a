//! The socket calls of a process while they are made: what failed first. The kernel tells them for as
//! long as this is open.

use std::sync::Arc;

use crossterm::event::KeyCode;
use ratatui::style::Style;

use super::{Dialog, Page, Step};
use crate::model::owner::Process;
use crate::model::trace::{Call, Traced};
use crate::text::{clean, trace as words, units};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::keymap::{Binding, Key};

const HOLD: Command = Command::Own("hold the calls");
const NEXT: Command = Command::Own("the next process");

/// The calls of one of the processes that hold a socket.
#[derive(Debug)]
pub struct TraceDialog {
    processes: Vec<Arc<Process>>,
    at: usize,
    watch: Watch,
    /// What is on screen, where that is held still.
    held: Option<Arc<Traced>>,
}

/// What was asked for. The kernel is asked until this is dropped.
#[derive(Debug)]
struct Watch {
    id: RequestId,
    _open: Arc<()>,
    known: Option<Arc<Traced>>,
    end: Option<Result<(), String>>,
}

impl Watch {
    fn begin(process: &Process, cx: &mut Cx<'_>) -> Self {
        let (id, open) = (cx.requests.next_id(), Arc::new(()));
        cx.effects.push(Effect::Trace(id, process.key(), Arc::downgrade(&open)));
        Self { id, _open: open, known: None, end: None }
    }
}

impl TraceDialog {
    /// Begins with the first of these; `None` where there is none.
    pub fn follow(processes: Vec<Arc<Process>>, cx: &mut Cx<'_>) -> Option<Self> {
        let watch = Watch::begin(processes.first()?, cx);
        Some(Self { processes, at: 0, watch, held: None })
    }

    fn go_to_next(&mut self, cx: &mut Cx<'_>) {
        self.at = (self.at + 1) % self.processes.len();
        self.watch = Watch::begin(&self.processes[self.at], cx);
        self.held = None;
    }

    fn toggle_hold(&mut self) {
        self.held = match self.held {
            Some(_) => None,
            None => self.watch.known.clone(),
        };
    }
}

impl Dialog for TraceDialog {
    fn title(&self) -> String {
        let process = &self.processes[self.at];
        let which = match self.processes.len() {
            1 => String::new(),
            all => format!(" ({} of {all})", self.at + 1),
        };
        format!("Calls ─ {} {}{which}", process.name, process.pid)
    }

    fn keys(&self) -> Vec<Binding> {
        let hold = if self.held.is_some() { "go on" } else { "hold" };
        let mut keys = vec![Binding::hinted(const { &[Key::char(' ')] }, HOLD, hold)];
        if self.processes.len() > 1 {
            let tab = const { &[Key::plain(KeyCode::Tab)] };
            keys.push(Binding::hinted(tab, NEXT, "next process"));
        }
        keys.push(Binding::close());
        keys
    }

    fn write(&self, page: &mut Page<'_>) {
        let theme = page.theme;
        match &self.watch.end {
            None => {
                let text = "Every system call of this machine takes a little longer while this is \
                            open.";
                page.add(text, theme.warning);
            }
            Some(Ok(())) => page.add("The process has ended.", theme.warning),
            Some(Err(why)) => page.add(&clean(why), theme.danger),
        }
        let Some(traced) = self.held.as_ref().or(self.watch.known.as_ref()) else {
            if self.watch.end.is_none() {
                page.add("Asking the kernel for its calls …", theme.dim);
            }
            return;
        };
        if self.held.is_some() {
            page.add("Held still; the calls are counted on.", theme.warning);
        }
        calls(traced, page);
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Step {
        match command {
            HOLD => self.toggle_hold(),
            NEXT => self.go_to_next(cx),
            _ => return Step::Ignored,
        }
        Step::Stay
    }

    fn answer(&mut self, id: RequestId, answer: &Answer, _: &mut Cx<'_>) {
        let watch = &mut self.watch;
        match answer {
            _ if id != watch.id => {}
            Answer::Traced(traced) => watch.known = Some(Arc::clone(traced)),
            Answer::TraceEnded(Ok(traced)) => {
                (watch.known, watch.end) = (Some(Arc::clone(traced)), Some(Ok(())));
            }
            Answer::TraceEnded(Err(why)) => watch.end = Some(Err(why.clone())),
            _ => {}
        }
    }
}

/// How often each was made, then what failed, then all of them.
fn calls(traced: &Traced, page: &mut Page<'_>) {
    let theme = page.theme;
    if traced.lost > 0 {
        let text = format!("{} found no room", units::counted(traced.lost, "call"));
        page.add(&text, theme.danger);
    }
    page.gap();
    if traced.latest.is_empty() {
        return page.add("No socket call yet.", theme.dim);
    }
    page.line(vec![(words::SUMMARY.to_owned(), theme.heading)]);
    for (name, tally) in traced.summary.in_order() {
        let style = if tally.failed > 0 { theme.warning } else { theme.text };
        page.add(&words::tally(name, tally), style);
    }
    list("failed, the latest first", traced.failed.iter(), theme.warning, page);
    list("all, the latest first", traced.latest.iter(), theme.text, page);
}

fn list<'a>(
    title: &str,
    calls: impl ExactSizeIterator<Item = &'a Call>,
    style: Style,
    page: &mut Page<'_>,
) {
    if calls.len() == 0 {
        return;
    }
    let theme = page.theme;
    page.gap();
    page.line(vec![(title.to_owned(), theme.heading)]);
    for call in calls {
        let at = format!("{} ", words::at(call, &page.world.timezone));
        page.lead((&at, theme.dim), (&words::what(call), style));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use super::*;
    use crate::model::owner::ProcessKey;
    use crate::tui::fixture::{Desk, wall};

    fn asked(desk: &Desk) -> (RequestId, ProcessKey, Weak<()>) {
        let asked = desk.last(|effect| match effect {
            Effect::Trace(id, process, open) => Some((*id, *process, Weak::clone(open))),
            _ => None,
        });
        asked.expect("the calls of a process are asked for")
    }

    fn traced(numbers: std::ops::Range<u64>) -> Traced {
        let mut traced = Traced::default();
        for number in numbers {
            let errno = (number == 1).then(|| "ECONNREFUSED".to_owned());
            traced.add(Call {
                at: wall(0.0),
                thread: 812,
                call: if errno.is_some() { "connect" } else { "sendto" }.to_owned(),
                args: [3, 0, number, 0, 0, 0],
                address: None,
                value: None,
                result: errno.is_none().then_some(number as i64),
                errno,
                duration_ns: 5_000,
            });
        }
        traced
    }

    fn open() -> Desk {
        let mut desk = Desk::with_rows(100, 40);
        desk.press(KeyCode::Char('T'));
        assert!(desk.shows_dialog("Calls ─ "), "{}", desk.screen());
        desk
    }

    #[test]
    fn what_failed_stands_first_and_the_cost_is_said() {
        let mut desk = open();
        assert!(desk.screen().contains("takes a little longer while this is open"));
        desk.answer(asked(&desk).0, Answer::Traced(Arc::new(traced(0..1))));
        desk.answer(asked(&desk).0, Answer::Traced(Arc::new(traced(0..4))));
        let screen = desk.screen();
        let at = |what: &str| screen.find(what).unwrap_or_else(|| panic!("no {what}:\n{screen}"));
        assert!(at("connect  1 x ECONNREFUSED (") < at("sendto"), "{screen}");
        assert!(at("failed, the latest first") < at("all, the latest first"), "{screen}");
        assert!(
            at("12:04:31.000000 connect(3, -) = ECONNREFUSED (") < at("sendto(3, 3 bytes) = 3")
        );
    }

    #[test]
    fn it_can_be_held_still_and_goes_on() {
        let mut desk = open();
        desk.answer(asked(&desk).0, Answer::Traced(Arc::new(traced(0..3))));
        desk.press(KeyCode::Char(' '));
        desk.answer(asked(&desk).0, Answer::Traced(Arc::new(traced(0..9))));
        assert!(!desk.screen().contains("sendto(3, 8 bytes)"), "{}", desk.screen());
        desk.press(KeyCode::Char(' '));
        assert!(desk.screen().contains("sendto(3, 8 bytes)"), "{}", desk.screen());
    }

    #[test]
    fn nobody_is_traced_once_it_is_closed() {
        let mut desk = open();
        let (_, _, open) = asked(&desk);
        assert_eq!(open.strong_count(), 1);
        desk.press(KeyCode::Esc);
        assert_eq!(open.strong_count(), 0);
    }

    #[test]
    fn tab_goes_to_the_next_of_several_processes() {
        let mut desk = Desk::with_rows(100, 40);
        desk.type_text("/port:8443");
        desk.press(KeyCode::Enter);
        desk.press(KeyCode::Char('T'));
        assert!(desk.shows_dialog("Calls ─ nginx 4300 (1 of 4)"), "{}", desk.screen());
        let (first, _, open) = asked(&desk);
        desk.press(KeyCode::Tab);
        assert!(desk.shows_dialog("Calls ─ nginx 4301 (2 of 4)"), "{}", desk.screen());
        assert_eq!((open.strong_count(), asked(&desk).1.pid), (0, 4301));
        desk.answer(first, Answer::Traced(Arc::new(traced(0..2))));
        assert!(!desk.screen().contains("ECONNREFUSED"), "{}", desk.screen());
    }

    #[test]
    fn what_is_not_permitted_is_said() {
        let mut desk = open();
        let why = "not permitted to trace the calls of a process: run as root".to_owned();
        desk.answer(asked(&desk).0, Answer::TraceEnded(Err(why)));
        let screen = desk.screen();
        assert!(screen.contains("not permitted to trace"), "{screen}");
        assert!(!screen.contains("a little longer"), "{screen}");
    }

    #[test]
    fn a_socket_without_a_known_holder_has_no_calls() {
        let mut desk = Desk::with_rows(100, 40);
        desk.type_text("/port:68");
        desk.press(KeyCode::Enter);
        desk.press(KeyCode::Char('T'));
        assert!(desk.app.dialog.is_none());
        assert!(desk.screen().contains("No process to trace"), "{}", desk.screen());
    }
}
