//! What can be seen and done here, and what not: `sockpit doctor` on screen.

use super::{Dialog, Page};
use crate::model::health::HealthState;
use crate::model::machine::Ability;
use crate::text::{clean, shell};
use crate::tui::cx::Cx;
use crate::tui::event::{Answer, RequestId};

/// The question, and its answer once it is there.
#[derive(Debug)]
pub struct DoctorDialog {
    asked: RequestId,
    abilities: Option<Vec<Ability>>,
}

impl DoctorDialog {
    /// Waits for the answer to a request ([`Effect::Examine`](crate::tui::effect::Effect)).
    pub fn waiting_for(asked: RequestId) -> Self {
        Self { asked, abilities: None }
    }
}

impl Dialog for DoctorDialog {
    fn title(&self) -> String {
        "What can be seen and done here".to_owned()
    }

    fn write(&self, page: &mut Page<'_>) {
        let theme = page.theme;
        let Some(abilities) = &self.abilities else {
            return page.add("Looking …", theme.dim);
        };
        for ability in abilities {
            let (mark, style) = match ability.state {
                HealthState::Ready => ("✓", theme.fresh),
                HealthState::Degraded => ("▵", theme.warning),
                HealthState::Unavailable => ("✗", theme.danger),
            };
            let name = ability.name.replace('_', " ");
            let reason = ability.reason.as_deref().unwrap_or_default();
            page.lead((&format!("{mark} {name:<18} "), style), (&clean(reason), theme.text));
            if let Some(effect) = &ability.effect {
                page.hang("    lost: ", &clean(effect), theme.dim);
            }
            if let Some(remedy) = &ability.remedy {
                page.hang("    ", &format!("{}:", clean(&remedy.text)), theme.dim);
                // Whole, however long: a command line that is cut does something else.
                page.hang("    $ ", &shell::line(&remedy.argv), theme.text);
            }
        }
    }

    fn answer(&mut self, id: RequestId, answer: &Answer, _: &mut Cx<'_>) {
        if let (true, Answer::Examined(abilities)) = (id == self.asked, answer) {
            self.abilities = Some(abilities.clone());
        }
    }
}
