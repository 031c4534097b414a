//! Texts that are too long for their column, cut where they are all alike: two that differ
//! look different after the cut, too, wherever that is possible.

use std::collections::HashSet;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::paint;

/// Where the long texts of a column are cut: how many columns of their beginning stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    paths: u16,
    addresses: u16,
}

impl Cut {
    /// The cut for these texts in so many columns. Those that fit are not looked at.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>, columns: u16) -> Self {
        let long = texts.into_iter().filter(|text| paint::width(text) > columns);
        let (paths, addresses): (HashSet<&str>, HashSet<&str>) =
            long.partition(|text| is_path(text));
        let room = columns.saturating_sub(1);
        let balanced = room.saturating_sub(tail_of(&addresses)) / 2;
        // From the wished place outwards.
        let around = |wished: u16| {
            let mut heads: Vec<u16> = (0..=room).collect();
            heads.sort_by_key(|head| head.abs_diff(wished));
            heads
        };
        Self {
            paths: best(&paths, columns, &around(0)),
            addresses: best(&addresses, columns, &around(balanced)),
        }
    }

    /// A text in at most so many columns.
    pub fn apply(self, text: String, columns: u16) -> String {
        if paint::width(&text) <= columns {
            return text;
        }
        let head = if is_path(&text) { self.paths } else { self.addresses };
        cut(&text, columns, head)
    }
}

/// Whether its end tells more than its beginning.
fn is_path(text: &str) -> bool {
    text.starts_with(['/', '.', '@'])
}

/// Columns of the longest port, with its colon.
fn tail_of(texts: &HashSet<&str>) -> u16 {
    let port = |text: &&str| text.rsplit_once(':').map_or(0, |(_, port)| paint::width(port) + 1);
    texts.iter().map(port).max().unwrap_or(0)
}

/// The first of `heads` that keeps the most texts apart.
fn best(texts: &HashSet<&str>, columns: u16, heads: &[u16]) -> u16 {
    let first = heads.first().copied().unwrap_or(0);
    if texts.len() < 2 {
        return first;
    }
    let mut best = (0, first);
    for head in heads {
        let apart = texts.iter().map(|text| cut(text, columns, *head)).collect::<HashSet<_>>();
        if apart.len() > best.0 {
            best = (apart.len(), *head);
        }
        if best.0 == texts.len() {
            break;
        }
    }
    best.1
}

/// The first `head` columns, `…`, and as much of the end as fits.
fn cut(text: &str, columns: u16, head: u16) -> String {
    let room = usize::from(columns.saturating_sub(1));
    let mut out = String::new();
    let mut left = usize::from(head).min(room);
    for c in text.chars() {
        let Some(rest) = left.checked_sub(c.width().unwrap_or(0)) else { break };
        left = rest;
        if left == 0 && usize::from(head) == 0 {
            break;
        }
        out.push(c);
        if left == 0 {
            break;
        }
    }
    let room = u16::try_from(room - out.width()).unwrap_or(0);
    out + &paint::fit_tail(text, (room + 1).min(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(texts: &[&str], columns: u16) -> Vec<String> {
        let cut = Cut::of(texts.iter().copied(), columns);
        texts.iter().map(|text| cut.apply((*text).to_owned(), columns)).collect()
    }

    #[test]
    fn an_address_is_cut_in_the_middle_and_keeps_its_port() {
        assert_eq!(cuts(&["127.0.0.1:51544"], 15), ["127.0.0.1:51544"]);
        assert_eq!(cuts(&["127.0.0.1:51544"], 12), ["12…0.1:51544"]);
        assert_eq!(cuts(&["[2001:db8:1:2:3:4:5:6]:443"], 16), ["[2001…4:5:6]:443"]);
    }

    #[test]
    fn a_path_is_cut_at_the_front() {
        assert_eq!(cuts(&["/run/app.sock"], 9), ["…app.sock"]);
        assert_eq!(cuts(&["/日本"], 4), ["…本"]);
        assert_eq!(cuts(&["/run/app.sock"], 0), [""]);
        assert_eq!(cuts(&["/run/app.sock"], 1), ["…"]);
    }

    #[test]
    fn what_tells_two_apart_is_not_cut() {
        let hosts = ["[2001:db8:77:1:2:3:4:5]:443", "[2001:db8:78:1:2:3:4:5]:443"];
        let last = ["[2001:db8:1:2:3:4:5:61]:443", "[2001:db8:1:2:3:4:5:62]:443"];
        let paths = ["/run/user/1000/systemd/bus", "/run/user/1001/systemd/bus"];
        for texts in [hosts, last, paths] {
            for columns in [14, 17, 20, 23] {
                let cut = cuts(&texts, columns);
                assert_ne!(cut[0], cut[1], "{columns}");
                assert!(cut.iter().all(|text| paint::width(text) <= columns), "{cut:?}");
            }
        }
    }
}
