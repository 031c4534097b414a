//! What the tester asks for: tests, the path to an address, a talk.

use std::net::SocketAddr;

use futures_util::stream::{self, StreamExt};
use tokio::sync::{mpsc, oneshot};

use super::super::effect::ProbeOrder;
use super::super::event::{Answer, RequestId};
use crate::probe::{self, Outfit, Probe, Settings, Target};

/// Steps of a test that may wait for the loop.
const STEPS: usize = 32;

/// Runs a test to its end, or until `stopped` resolves.
pub(super) async fn probe(
    id: RequestId,
    order: ProbeOrder,
    mut stopped: oneshot::Receiver<()>,
    answers: mpsc::Sender<(RequestId, Answer)>,
) {
    let count = (!order.continuous).then_some(1);
    let mut probe = Probe::new(order.target, Settings { count, ..Settings::default() });
    let (tell, steps) = mpsc::channel(STEPS);
    let forwarder = tokio::spawn(forward(id, steps, Answer::Probing, answers.clone()));
    tokio::select! {
        () = probe.run(&tell) => {}
        _ = &mut stopped => {}
    }
    drop(tell);
    // Its steps come before its end. The forwarder cannot fail but by a panic, which ends
    // the dashboard.
    let _ = forwarder.await;
    let _ = answers.send((id, Answer::Probed(probe.report().map(Box::new)))).await;
}

/// So many targets of a board are tested at once.
const TESTED_AT_ONCE: usize = 16;

/// Tests each target once.
pub(super) async fn probe_all(
    id: RequestId,
    targets: Vec<Target>,
    answers: mpsc::Sender<(RequestId, Answer)>,
) {
    let each = targets.into_iter().enumerate().map(|(index, target)| {
        let answers = answers.clone();
        async move {
            let mut probe = Probe::new(target, Settings::default());
            // Nobody looks at its stages.
            let (events, _) = mpsc::channel(1);
            probe.run(&events).await;
            if let Some(report) = probe.report() {
                let _ = answers.send((id, Answer::ProbedOf(index, Box::new(report.verdict)))).await;
            }
        }
    });
    stream::iter(each).buffer_unordered(TESTED_AT_ONCE).collect::<()>().await;
}

/// Looks for the hops to an address.
pub(super) async fn path(
    id: RequestId,
    address: SocketAddr,
    answers: mpsc::Sender<(RequestId, Answer)>,
) {
    let hops = probe::path(address, &Outfit::default()).await;
    let _ = answers.send((id, Answer::Path(hops.map_err(|error| error.to_string())))).await;
}

/// Lines that may wait to be said.
const LINES: usize = 16;

/// Opens a connection to talk on. What is sent to the sender is said; without it the talk ends.
pub(super) fn talk(
    id: RequestId,
    target: Target,
    answers: mpsc::Sender<(RequestId, Answer)>,
) -> mpsc::Sender<Vec<u8>> {
    let (say, words) = mpsc::channel(LINES);
    tokio::spawn(async move {
        let (events, stages) = mpsc::channel(STEPS);
        let (tell, spoken) = mpsc::channel(STEPS);
        let stages = forward(id, stages, Answer::Probing, answers.clone());
        let spoken = forward(id, spoken, Answer::Talking, answers);
        let talk = async move {
            probe::talk(&target, &Settings::default(), words, &events, &tell).await;
        };
        tokio::join!(talk, stages, spoken);
    });
    say
}

/// Hands on what comes, as answers to a request.
async fn forward<T>(
    id: RequestId,
    mut steps: mpsc::Receiver<T>,
    answer: fn(T) -> Answer,
    answers: mpsc::Sender<(RequestId, Answer)>,
) {
    while let Some(step) = steps.recv().await {
        if answers.send((id, answer(step))).await.is_err() {
            return;
        }
    }
}
