//! The ways to go about a kill: which there are, which one Enter takes, and what each asks.

use super::*;
use crate::act::kill::Progress;
use crate::model::action::{KillOutcome, StopOutcome, StopPlan};
use crate::model::keeper::{Confirmed, Keeper, KeeperKind};
use crate::tui::event::Stopped;

fn keeper(confirmed: bool) -> Keeper {
    let keeper = Keeper {
        restarts: Some(true),
        policy: Some("Restart=always, after 100ms".into()),
        ..Keeper::new(KeeperKind::Systemd, "app.service", 4242)
    };
    if !confirmed {
        let reason = Some("systemd knows no unit of that name".to_owned());
        return Keeper { reason, confirmed: Some(Confirmed::Path), ..keeper };
    }
    Keeper {
        confirmed: Some(Confirmed::Asked),
        ends_holder: Some(true),
        stop: Some(["/usr/bin/systemctl", "stop", "--", "app.service"].map(Into::into).to_vec()),
        ..keeper
    }
}

/// Two victims on a port, the first of them in a unit.
fn supervised(confirmed: bool, second: bool) -> KillPlan {
    let mut plan = KillPlan {
        target: KillTarget::Port { port: 8080, udp: false, addr: None },
        keepers: vec![keeper(confirmed)],
        warnings: vec!["app.service may start it again".into()],
        ..plan(false)
    };
    plan.victims[0].holds = vec![rows()[2].socket.clone()];
    if second {
        let mut other = plan.victims[0].clone();
        other.key.pid = 4243;
        plan.victims.push(other);
    }
    plan
}

fn ask(desk: &mut Desk, plans: Vec<KillPlan>) {
    desk.press(KeyCode::Char('K'));
    answer(desk, plans);
}

fn answer(desk: &mut Desk, plans: Vec<KillPlan>) {
    let (id, _) = desk.last(planned).unwrap();
    desk.answer(id, Answer::KillPlanned(Ok(plans)));
}

fn stopped(effect: &Effect) -> Option<(RequestId, StopPlan)> {
    match effect {
        Effect::RunStop(id, plan) => Some((*id, StopPlan::clone(plan))),
        _ => None,
    }
}

fn signals(effect: &Effect) -> Option<Vec<Signal>> {
    match effect {
        Effect::RunKill(_, plans, _) => Some(plans[0].victims[0].signals.clone()),
        _ => None,
    }
}

fn options(effect: &Effect) -> Option<kill::Options> {
    match effect {
        Effect::PlanKill(_, _, options) => Some(options.clone()),
        _ => None,
    }
}

fn end(desk: &mut Desk, stopped_it: bool) {
    let (id, plan) = desk.last(stopped).unwrap();
    let kills =
        vec![KillOutcome { port_free: Some(stopped_it), ..killed(stopped_it).outcome.unwrap() }];
    let reason = (!stopped_it).then(|| "app.service was not stopped: Access denied".to_owned());
    let outcome = StopOutcome { stopped: stopped_it, reason, refused: !stopped_it, kills };
    desk.answer(id, Answer::Stopped(Box::new(Stopped { plan, outcome: Ok(outcome) })));
}

#[test]
fn a_confirmed_unit_is_stopped_rather_than_its_process_killed() {
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk, vec![supervised(true, false)]);
    let screen = desk.screen();
    assert!(screen.contains("▸ /usr/bin/systemctl stop -- app.service"), "{screen}");
    assert!(screen.contains("for good (recommended)"), "{screen}");
    desk.press(KeyCode::Enter);
    assert!(desk.last(run).is_none(), "no signal is sent");
    end(&mut desk, true);
    assert!(desk.screen().contains("✓ app.service was stopped"));
    let entry = desk.app.log.entries.back().unwrap();
    assert_eq!(entry.command.as_deref(), Some("/usr/bin/systemctl stop -- app.service"));
    assert!(entry.ok);
}

#[test]
fn two_victims_of_one_name_are_told_apart() {
    let mut plan = supervised(false, true);
    for (victim, script) in plan.victims.iter_mut().zip(["shop.py", "blog.py"]) {
        victim.about.cmdline = ["python3", script].map(Into::into).to_vec();
        victim.about.cwd = Some("/srv".into());
    }
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk, vec![plan]);
    let screen = desk.screen();
    for script in ["shop.py", "blog.py"] {
        assert!(screen.contains(&format!("python3 {script}; in /srv")), "{screen}");
    }
}

#[test]
fn a_stop_that_is_refused_can_be_planned_anew() {
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk, vec![supervised(true, false)]);
    desk.press(KeyCode::Enter);
    end(&mut desk, false);
    assert!(desk.screen().contains("✗ app.service was not stopped: Access denied"));
    let before = desk.effects.iter().filter_map(planned).count();
    desk.press(KeyCode::Enter);
    assert_eq!(desk.effects.iter().filter_map(planned).count(), before + 1);
}

#[test]
fn what_is_not_confirmed_or_not_the_whole_is_not_what_enter_does() {
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk, vec![supervised(false, false)]);
    assert!(!desk.screen().contains("/usr/bin/systemctl"), "{}", desk.screen());
    desk.press(KeyCode::Enter);
    assert_eq!(desk.last(signals), Some(vec![Signal::Term]));

    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk, vec![supervised(true, true)]);
    let screen = desk.screen();
    assert!(screen.contains("▸ TERM, then wait"), "{screen}");
    assert!(screen.contains("only 1 of 2 processes"), "{screen}");
}

#[test]
fn what_stops_more_than_the_victims_is_not_preselected_and_asks_with_the_list() {
    let mut wide = supervised(true, false);
    wide.keepers[0].stops_also = vec!["other 7".into()];
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk, vec![wide]);
    let screen = desk.screen();
    assert!(screen.contains("▸ TERM, then wait"), "{screen}");
    assert!(screen.contains("and with it other 7"), "{screen}");
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Enter);
    assert!(desk.last(stopped).is_none());
    assert!(desk.screen().contains("This stops other 7 as well"), "{}", desk.screen());
    desk.type_text("stop");
    desk.press(KeyCode::Enter);
    assert!(desk.last(stopped).is_some());
    // What somebody further out undoes is no better.
    let mut undone = supervised(true, false);
    undone.keepers[0].undone_by = Some("outer.service".into());
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk, vec![undone]);
    assert!(desk.screen().contains("▸ TERM, then wait"), "{}", desk.screen());
    assert!(desk.screen().contains("outer.service starts it again"), "{}", desk.screen());
}

#[test]
fn kill_has_to_be_typed() {
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk, vec![plan(false)]);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Enter);
    desk.press(KeyCode::Enter);
    assert!(desk.last(run).is_none());
    desk.type_text("kill");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.last(signals), Some(vec![Signal::Term, Signal::Kill]));
}

#[test]
fn a_signal_is_chosen_from_the_list_and_esc_keeps_the_old_one() {
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk, vec![supervised(true, false)]);
    desk.press(KeyCode::Char('s'));
    assert!(desk.screen().contains("▸ TERM  asks the process to end"), "{}", desk.screen());
    desk.press(KeyCode::Esc);
    assert!(desk.screen().contains("▸ /usr/bin/systemctl"));
    desk.press(KeyCode::Char('s'));
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Enter);
    assert!(desk.screen().contains("▸ HUP, then wait"), "{}", desk.screen());
    desk.press(KeyCode::Enter);
    assert_eq!(desk.last(signals), Some(vec![Signal::Hup]));
    // KILL at once is no less grave than KILL later.
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk, vec![plan(false)]);
    desk.press(KeyCode::Char('s'));
    (0..9).for_each(|_| desk.press(KeyCode::Down));
    desk.press(KeyCode::Enter);
    desk.press(KeyCode::Enter);
    assert!(desk.shows_dialog("Kill"));
    assert!(desk.app.dialog.as_ref().is_some_and(crate::tui::dialog::Open::is_typing));
}

#[test]
fn taking_children_along_makes_another_plan() {
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk, vec![plan(false)]);
    assert!(!desk.last(options).unwrap().tree);
    desk.press(KeyCode::Char('t'));
    assert!(desk.last(options).unwrap().tree);
    assert!(desk.screen().contains("Working out the plan"));
    answer(&mut desk, vec![plan(false)]);
    assert!(desk.screen().contains("t no children"));
    desk.press(KeyCode::Char('t'));
    assert!(!desk.last(options).unwrap().tree);
}

#[test]
fn the_run_shows_who_still_lives_and_for_how_long_it_waits() {
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk, vec![plan(false)]);
    desk.press(KeyCode::Enter);
    let id = desk.last(run).unwrap();
    let (pid, name, signal) = (4242, "python3".to_owned(), Signal::Term);
    desk.answer(id, Answer::Killing(Progress::Signalled { pid, name, signal }));
    let waiting = Progress::Waiting {
        alive: vec!["python3 4242".into()],
        elapsed: Duration::from_millis(1_200),
        timeout: Duration::from_secs(3),
    };
    desk.answer(id, Answer::Killing(waiting));
    let screen = desk.screen();
    assert!(screen.contains("TERM sent to python3 4242"), "{screen}");
    assert!(screen.contains("python3 4242 still alive, 1.2"), "{screen}");
}

#[test]
fn the_dialogs_on_three_screens() {
    let mut text = String::new();
    for (width, height) in [(60, 16), (80, 24), (140, 40)] {
        let mut desk = Desk::with_rows(width, height);
        desk.press(KeyCode::Down);
        desk.press(KeyCode::Down);
        ask(&mut desk, vec![supervised(true, true), plan(true)]);
        text.push_str(&format!("{width}x{height}\n{}\n", desk.screen()));
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("kill_plan", text);
    });
}
