//! The sets and maps of nf_tables.

use std::cmp::Ordering;

use super::expression::{Data, data, number, text};
use super::table::{Table, TableFamily};
use crate::wire::netlink::{Malformed, attributes};

/// A set, or a map where its elements have values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its table.
    pub table: Table,
    /// Name, uncleaned.
    pub name: String,
    /// Whether its elements are the ends of intervals.
    pub intervals: bool,
    /// Length in bytes of a key.
    pub key_len: usize,
    /// Lengths of the joined fields of a key, without the padding to four bytes; empty for a
    /// key of one field.
    pub fields: Vec<usize>,
    /// Its elements, ordered by key.
    pub elements: Vec<Element>,
}

/// An element of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Key, or an interval's start.
    pub key: Vec<u8>,
    /// Where an interval ends, inclusive, if it is told here and not by another element.
    pub key_end: Option<Vec<u8>>,
    /// This is where the interval before it ends, exclusive.
    pub is_end: bool,
    /// Stands for every key that no other element has.
    pub is_catchall: bool,
    /// A map's value.
    pub value: Option<Data>,
}

const FLAG_INTERVAL: u32 = 4;

/// Reads a set without its elements from what follows `struct nfgenmsg`.
pub fn parse(family: TableFamily, bytes: &[u8]) -> Result<Set, Malformed> {
    let mut set = Set {
        table: Table { family, name: String::new() },
        name: String::new(),
        intervals: false,
        key_len: 0,
        fields: Vec::new(),
        elements: Vec::new(),
    };
    for attribute in attributes(bytes) {
        match attribute? {
            (1, value) => set.table.name = text(value),
            (2, value) => set.name = text(value),
            (3, value) => set.intervals = number(value)? & FLAG_INTERVAL != 0,
            (5, value) => set.key_len = number(value)? as usize,
            (9, value) => set.fields = fields(value)?,
            _ => {}
        }
    }
    Ok(set)
}

/// `NFTA_SET_DESC_CONCAT`: a list of field lengths.
fn fields(bytes: &[u8]) -> Result<Vec<usize>, Malformed> {
    let mut lengths = Vec::new();
    for attribute in attributes(bytes) {
        let (2, list) = attribute? else { continue };
        for field in attributes(list) {
            for attribute in attributes(field?.1) {
                if let (1, value) = attribute? {
                    lengths.push(number(value)? as usize);
                }
            }
        }
    }
    Ok(lengths)
}

/// Reads the elements of one message from what follows `struct nfgenmsg`.
pub fn elements(bytes: &[u8]) -> Result<Vec<Element>, Malformed> {
    let mut found = Vec::new();
    for attribute in attributes(bytes) {
        let (3, list) = attribute? else { continue };
        for element in attributes(list) {
            found.push(element_of(element?.1)?);
        }
    }
    Ok(found)
}

fn element_of(bytes: &[u8]) -> Result<Element, Malformed> {
    let mut element =
        Element { key: Vec::new(), key_end: None, is_end: false, is_catchall: false, value: None };
    for attribute in attributes(bytes) {
        match attribute? {
            (1, value) => element.key = bytes_of(value)?,
            (2, value) => element.value = Some(data(value)?),
            (3, value) => {
                let flags = number(value)?;
                (element.is_end, element.is_catchall) = (flags & 1 != 0, flags & 2 != 0);
            }
            (10, value) => element.key_end = Some(bytes_of(value)?),
            _ => {}
        }
    }
    Ok(element)
}

fn bytes_of(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    match data(bytes)? {
        Data::Value(value) => Ok(value),
        Data::Verdict(_) => Err(Malformed { what: "a set's key", need: 1, have: 0 }),
    }
}

impl Set {
    /// Takes in all its elements, in any order.
    pub fn fill(&mut self, mut elements: Vec<Element>) {
        // Where one interval ends and the next begins, the beginning counts.
        let order = |a: &Element, b: &Element| -> Ordering {
            a.key.cmp(&b.key).then(b.is_end.cmp(&a.is_end))
        };
        elements.sort_by(order);
        self.elements = elements;
    }

    /// Whether single elements stand for intervals that the next one ends.
    pub fn has_open_intervals(&self) -> bool {
        self.intervals && self.elements.iter().all(|element| element.key_end.is_none())
    }
}
