//! Whose RST it was: the attempt is made once more, under a capture.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::super::evidence::reset::Watch;
use super::super::fault::Scene;
use super::super::progress::Waterfall;
use super::super::transport::echo::{self, Echoed};
use super::super::verdict;
use super::Attempt;
use crate::model::probe::{OutcomeKind, RstDetail, Side, Verdict};

/// What an echo may take: some times as long as the RST, within these bounds.
const ECHO: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));

impl Attempt<'_> {
    /// The verdict on an attempt that an RST has ended, with its author where that can be told.
    pub(super) async fn with_author(
        &self,
        verdict: Verdict,
        scene: &mut Scene,
        waterfall: &mut Waterfall<'_>,
    ) -> Verdict {
        if !self.may_repeat(scene) || !is_by_rst(&verdict, scene) {
            return verdict;
        }
        let Some(rst) = self.look_whose_rst(scene).await else { return verdict };
        scene.connect.rst = Some(rst);
        waterfall.amend_connect(&scene.connect);
        if rst.before_target { verdict::by_a_device_before(verdict, rst, scene) } else { verdict }
    }

    /// Whether another attempt would do no more than this one, and could show anything: what the
    /// user has to say is said once, and a series asks once.
    fn may_repeat(&self, scene: &Scene) -> bool {
        let has_own_words = self.settings.send.is_some();
        self.first && !has_own_words && self.settings.via.is_none() && !scene.to_self
    }

    async fn look_whose_rst(&self, scene: &Scene) -> Option<RstDetail> {
        let way = scene.way.as_ref()?;
        let watch = Watch::begin(scene.address, way.index?).await?;
        let started = Instant::now();
        // Nobody hears of its stages.
        let (events, _) = mpsc::channel(1);
        let again = Attempt { first: false, ..*self };
        Box::pin(again.stream(scene.address, &mut Waterfall::new(1, &events))).await;
        let patience = (4 * started.elapsed()).clamp(ECHO.0, ECHO.1);
        let seen = watch.end().await?;
        let patience = self.settings.at_most(patience);
        let (echoed, _) = echo::echo(scene.address, &self.settings.outfit, 0, patience).await;
        let echo = match echoed {
            Echoed::Reply { ttl, .. } => ttl,
            _ => None,
        };
        seen.beside(echo, way.gateway.is_some())
    }
}

/// Whether an RST has decided it, and not a word or an ICMP error.
fn is_by_rst(verdict: &Verdict, scene: &Scene) -> bool {
    let errno = verdict.errno.as_deref().unwrap_or_default();
    let is_rst = match verdict.outcome {
        // A service that says no in words has no number for it.
        OutcomeKind::Refused => errno.ends_with("ECONNREFUSED"),
        OutcomeKind::Reset => true,
        _ => false,
    };
    is_rst && verdict.side == Some(Side::Peer) && scene.connect.icmp.is_empty()
}
