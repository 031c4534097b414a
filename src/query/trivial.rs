//! Whether a query asks nothing. What changes the system refuses such queries.

use super::ast::{Expr, Test};
use super::key::{Key, Measure, SetKey, TextKey};
use super::values::NumberSet;

/// With more different parts than this only the simple forms are seen.
const MAX_PARTS: usize = 12;

/// Whether no TCP or UDP socket whose values are known could fail. Sound for what it knows:
/// each part by itself, parts of one key joined by *or*, and propositional logic.
pub(super) fn is_always_true(expr: &Expr) -> bool {
    let merged = merged(expr);
    let mut parts = Vec::new();
    collect(&merged, &mut parts);
    if parts.len() > MAX_PARTS {
        return certain(&merged) == Some(true);
    }
    (0_u32..1 << parts.len()).all(|world| {
        holds(&merged, &|test| {
            let index = parts.iter().position(|part| *part == test);
            index.is_some_and(|index| world >> index & 1 == 1) || verdict(test) == Some(true)
        })
    })
}

/// The expression with all tests of one key in an *or* made one.
fn merged(expr: &Expr) -> Expr {
    match expr {
        Expr::Any(parts) => {
            let mut out: Vec<Expr> = Vec::new();
            for part in parts.iter().map(merged) {
                if !out.iter_mut().any(|known| absorbed(known, &part)) {
                    out.push(part);
                }
            }
            Expr::any(out)
        }
        Expr::All(parts) => Expr::all(parts.iter().map(merged).collect()),
        Expr::Not(part) => merged(part).negated(),
        Expr::Everything | Expr::Test(_) => expr.clone(),
    }
}

fn absorbed(known: &mut Expr, other: &Expr) -> bool {
    match (known, other) {
        (
            Expr::Test(Test::Number { key, set }),
            Expr::Test(Test::Number { key: same, set: more }),
        ) if key == same => set.append(more),
        (
            Expr::Test(Test::Address { side, set }),
            Expr::Test(Test::Address { side: same, set: more }),
        ) if side == same => set.append(more),
        (Expr::Test(Test::Name(set)), Expr::Test(Test::Name(more))) if set.key() == more.key() => {
            set.append(more);
        }
        _ => return false,
    }
    true
}

/// The tests that could go either way, each once.
fn collect<'a>(expr: &'a Expr, out: &mut Vec<&'a Test>) {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().for_each(|part| collect(part, out)),
        Expr::Not(part) => collect(part, out),
        Expr::Test(test) if verdict(test).is_none() && !out.contains(&test) => out.push(test),
        Expr::Everything | Expr::Test(_) => {}
    }
}

fn holds(expr: &Expr, truth: &impl Fn(&Test) -> bool) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().all(|part| holds(part, truth)),
        Expr::Any(parts) => parts.iter().any(|part| holds(part, truth)),
        Expr::Not(part) => !holds(part, truth),
        Expr::Everything => true,
        Expr::Test(test) => truth(test),
    }
}

/// The value that follows from the certain tests alone.
fn certain(expr: &Expr) -> Option<bool> {
    let joined = |parts: &[Expr], decisive: bool| {
        let mut joined = Some(!decisive);
        for part in parts {
            match certain(part) {
                Some(value) if value == decisive => return Some(decisive),
                None => joined = None,
                Some(_) => {}
            }
        }
        joined
    };
    match expr {
        Expr::All(parts) => joined(parts, false),
        Expr::Any(parts) => joined(parts, true),
        Expr::Not(part) => certain(part).map(|value| !value),
        Expr::Everything => Some(true),
        Expr::Test(test) => verdict(test),
    }
}

/// What a test says of every TCP or UDP socket, if it says the same of all.
fn verdict(test: &Test) -> Option<bool> {
    match test {
        Test::Number { key, set } => of_numbers(key.measure(), set),
        Test::Address { set, .. } => set.contains_all().then_some(true),
        Test::Name(set) if set.contains_all() => Some(true),
        Test::Name(set) => (!set.contains_any()).then_some(false),
        Test::Text { patterns, .. } => {
            patterns.iter().any(super::needle::Pattern::matches_any_text).then_some(true)
        }
        Test::Present(key) => (!can_be_absent(*key)).then_some(true),
        Test::PortOrPid(_) | Test::Option(_) => None,
        Test::Word(word) => word.is_on_every_row().then_some(true),
    }
}

/// 0 is no port that a socket in use has, and no process's id.
fn of_numbers(measure: Measure, set: &NumberSet) -> Option<bool> {
    let (low, high) = match measure {
        Measure::Port => (1, u16::MAX.into()),
        Measure::Id => (1, u32::MAX.into()),
        Measure::Percent => (0, 100),
        Measure::Count | Measure::Bytes | Measure::Duration => (0, u64::MAX),
    };
    if set.contains_all(low, high) {
        return Some(true);
    }
    (!set.contains_any(low, high)).then_some(false)
}

fn can_be_absent(key: Key) -> bool {
    matches!(
        key,
        Key::Set(SetKey::Finding)
            | Key::Option
            | Key::Text(TextKey::Unit | TextKey::Container | TextKey::Interface | TextKey::Service)
    )
}
