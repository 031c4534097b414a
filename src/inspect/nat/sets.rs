//! Which elements of a set a packet may have of which not all is known.

use super::bytes::Byte;
use super::conditions::{Holds, lies_between};
use crate::wire::netfilter::Set;
use crate::wire::netfilter::expression::Data;
use crate::wire::netfilter::set::Element;

/// An element's value, where it has one, and whether the packet meets the element.
pub(super) type Case<'s> = (Holds, Option<&'s Data>);

/// The elements that the packet may meet. Whether it meets none, for an inverted look.
pub(super) fn look_up<'s>(set: &'s Set, key: &[Byte], inverted: bool) -> Vec<Case<'s>> {
    let found = elements(set, key);
    if !inverted {
        return found;
    }
    let none = found.into_iter().fold(Holds::Yes, |none, (holds, _)| none.and(holds.inverted()));
    vec![(none, None)]
}

fn elements<'s>(set: &'s Set, key: &[Byte]) -> Vec<Case<'s>> {
    let regular = || set.elements.iter().filter(|element| !element.is_catchall);
    let mut cases: Vec<Case<'s>> = if set.has_open_intervals() {
        intervals(&regular().collect::<Vec<_>>(), key)
    } else {
        regular().map(|element| (meets(set, element, key), element.value.as_ref())).collect()
    };
    cases.retain(|(holds, _)| *holds != Holds::No);
    if let Some((holds, value)) = cases.iter().find(|(holds, _)| *holds == Holds::Yes) {
        return vec![(holds.clone(), *value)];
    }
    let catchall = set.elements.iter().find(|element| element.is_catchall);
    cases.extend(catchall.map(|element| {
        let holds = match cases.is_empty() {
            true => Holds::Yes,
            false => Holds::If(format!("by no other element of {}", set.name)),
        };
        (holds, element.value.as_ref())
    }));
    cases
}

/// Elements of which each holds until the next begins.
fn intervals<'s>(elements: &[&'s Element], key: &[Byte]) -> Vec<Case<'s>> {
    let starts = elements.iter().enumerate().filter(|(_, element)| !element.is_end);
    let case = |(index, element): (usize, &&'s Element)| {
        let last = match elements.get(index + 1) {
            Some(next) => one_less(&next.key),
            None => vec![0xff; element.key.len()],
        };
        (lies_between(key, &element.key, &last), element.value.as_ref())
    };
    starts.map(case).collect()
}

fn one_less(key: &[u8]) -> Vec<u8> {
    let mut less = key.to_vec();
    for byte in less.iter_mut().rev() {
        let borrowed;
        (*byte, borrowed) = byte.overflowing_sub(1);
        if !borrowed {
            break;
        }
    }
    less
}

/// Whether the key is that of the element, field by field.
fn meets(set: &Set, element: &Element, key: &[Byte]) -> Holds {
    let end = element.key_end.as_ref().unwrap_or(&element.key);
    let whole = [set.key_len];
    let fields = if set.fields.is_empty() { &whole[..] } else { &set.fields };
    let mut holds = Holds::Yes;
    let mut at = 0;
    for len in fields {
        let part = at..at + len;
        let (Some(key), Some(first), Some(last)) =
            (key.get(part.clone()), element.key.get(part.clone()), end.get(part))
        else {
            return Holds::If(format!("by the set {}", set.name));
        };
        holds = holds.and(lies_between(key, first, last));
        at += len.next_multiple_of(4);
    }
    holds
}
