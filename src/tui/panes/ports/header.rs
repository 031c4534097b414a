//! What stands in a group's header.

use std::borrow::Cow;

use ratatui::style::Style;

use crate::text::{clean, units};
use crate::tui::arrange::{Counts, Folds, Group, GroupKey, Listing};
use crate::tui::theme::Theme;

/// Columns that a child stands to the right of its parent.
const INDENT: usize = 2;
/// Deeper headers stand no further to the right.
const DEEPEST: u16 = 12;

/// What the rows of the group have in common.
pub(super) fn title(group: &Group) -> String {
    match group.key {
        GroupKey::Process(key) => {
            format!("{} {}", clean(group.name.as_deref().unwrap_or(units::UNKNOWN)), key.pid)
        }
        GroupKey::Unowned(kind) => kind.name().to_owned(),
        GroupKey::LocalPort(port) => format!("port {port}"),
        GroupKey::RemotePort(port) => format!("to port {port}"),
        GroupKey::NoPort => "no port".to_owned(),
        GroupKey::NoRemote => "no peer".to_owned(),
        GroupKey::Remote(addr) => addr.to_string(),
        GroupKey::LocalPeer => "a peer without address".to_owned(),
        GroupKey::State(state) => state.name().to_owned(),
        GroupKey::TimeWait(port) => format!("port {port}"),
        GroupKey::Own => "sockpit itself".to_owned(),
    }
}

/// `3 sockets, 1 listener, 2 connections`.
pub(super) fn counts(counts: Counts) -> String {
    let mut parts = Vec::new();
    let mut add = |number: usize, one: &str| {
        let many = if number == 1 { "" } else { "s" };
        parts.push(format!("{} {one}{many}", units::count(number as u64)));
    };
    add(counts.sockets, "socket");
    if counts.listeners > 0 {
        add(counts.listeners, "listener");
    }
    if counts.connections > 0 {
        add(counts.connections, "connection");
    }
    parts.join(", ")
}

/// The line, in pieces.
pub(super) fn line(
    group: &Group,
    folds: &Folds,
    selected: bool,
    theme: &Theme,
) -> Vec<(Cow<'static, str>, Style)> {
    let indent = INDENT * usize::from(group.depth.min(DEEPEST));
    let fold = if folds.hides(group.key) { "▸" } else { "▾" };
    let shown = Listing::counts_of(group, folds);
    let mut pieces = vec![
        ((if selected { "▶ " } else { "  " }).into(), theme.accent),
        (format!(" {:indent$}{fold} ", "").into(), theme.dim),
        (title(group).into(), theme.heading),
    ];
    if shown.sockets > 0 {
        let text = match group.key {
            GroupKey::TimeWait(_) => format!("{} in TIME_WAIT", units::count(shown.sockets as u64)),
            _ => counts(shown),
        };
        pieces.push((format!("  {text}").into(), theme.dim));
    }
    if let Some(rate) = shown.bytes_per_s.filter(|rate| *rate > 0) {
        pieces.push((format!("  {}/s", units::bytes(rate)).into(), theme.text));
    }
    if shown.crowded > 0 {
        let queues = if shown.crowded == 1 { "queue" } else { "queues" };
        pieces.push((format!("  {} crowded {queues}!", shown.crowded).into(), theme.danger));
    }
    pieces
}
