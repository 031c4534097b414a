//! The filters with a name: to choose one, to save the present filter as one, to forget one.

use super::picker::Picker;
use super::{Dialog, Page, Step};
use crate::query::{Saved, is_name};
use crate::text::clean;
use crate::tui::command::{Command, Motion};
use crate::tui::cx::Cx;
use crate::tui::keymap::Binding;
use crate::tui::widgets::field::Field;

/// The open list.
#[derive(Debug)]
pub struct FilterList {
    // A name, or a part of some, and what can be done that fits it.
    picker: Picker<Choice>,
    saved: Saved,
    // The filter that holds.
    present: String,
}

/// Something that Enter can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Use the filter of this name.
    Use(String),
    /// Save the present filter under this name.
    Save(String),
    /// Forget the filter of this name.
    Forget(String),
}

impl FilterList {
    /// All of `saved`, and `present` to be saved.
    pub fn new(saved: &Saved, present: &str) -> Self {
        let mut list = Self {
            picker: Picker::new(Vec::new()),
            saved: saved.clone(),
            present: present.trim().to_owned(),
        };
        list.field_changed();
        list
    }

    fn typed(&self) -> &str {
        let typed = self.picker.field.text().trim();
        typed.strip_prefix('@').unwrap_or(typed)
    }

    /// A choice in words, uncleaned.
    fn text(&self, choice: &Choice) -> String {
        match choice {
            Choice::Use(name) => {
                let text = self.saved.text(name).unwrap_or_default();
                let place = if self.saved.is_configured(name) { "  (configured)" } else { "" };
                format!("@{name}  {text}{place}")
            }
            Choice::Save(name) if self.saved.text(name).is_some() => {
                format!("save {} as @{name} in its place", self.present)
            }
            Choice::Save(name) => format!("save {} as @{name}", self.present),
            Choice::Forget(name) => format!("forget @{name}"),
        }
    }

    /// What to do next, where nothing is to be chosen.
    fn hint(&self) -> &'static str {
        match (self.saved.is_empty(), self.present.is_empty()) {
            (_, false) => "Type a name to save the present filter under it.",
            (true, true) => "None is saved yet: filter with /, come back and type a name for it.",
            (false, true) => "No saved filter is called so.",
        }
    }

    /// Does what is chosen.
    fn accept(&self, cx: &mut Cx<'_>) -> Step {
        let (saved, told) = match self.picker.get() {
            None => return Step::Stay,
            Some(Choice::Use(name)) => {
                cx.world.filters.chosen = Some(format!("@{name}"));
                return Step::Close;
            }
            Some(Choice::Save(name)) => {
                (self.saved.with(name, &self.present), format!("Saved as @{name}"))
            }
            Some(Choice::Forget(name)) => (self.saved.without(name), format!("Forgot @{name}")),
        };
        match saved {
            Ok(saved) => {
                cx.save_filters(saved);
                cx.world.say(told);
                Step::Close
            }
            Err(error) => {
                cx.world.complain(error.to_string());
                Step::Stay
            }
        }
    }
}

impl Dialog for FilterList {
    fn title(&self) -> String {
        "Saved filters".to_owned()
    }

    fn keys(&self) -> Vec<Binding> {
        vec![Binding::enter("take it"), Binding::esc("close")]
    }

    fn write(&self, page: &mut Page<'_>) {
        let texts = |choice| (clean(&self.text(choice)).into_owned().into(), String::new());
        self.picker.write(page, "@", self.hint(), texts);
    }

    fn field(&self) -> Option<&Field> {
        Some(&self.picker.field)
    }

    fn field_mut(&mut self) -> Option<&mut Field> {
        Some(&mut self.picker.field)
    }

    fn field_changed(&mut self) {
        let typed = self.typed().to_owned();
        let part = typed.to_ascii_lowercase();
        let fits = |name: &&str| name.to_ascii_lowercase().contains(&part);
        let names = self.saved.iter().map(|(name, _)| name).filter(fits);
        let mut choices: Vec<Choice> = names.map(|name| Choice::Use(name.to_owned())).collect();
        if is_name(&typed) && !self.saved.is_configured(&typed) {
            let is_new = self.saved.text(&typed) != Some(&self.present);
            if is_new && !self.present.is_empty() {
                choices.push(Choice::Save(typed.clone()));
            }
            if self.saved.text(&typed).is_some() {
                choices.push(Choice::Forget(typed));
            }
        }
        self.picker.narrow(choices);
    }

    fn choose(&mut self, motion: Motion) -> bool {
        self.picker.choose(motion)
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Step {
        match command {
            Command::Accept => self.accept(cx),
            _ => Step::Ignored,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::effect::Effect;
    use crate::tui::fixture::Bench;

    fn saved() -> Saved {
        Saved::new([("web", "port:80")]).unwrap().with("mine", "@web user:me").unwrap()
    }

    fn list(present: &str, typed: &str) -> FilterList {
        let mut list = FilterList::new(&saved(), present);
        list.picker.field.set(typed);
        list.field_changed();
        list
    }

    fn texts(list: &FilterList) -> Vec<String> {
        list.picker.found.iter().map(|choice| list.text(choice)).collect()
    }

    #[test]
    fn what_is_typed_narrows_the_list_and_names_what_is_new() {
        let all = ["@mine  @web user:me", "@web  port:80  (configured)"];
        assert_eq!(texts(&list("", "")), all);
        assert_eq!(texts(&list("port:1", "")), all);
        assert_eq!(texts(&list("port:1", "W")), [all[1], "save port:1 as @W"]);
        assert_eq!(texts(&list("port:1", "web")), [all[1]], "the configuration is the user's");
        assert_eq!(
            texts(&list("port:1", "@mine")),
            [all[0], "save port:1 as @mine in its place", "forget @mine"]
        );
        assert!(texts(&list("port:1", "a b")).is_empty());
    }

    #[test]
    fn choosing_uses_saves_and_forgets() {
        let mut bench = Bench::default();
        bench.world.filters.saved = saved();
        assert!(matches!(list("", "web").accept(&mut bench.cx()), Step::Close));
        assert_eq!(bench.world.filters.chosen.as_deref(), Some("@web"));
        assert!(bench.effects.is_empty());

        list("port:1", "new").accept(&mut bench.cx());
        assert_eq!(bench.world.filters.saved.text("new"), Some("port:1"));
        let Some(Effect::Keep(_, "saved-filters", text)) = bench.effects.last() else {
            panic!("it is not kept: {:?}", bench.effects)
        };
        assert_eq!(text, "mine @web user:me\nnew port:1\n");

        let mut forget = list("", "mine");
        forget.choose(Motion::Last);
        forget.accept(&mut bench.cx());
        assert_eq!(bench.world.filters.saved.text("mine"), None);
    }

    #[test]
    fn a_filter_that_would_use_itself_is_refused() {
        let mut bench = Bench::default();
        let mut list = list("@mine port:1", "mine");
        list.picker.chosen = 1;
        assert!(matches!(list.accept(&mut bench.cx()), Step::Stay));
        assert!(bench.world.notice.as_ref().unwrap().text.contains("would use itself"));
        assert!(bench.effects.is_empty());
    }
}
