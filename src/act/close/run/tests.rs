use std::cell::RefCell;

use super::super::words::completion;
use super::*;
use crate::act::Completion;
use crate::model::close::CloseTarget;
use crate::model::socket::{Endpoint, Family, Protocol};

fn connection(cookie: u64, local: u16, remote: u16) -> Socket {
    let end = |port| Endpoint::ip([127, 0, 0, 1], port);
    let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Established, end(local));
    socket.remote = Some(end(remote));
    socket.cookie = Some(cookie);
    socket
}

fn plan_of(sockets: &[Socket]) -> ClosePlan {
    let target = |socket: &Socket| CloseTarget { socket: socket.clone(), protected: None };
    ClosePlan { targets: sockets.iter().map(target).collect(), ..ClosePlan::default() }
}

/// Runs a plan over a table from which `destroy` takes, or refuses to.
fn run_on(
    plan: &ClosePlan,
    table: Vec<Socket>,
    mut destroy: impl FnMut(&Socket, &mut Vec<Socket>) -> Result<(), Error>,
) -> (CloseOutcome, Vec<u64>) {
    let table = RefCell::new(table);
    let mut hit = Vec::new();
    let outcome = run(
        plan,
        Consent::default(),
        &mut || Ok(table.borrow().clone()),
        &mut |socket| {
            hit.push(socket.cookie.unwrap());
            destroy(socket, &mut table.borrow_mut())
        },
        &mut || Ok(table.borrow().clone()),
    );
    (outcome.unwrap(), hit)
}

fn take(socket: &Socket, table: &mut Vec<Socket>) -> Result<(), Error> {
    table.retain(|row| row.cookie != socket.cookie);
    Ok(())
}

#[test]
fn what_is_gone_afterwards_is_closed() {
    let sockets = [connection(1, 80, 5000)];
    let (outcome, hit) = run_on(&plan_of(&sockets), sockets.to_vec(), take);
    assert_eq!((outcome.closed.len(), hit), (1, vec![1]));
    assert_eq!(completion(&outcome), Completion::Done);
}

#[test]
fn what_ended_before_is_not_touched() {
    let (outcome, hit) = run_on(&plan_of(&[connection(1, 80, 5000)]), Vec::new(), take);
    assert_eq!((outcome.ended.len(), hit), (1, vec![]));
    assert_eq!(completion(&outcome), Completion::Done);
}

#[test]
fn another_socket_with_the_same_addresses_is_not_touched() {
    let plan = plan_of(&[connection(1, 80, 5000)]);
    let (outcome, hit) = run_on(&plan, vec![connection(2, 80, 5000)], take);
    assert_eq!((outcome.ended.len(), hit), (1, vec![]));
}

#[test]
fn a_socket_that_has_another_peer_by_now_is_not_touched() {
    let planned = connection(1, 80, 5000);
    let mut other_peer = connection(1, 80, 5001);
    let (_, hit) = run_on(&plan_of(std::slice::from_ref(&planned)), vec![other_peer.clone()], take);
    assert!(hit.is_empty(), "{hit:?}");
    other_peer.remote = None;
    other_peer.state = State::Bound;
    let (_, hit) = run_on(&plan_of(&[planned]), vec![other_peer], take);
    assert!(hit.is_empty(), "{hit:?}");
}

#[test]
fn the_other_end_goes_along_and_counts_as_closed() {
    let sockets = [connection(1, 80, 5000), connection(2, 5000, 80)];
    let (outcome, _) = run_on(&plan_of(&sockets), sockets.to_vec(), |_, table| {
        if table.is_empty() {
            return Err(Error::Gone { what: "it".to_owned() });
        }
        table.clear();
        Ok(())
    });
    assert_eq!(outcome.closed.len(), 2);
}

#[test]
fn what_stays_has_failed() {
    let sockets = [connection(1, 80, 5000)];
    let (outcome, _) = run_on(&plan_of(&sockets), sockets.to_vec(), |_, _| Ok(()));
    assert_eq!(outcome.failed.len(), 1);
    assert_eq!(completion(&outcome), Completion::Incomplete);
}

#[test]
fn a_refusal_for_want_of_rights_is_heard_once() {
    let sockets = [connection(1, 80, 5000), connection(2, 81, 5001)];
    let (outcome, hit) = run_on(&plan_of(&sockets), sockets.to_vec(), |_, _| {
        Err(Error::not_permitted("close", "be root"))
    });
    assert_eq!((outcome.failed.len(), hit), (2, vec![1]));
    assert!(outcome.failed.iter().all(|failed| failed.refused));
    assert_eq!(completion(&outcome), Completion::NotPermitted);
}

#[test]
fn the_protected_are_spared_unless_that_was_confirmed() {
    let sockets = [connection(1, 80, 5000)];
    let mut plan = plan_of(&sockets);
    plan.targets[0].protected = Some("it is dear".to_owned());
    let (outcome, hit) = run_on(&plan, sockets.to_vec(), take);
    assert_eq!((outcome.spared.len(), hit), (1, vec![]));
    assert_eq!(outcome.spared, nothing_closed(&plan).spared);
    let mut table = sockets.to_vec();
    let consent = Consent { protected: true };
    let cell = RefCell::new(&mut table);
    let outcome = run(
        &plan,
        consent,
        &mut || Ok(cell.borrow().clone()),
        &mut |socket| take(socket, &mut cell.borrow_mut()),
        &mut || Ok(Vec::new()),
    );
    assert_eq!(outcome.unwrap().closed.len(), 1);
}
