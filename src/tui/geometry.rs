//! Where things are on a screen of a given size. Pure, so that drawing and the mouse
//! cannot disagree.

use ratatui::layout::{Position, Rect};

use super::command::PaneId;

/// All four panes are shown at once from this size on.
pub const ALL_PANES: (u16, u16) = (120, 36);
/// Below this there is only a polite sentence.
pub const SMALLEST: (u16, u16) = (60, 16);

/// The parts of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// First line.
    pub header: Rect,
    /// Line of tabs, when not all panes are shown.
    pub tabs: Option<Rect>,
    /// Last line.
    pub footer: Rect,
    /// The panes on screen, frames included.
    pub panes: Vec<(PaneId, Rect)>,
}

impl Geometry {
    /// The layout of a screen; `None` where it is too small for any.
    pub fn new(screen: Rect, focus: PaneId, zoom: bool) -> Option<Self> {
        if screen.width < SMALLEST.0 || screen.height < SMALLEST.1 {
            return None;
        }
        let line = |y| Rect { y, height: 1, ..screen };
        let header = line(screen.y);
        let footer = line(screen.bottom() - 1);
        let body = Rect { y: screen.y + 1, height: screen.height - 2, ..screen };
        let all = screen.width >= ALL_PANES.0 && screen.height >= ALL_PANES.1 && !zoom;
        if all {
            return Some(Self { header, tabs: None, footer, panes: four(body) });
        }
        let pane = Rect { y: body.y + 1, height: body.height - 1, ..body };
        Some(Self { header, tabs: Some(line(body.y)), footer, panes: vec![(focus, pane)] })
    }

    /// The pane under a point, and its inside.
    pub fn pane_at(&self, at: Position) -> Option<PaneId> {
        self.panes.iter().find(|(_, area)| area.contains(at)).map(|(id, _)| *id)
    }

    /// Whether a pane is on screen.
    pub fn shows(&self, pane: PaneId) -> bool {
        self.panes.iter().any(|(id, _)| *id == pane)
    }

    /// The tab under a point.
    pub fn tab_at(&self, at: Position) -> Option<PaneId> {
        let tabs = self.tabs?;
        PaneId::ALL.into_iter().find(|id| tab(tabs, *id).contains(at))
    }
}

/// Ports and Options at the left, Packets and Tester at the right; Ports gets the most.
fn four(body: Rect) -> Vec<(PaneId, Rect)> {
    let share = |of: u16, percent: u32| u16::try_from(u32::from(of) * percent / 100).unwrap_or(of);
    let left = share(body.width, 55);
    let ports = share(body.height, 58);
    let packets = share(body.height, 50);
    let at = |x, y, width, height| Rect { x: body.x + x, y: body.y + y, width, height };
    let right = body.width - left;
    vec![
        (PaneId::Ports, at(0, 0, left, ports)),
        (PaneId::Packets, at(left, 0, right, packets)),
        (PaneId::Options, at(0, ports, left, body.height - ports)),
        (PaneId::Tester, at(left, packets, right, body.height - packets)),
    ]
}

/// The place of a pane's tab: ` 1 Ports `, one after another.
pub fn tab(tabs: Rect, pane: PaneId) -> Rect {
    let width = |id: PaneId| u16::try_from(id.name().len()).unwrap_or(0) + 4;
    let before: u16 = PaneId::ALL.iter().take(pane.index()).map(|id| width(*id) + 1).sum();
    Rect { x: tabs.x + before, width: width(pane), ..tabs }.intersection(tabs)
}

/// The inside of a frame one cell thick.
pub fn inside(frame: Rect) -> Rect {
    Rect {
        x: frame.x + 1,
        y: frame.y + 1,
        width: frame.width.saturating_sub(2),
        height: frame.height.saturating_sub(2),
    }
}

/// A box of at most this size in the middle of the screen.
pub fn centred(screen: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(screen.width), height.min(screen.height));
    Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 2,
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(width: u16, height: u16) -> Rect {
        Rect::new(0, 0, width, height)
    }

    #[test]
    fn four_panes_tile_the_screen_from_120x36_on() {
        let geometry = Geometry::new(screen(120, 36), PaneId::Ports, false).unwrap();
        assert_eq!(geometry.tabs, None);
        let covered: u32 = geometry.panes.iter().map(|(_, area)| area.area()).sum();
        assert_eq!(covered, 120 * 34);
        for (x, y) in [(0, 1), (119, 1), (0, 34), (119, 34)] {
            assert!(geometry.pane_at(Position::new(x, y)).is_some(), "nothing at {x},{y}");
        }
    }

    #[test]
    fn smaller_or_zoomed_there_is_one_pane_under_tabs() {
        for (width, height, zoom) in [(119, 50, false), (200, 35, false), (200, 50, true)] {
            let geometry = Geometry::new(screen(width, height), PaneId::Options, zoom).unwrap();
            assert_eq!(geometry.panes.len(), 1);
            assert!(geometry.shows(PaneId::Options));
            assert_eq!(geometry.tab_at(Position::new(1, 1)), Some(PaneId::Ports));
            assert_eq!(geometry.tab_at(Position::new(11, 1)), Some(PaneId::Packets));
        }
    }

    #[test]
    fn below_60x16_there_is_no_layout() {
        assert!(Geometry::new(screen(60, 16), PaneId::Ports, false).is_some());
        assert!(Geometry::new(screen(59, 16), PaneId::Ports, false).is_none());
        assert!(Geometry::new(screen(60, 15), PaneId::Ports, false).is_none());
        assert!(Geometry::new(screen(0, 0), PaneId::Ports, false).is_none());
    }
}
