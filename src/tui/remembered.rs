//! What the dashboard keeps of its view between runs: a small file that a person can read.
//!
//! ```toml
//! version = 1
//! names = true
//! all_namespaces = false
//! local = false                # whether UNIX and netlink sockets are shown
//! sort = "-rtt"                # as for `sockpit ports --sort`; what matters leads without,
//!                              # and last with "-"
//! group = "process"            # process, port, remote, state or tree; none without
//! split = 58                   # lines of Ports in percent, where other panes stand below it
//! columns = ["proto", "local"] # as for `--columns`; the usual ones without
//! ```

use std::fmt::Write as _;

use serde::Deserialize;

use super::arrange::{GroupBy, Sort};
use super::geometry::Split;
use crate::text::column::Column;

/// The file's name.
pub const FILE: &str = "view.toml";
/// Files of a later version may mean something else by the same words.
const VERSION: u32 = 1;

/// How the user has set up the view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Names in place of numbers.
    pub names: bool,
    /// Sockets of every network namespace.
    pub all_netns: bool,
    /// UNIX and netlink sockets too.
    pub local: bool,
    /// The order of the rows.
    pub sort: Sort,
    /// What they are grouped by.
    pub group: Option<GroupBy>,
    /// How tall Ports is.
    pub split: Split,
    /// The columns in their order; `None` for the usual ones.
    pub columns: Option<Vec<Column>>,
}

/// Why a file is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is of a later sockpit, which shall find it as it was.
    #[error("{FILE} is of a later version of sockpit; it is left alone")]
    Later,
    /// It is something else.
    #[error("{FILE} does not hold a view, so it is ignored: {0}")]
    Foreign(String),
}

#[derive(Deserialize)]
struct File {
    version: u32,
    names: Option<bool>,
    all_namespaces: Option<bool>,
    local: Option<bool>,
    sort: Option<String>,
    group: Option<String>,
    split: Option<u8>,
    columns: Option<Vec<String>>,
}

impl View {
    /// What the file's text says over this view. Names that are not known (any more) and
    /// keys that are not ours are passed over.
    pub fn recalled(self, text: &str) -> Result<Self, Unusable> {
        let file: File = toml::from_str(text).map_err(|error| {
            // The place is of no use to anyone who did not write the file.
            Unusable::Foreign(error.message().trim().replace('\n', "; "))
        })?;
        if file.version > VERSION {
            return Err(Unusable::Later);
        }
        let columns = file.columns.map(|names| {
            let mut columns: Vec<Column> = Vec::new();
            for column in names.iter().filter_map(|name| Column::find(name)) {
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
            columns
        });
        Ok(Self {
            names: file.names.unwrap_or(self.names),
            all_netns: file.all_namespaces.unwrap_or(self.all_netns),
            local: file.local.unwrap_or(self.local),
            sort: file.sort.and_then(|sort| read_sort(&sort)).unwrap_or(self.sort),
            group: file.group.and_then(|name| GroupBy::find(&name)).or(self.group),
            split: file.split.map_or(self.split, Split::new),
            columns: columns.filter(|columns| !columns.is_empty()).or(self.columns),
        })
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = format!(
            "# Written by sockpit whenever its view is changed.\n\
             version = {VERSION}\nnames = {}\nall_namespaces = {}\nlocal = {}\nsplit = {}\n",
            self.names,
            self.all_netns,
            self.local,
            self.split.percent()
        );
        let Sort { by, reverse } = self.sort;
        let sign = if reverse { "-" } else { "" };
        // Writing to a string cannot fail. Names hold nothing that would end a quotation.
        if self.sort != Sort::default() {
            let name = by.map_or("", Column::name);
            let _ = writeln!(text, "sort = \"{sign}{name}\"");
        }
        if let Some(group) = self.group {
            let _ = writeln!(text, "group = \"{}\"", group.name());
        }
        if let Some(columns) = &self.columns {
            let names: Vec<String> =
                columns.iter().map(|column| format!("\"{}\"", column.name())).collect();
            let _ = writeln!(text, "columns = [{}]", names.join(", "));
        }
        text
    }
}

fn read_sort(text: &str) -> Option<Sort> {
    if text == "-" {
        return Some(Sort { by: None, reverse: true });
    }
    let by = Column::find(text.strip_prefix('-').unwrap_or(text))?;
    Some(Sort { by: Some(by), reverse: text.starts_with('-') })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recalled(text: &str) -> Result<View, Unusable> {
        View::default().recalled(text)
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (group, columns) in [
            (None, None),
            (Some(GroupBy::Tree), Some(vec![Column::Rtt, Column::Proto])),
            (Some(GroupBy::Remote), Some(Column::ALL.to_vec())),
        ] {
            let sort = Sort { by: Some(Column::RecvQ), reverse: true };
            let split = Split::new(70);
            let view =
                View { names: true, all_netns: true, local: true, sort, group, split, columns };
            assert_eq!(recalled(&view.text()), Ok(view));
        }
        assert_eq!(recalled(&View::default().text()), Ok(View::default()));
        let turned = View { sort: Sort { by: None, reverse: true }, ..View::default() };
        assert_eq!(recalled(&turned.text()), Ok(turned));
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        let text = "version = 1\nsort = \"frob\"\ngroup = \"moon\"\nfuture = [1]\n\
                    columns = [\"pid\", \"frob\", \"pid\", \"name\"]\n";
        let columns = Some(vec![Column::Pid, Column::Name]);
        assert_eq!(recalled(text), Ok(View { columns, ..View::default() }));
        assert_eq!(recalled("version = 1\ncolumns = [\"frob\"]"), Ok(View::default()));
        let before = View { names: true, ..View::default() };
        assert_eq!(before.clone().recalled("version = 1"), Ok(before));
    }

    #[test]
    fn a_foreign_file_is_told_from_a_later_one() {
        for text in ["", "\u{0}\u{1b}[2J", "version = \"x\"", "version = 1\nnames = 3", "{}"] {
            assert!(matches!(recalled(text), Err(Unusable::Foreign(_))), "{text:?}");
        }
        assert_eq!(recalled("version = 2\nnames = true"), Err(Unusable::Later));
    }
}
