//! The panes of the dashboard.

pub mod options;
pub mod packets;
pub mod ports;
pub mod tester;

use super::pane::Pane;

/// Every pane, in the order of their numbers. A new pane is a line here and a
/// [`super::pane::PaneId`].
pub fn all() -> [Box<dyn Pane>; 4] {
    [
        Box::new(ports::Ports::default()),
        Box::new(packets::Packets::default()),
        Box::new(options::Options::default()),
        Box::new(tester::Tester::default()),
    ]
}
