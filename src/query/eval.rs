//! The logic of a query, the same over every table.

use super::ast::{Expr, Test};
use super::values::NumberSet;

/// What a query says of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truth {
    /// The row matches.
    Yes,
    /// It does not.
    No,
    /// It depends on something that is not known: more rights might decide it.
    Undecided,
}

/// An answer on the way. Kleene's logic with two kinds of neither: what nobody knows, and
/// what the row cannot have (the round-trip time of a listener). The row matches neither the
/// comparison nor its negation in both cases, but only the first could be decided by knowing
/// more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    Unknown,
    Inapplicable,
}

impl Match {
    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            neither => neither,
        }
    }

    fn and(self, other: Self) -> Self {
        self.not().or(other.not()).not()
    }

    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Inapplicable, _) | (_, Self::Inapplicable) => Self::Inapplicable,
            (Self::No, Self::No) => Self::No,
        }
    }
}

impl From<bool> for Match {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl From<Match> for Truth {
    fn from(answer: Match) -> Self {
        match answer {
            Match::Yes => Self::Yes,
            Match::No | Match::Inapplicable => Self::No,
            Match::Unknown => Self::Undecided,
        }
    }
}

/// A row of some table, which can be asked a single question.
pub(super) trait Row {
    /// What it says. A question by a key that its table does not have never comes.
    fn ask(&self, test: &Test) -> Match;
}

/// What a row says to a query.
pub(super) fn ask(expr: &Expr, row: &impl Row) -> Match {
    match expr {
        Expr::Everything => Match::Yes,
        Expr::Not(part) => ask(part, row).not(),
        Expr::Test(test) => row.ask(test),
        Expr::All(parts) => {
            let mut all = Match::Yes;
            for part in parts {
                all = all.and(ask(part, row));
                if all == Match::No {
                    break;
                }
            }
            all
        }
        Expr::Any(parts) => any(parts, |part| ask(part, row)),
    }
}

/// *or* over all items; *no* of none.
pub(super) fn any<T>(
    items: impl IntoIterator<Item = T>,
    mut answer: impl FnMut(T) -> Match,
) -> Match {
    let mut any = Match::No;
    for item in items {
        any = any.or(answer(item));
        if any == Match::Yes {
            break;
        }
    }
    any
}

/// An answer about a value that may not be known.
pub(super) fn known<T>(value: Option<T>, holds: impl FnOnce(T) -> bool) -> Match {
    value.map_or(Match::Unknown, |value| holds(value).into())
}

/// What is known of a value of which only the least possible one is.
pub(super) fn at_least(set: &NumberSet, least: u64) -> Match {
    if set.contains_all_from(least) {
        Match::Yes
    } else if set.contains_any_from(least) {
        Match::Unknown
    } else {
        Match::No
    }
}

#[cfg(test)]
mod tests {
    use super::Match::{self, Inapplicable, No, Unknown, Yes};

    const ALL: [Match; 4] = [Yes, No, Unknown, Inapplicable];

    #[test]
    fn logic_is_kleenes_with_two_kinds_of_neither() {
        for a in ALL {
            assert_eq!(a.not().not(), a);
            assert_eq!(a.or(No), a);
            assert_eq!(a.and(Yes), a);
            assert_eq!(a.or(Yes), Yes);
            assert_eq!(a.and(No), No);
            for b in ALL {
                assert_eq!(a.or(b), b.or(a));
                assert_eq!(a.and(b).not(), a.not().or(b.not()));
                for c in ALL {
                    assert_eq!(a.or(b).or(c), a.or(b.or(c)));
                }
            }
        }
        assert_eq!(Unknown.not(), Unknown);
        assert_eq!(Unknown.or(Inapplicable), Unknown);
    }
}
