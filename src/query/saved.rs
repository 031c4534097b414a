//! Filters saved under a name, which queries use as `@name`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use super::ast::Expr;
use super::error::{QueryError, echo, nearest};
use super::help::Table;
use super::named::is_name;
use super::parser;
use super::resolve::Resolve;

/// A saved filter may come to so many tests with all that it uses: two that each use another
/// twice, and so on, would else outgrow any memory.
const MAX_TESTS: usize = 1_000;
/// So many filters may use one another in a row.
const MAX_DEPTH: usize = 20;
/// So many filters are saved from within sockpit.
const MAX_OWN: usize = 200;

/// Filters by their names, each of them good.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    filters: BTreeMap<String, Filter>,
    // Lines of the own text that say nothing now; another version, or another configuration,
    // may have a use for them.
    left_out: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Filter {
    text: String,
    /// Whether the user wrote it into the configuration, which sockpit does not change.
    is_configured: bool,
    /// What it asks for; `None` for everything.
    expr: Option<Expr>,
}

/// Which of the filters is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedError {
    /// Its name.
    pub name: String,
    /// What is wrong in its text; `None` when it is the name.
    pub error: Option<QueryError>,
}

impl fmt::Display for SavedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) => write!(f, "the filter {}, {error}", echo(&self.name)),
            None => write!(
                f,
                "{} cannot name a filter: a name begins with a letter or digit and goes on with \
                 letters, digits, `-`, `_` and `.`",
                echo(&self.name)
            ),
        }
    }
}

impl std::error::Error for SavedError {}

impl Saved {
    /// Reads the configured filters: names with their texts. They may use one another in any
    /// order, but none may come to use itself.
    pub fn new<N, T>(filters: impl IntoIterator<Item = (N, T)>) -> Result<Self, SavedError>
    where
        N: Into<String>,
        T: Into<String>,
    {
        let filters = filters.into_iter();
        Self::read(filters.map(|(name, text)| (name.into(), (text.into(), true))).collect())
    }

    /// Adds filters that were saved from within sockpit, as [`Saved::own_text`] wrote them.
    /// Those that are no good any more are left out, and returned with what is wrong; so are
    /// those whose name the configuration has taken since. [`Saved::own_text`] keeps them all.
    pub fn with_own_text(&self, text: &str) -> (Self, Vec<SavedError>) {
        let mut own: BTreeMap<&str, &str> = BTreeMap::new();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        for (name, text) in lines.filter(|(name, _)| !self.is_configured(name)).take(MAX_OWN) {
            own.insert(name, text);
        }
        let mut wrong = Vec::new();
        loop {
            let own_filters = own.iter().map(|(name, text)| (*name, *text, false));
            match Self::read(self.entries().chain(own_filters).map(owned).collect()) {
                Ok(saved) => {
                    let is_read = |line: &&str| {
                        line.split_once(' ').is_some_and(|(name, _)| own.contains_key(name))
                    };
                    let lines = text.lines().filter(|line| !line.trim().is_empty());
                    let left_out = lines.filter(|line| !is_read(line)).map(str::to_owned).collect();
                    return (Self { left_out, ..saved }, wrong);
                }
                Err(error) => {
                    // The configured ones were good by themselves.
                    own.remove(error.name.as_str());
                    wrong.push(error);
                }
            }
        }
    }

    /// The filters that were saved from within sockpit: a name, a blank and the text a line.
    pub fn own_text(&self) -> String {
        let own = self.entries().filter(|(_, _, is_configured)| !is_configured);
        let own: String = own.map(|(name, text, _)| format!("{name} {}\n", text.trim())).collect();
        let is_saved_anew = |line: &str| {
            let name = line.split_once(' ').map(|(name, _)| name);
            name.is_some_and(|name| self.filters.contains_key(name) && !self.is_configured(name))
        };
        let kept = self.left_out.iter().filter(|line| !is_saved_anew(line));
        kept.fold(own, |text, line| text + line + "\n")
    }

    /// How many lines of the own text are of no use now.
    pub fn left_out(&self) -> usize {
        self.left_out.len()
    }

    fn read(filters: BTreeMap<String, (String, bool)>) -> Result<Self, SavedError> {
        let (mut texts, mut configured) = (BTreeMap::new(), HashSet::new());
        for (name, (text, is_configured)) in filters {
            if is_configured {
                configured.insert(name.clone());
            }
            texts.insert(name, text);
        }
        if let Some(name) = texts.keys().find(|name| !is_name(name)) {
            return Err(SavedError { name: name.clone(), error: None });
        }
        let mut reading = Reading { texts: &texts, done: HashMap::new(), path: Vec::new() };
        for name in texts.keys() {
            reading
                .read(name)
                .map_err(|error| SavedError { name: name.clone(), error: Some(error) })?;
        }
        let mut done = reading.done;
        let with_expr = |(name, text): (&String, &String)| {
            let expr = done.remove(name.as_str()).flatten();
            let is_configured = configured.contains(name);
            (name.clone(), Filter { text: text.clone(), is_configured, expr })
        };
        let filters = texts.iter().map(with_expr).collect();
        Ok(Self { filters, left_out: Vec::new() })
    }

    /// The same with one filter more, or with another text for it.
    pub fn with(&self, name: &str, text: &str) -> Result<Self, SavedError> {
        let others = self.entries().filter(|(known, _, _)| *known != name);
        let all = others.chain([(name, text, self.is_configured(name))]);
        Ok(Self { left_out: self.left_out.clone(), ..Self::read(all.map(owned).collect())? })
    }

    /// The same without one filter. Fails where another one uses it.
    pub fn without(&self, name: &str) -> Result<Self, SavedError> {
        let others = self.entries().filter(|(known, _, _)| *known != name);
        Ok(Self { left_out: self.left_out.clone(), ..Self::read(others.map(owned).collect())? })
    }

    /// Whether the filter stands in the configuration, which sockpit does not change.
    pub fn is_configured(&self, name: &str) -> bool {
        self.filters.get(name).is_some_and(|filter| filter.is_configured)
    }

    fn entries(&self) -> impl Iterator<Item = (&str, &str, bool)> {
        self.filters.iter().map(|(name, f)| (name.as_str(), f.text.as_str(), f.is_configured))
    }

    /// Names and texts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.filters.iter().map(|(name, filter)| (name.as_str(), filter.text.as_str()))
    }

    /// The text of a filter.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.filters.get(name).map(|filter| filter.text.as_str())
    }

    /// The tables that a filter can be used on: those that have all its keys.
    pub fn tables_of(&self, name: &str) -> Vec<&'static str> {
        let Some(filter) = self.filters.get(name) else { return Vec::new() };
        let fits = |table: &Table| {
            filter.expr.as_ref().is_none_or(|expr| expr.foreign_key(table.keys).is_none())
        };
        Table::ALL.into_iter().filter(fits).map(|table| table.name).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }
}

fn owned((name, text, is_configured): (&str, &str, bool)) -> (String, (String, bool)) {
    (name.to_owned(), (text.to_owned(), is_configured))
}

impl Resolve for &Saved {
    fn resolve(&mut self, name: &str) -> Result<Expr, String> {
        let filter = self
            .filters
            .get(name)
            .ok_or_else(|| unknown(name, self.iter().map(|(name, _)| name)))?;
        Ok(filter.expr.clone().unwrap_or(Expr::Everything))
    }
}

/// Saved filters on their way from text, some of them done.
struct Reading<'a> {
    texts: &'a BTreeMap<String, String>,
    done: HashMap<&'a str, Option<Expr>>,
    /// Names that are being read, each used by the one before.
    path: Vec<&'a str>,
}

impl<'a> Reading<'a> {
    fn read(&mut self, name: &'a str) -> Result<(), QueryError> {
        if self.done.contains_key(name) {
            return Ok(());
        }
        let text = &self.texts[name];
        self.path.push(name);
        let expr = parser::parse(&Table::SOCKETS, text, &[], self)?;
        self.path.pop();
        if expr.as_ref().map_or(0, Expr::count) > MAX_TESTS {
            let message = format!("with all that it uses it has more than {MAX_TESTS} parts");
            return Err(QueryError { column: 1, message });
        }
        self.done.insert(name, expr);
        Ok(())
    }
}

impl Resolve for Reading<'_> {
    fn resolve(&mut self, name: &str) -> Result<Expr, String> {
        let Some((name, _)) = self.texts.get_key_value(name) else {
            return Err(unknown(name, self.texts.keys().map(String::as_str)));
        };
        if self.path.contains(&name.as_str()) {
            return Err(format!("{} would use itself: a saved filter cannot", echo(name)));
        }
        if self.path.len() == MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} filters use one another in a row"));
        }
        self.read(name).map_err(|error| format!("in @{name}, {error}"))?;
        let expr = self.done.get(name.as_str()).cloned().flatten();
        Ok(expr.unwrap_or(Expr::Everything))
    }
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let there_are = match (nearest(name, known.iter().copied()), &known[..]) {
        (Some(meant), _) => format!("did you mean @{meant}?"),
        (None, []) => "there are none".to_owned(),
        (None, known) => format!("there are @{}", known.join(" @")),
    };
    let name = echo(&format!("@{name}"));
    format!("no filter is saved as {name}: {there_are} (quote a word to search for it)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    fn saved(filters: &[(&str, &str)]) -> Saved {
        Saved::new(filters.iter().copied()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn refused(filters: &[(&str, &str)]) -> String {
        Saved::new(filters.iter().copied()).unwrap_err().to_string()
    }

    fn parsed(text: &str, saved: &Saved) -> String {
        Query::parse_with(text, saved).unwrap_or_else(|error| panic!("{error}")).to_string()
    }

    #[test]
    fn a_name_stands_for_its_filter_as_a_group() {
        let saved = saved(&[("web", "port:80 or port:443"), ("up", "@web state:listen")]);
        assert_eq!(parsed("@web name:nginx", &saved), "(port:80 or port:443) name:nginx");
        assert_eq!(parsed("!@web", &saved), "!(port:80 or port:443)");
        assert_eq!(parsed("@up", &saved), "(port:80 or port:443) state:LISTEN");
        assert_eq!(parsed("@web,22", &saved), "port:80 or port:443 or 22");
        let named = Query::parse_args_with(&["@up", "port:80 or port:81"], &saved).unwrap();
        assert_eq!(named.to_string(), "(port:80 or port:443) state:LISTEN (port:80 or port:81)");
        assert_eq!(named.named_states().len(), 1, "what a query names, it names by a filter too");
    }

    #[test]
    fn an_unknown_name_is_an_error_and_quotes_make_text_of_it() {
        let saved = saved(&[("web", "port:80")]);
        let error = Query::parse_with("port:1 @wev", &saved).unwrap_err();
        assert_eq!(error.column, 8);
        assert!(error.message.contains("did you mean @web?"), "{error}");
        let error = Query::parse("@web").unwrap_err();
        assert!(error.message.contains("there are none"), "{error}");
        assert_eq!(parsed("\"@web\"", &saved), "\"@web\"");
        // Names of UNIX sockets.
        for text in ["@/tmp/.X11-unix/X0", "@", "@-x", "a@web", "@\u{fc}"] {
            assert!(Query::parse_with(text, &saved).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_filter_that_asks_for_everything_still_does() {
        let saved = saved(&[("all", " "), ("star", "*")]);
        for text in ["@all", "@star", "@all or port:80"] {
            assert!(Query::parse_with(text, &saved).unwrap().matches_everything(), "{text}");
        }
    }

    #[test]
    fn none_uses_itself() {
        assert_eq!(
            refused(&[("a", "port:1 @a")]),
            "the filter `a`, query column 8: `a` would use itself: a saved filter cannot"
        );
        let error = refused(&[("a", "@b"), ("b", "@c"), ("c", "port:2 or @a")]);
        assert!(error.contains("`a` would use itself"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        assert!(refused(&[("a", "port:x y")]).starts_with("the filter `a`, query column 6: "));
        assert!(refused(&[("a b", "port:1")]).starts_with("`a b` cannot name a filter"));
        assert!(refused(&[("a", "@b"), ("b", "(")]).contains("in @b, query column"));
    }

    #[test]
    fn filters_that_multiply_are_refused_in_time() {
        let name = |n: usize| format!("f{n:02}");
        let doubling = |n| format!("@{next} @{next} !@{next}", next = name(n + 1));
        let mut filters: Vec<_> = (0..19).map(|n| (name(n), doubling(n))).collect();
        filters.push((name(19), "port:1 or port:2".to_owned()));
        assert!(Saved::new(filters).unwrap_err().to_string().contains("more than 1000 parts"));
        let mut chain: Vec<_> = (0..50).map(|n| (name(n), format!("@{}", name(n + 1)))).collect();
        chain.push((name(50), "port:1".to_owned()));
        assert!(Saved::new(chain).unwrap_err().to_string().contains("in a row"));
    }

    #[test]
    fn what_was_saved_from_within_is_read_again_as_far_as_it_is_good() {
        let configured = saved(&[("web", "port:80")]);
        let all = configured.with("up", "@web state:listen").unwrap();
        assert_eq!(all.own_text(), "up @web state:listen\n");
        assert_eq!(configured.with_own_text(&all.own_text()), (all, Vec::new()));
        let text = "web port:1\nbad port:x\nuses @bad\nup port:2\nnothing\n- x\n";
        let (kept, wrong) = configured.with_own_text(text);
        assert_eq!(kept.iter().collect::<Vec<_>>(), [("up", "port:2"), ("web", "port:80")]);
        let mut wrong: Vec<String> = wrong.into_iter().map(|wrong| wrong.name).collect();
        wrong.sort();
        assert_eq!(wrong, ["-", "bad", "uses"]);
        // What is no good now is still in the file after the next change.
        assert_eq!(kept.left_out(), 5);
        let changed = kept.with("bad", "port:3").unwrap().without("up").unwrap();
        assert_eq!(changed.own_text(), "bad port:3\nweb port:1\nuses @bad\nnothing\n- x\n");
    }

    #[test]
    fn filters_are_added_and_dropped() {
        let saved = saved(&[("web", "port:80")]).with("up", "@web state:listen").unwrap();
        assert_eq!(saved.text("up"), Some("@web state:listen"));
        assert!(saved.without("web").unwrap_err().to_string().contains("@web"));
        assert!(saved.without("up").unwrap().without("web").unwrap().is_empty());
        assert!(saved.with("web", "@up").is_err());
        assert_eq!(saved.with("web", "port:81").unwrap().text("web"), Some("port:81"));
    }
}
