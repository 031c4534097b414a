//! Where things are on a screen of a given size. Pure, so that drawing and the mouse
//! cannot disagree.

use ratatui::layout::{Position, Rect};

use super::command::PaneId;

/// Several panes are shown at once from this size on.
pub const ALL_PANES: (u16, u16) = (120, 36);
/// Below this there is only a polite sentence.
pub const SMALLEST: (u16, u16) = (60, 16);
/// Columns that a pane below Ports needs; as many as get so much stand side by side.
const PANE_WIDTH: u16 = 56;
/// Lines, frame included, that Ports and the panes below it keep however the split is moved.
const LEAST_LINES: u16 = 8;
/// Columns that the tab of a pane that found no room may take on the frame of another.
const HIDDEN_TAB: u16 = 44;

/// How tall Ports is where other panes stand below it, in percent of what all of them have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Split(u8);

impl Split {
    /// What a key moves it by.
    const STEP: u8 = 5;

    /// A share in percent, kept within reason.
    pub fn new(percent: u8) -> Self {
        Self(percent.clamp(15, 85))
    }

    /// The share.
    pub fn percent(self) -> u8 {
        self.0
    }

    /// A step up or down the screen.
    #[must_use]
    pub fn moved(self, down: bool) -> Self {
        let by = Self::STEP;
        Self::new(if down { self.0 + by } else { self.0.saturating_sub(by) })
    }

    /// Lines of Ports out of so many.
    fn lines(self, body: u16) -> u16 {
        let share = (u32::from(body) * u32::from(self.0) + 50) / 100;
        let most = body.saturating_sub(LEAST_LINES).max(LEAST_LINES);
        u16::try_from(share).unwrap_or(body).clamp(LEAST_LINES, most)
    }

    /// The split that puts the last line of Ports on `line` of a body of `body` lines.
    fn at(line: u16, body: u16) -> Self {
        let percent = (u32::from(line) + 1) * 100 / u32::from(body.max(1));
        Self::new(u8::try_from(percent.min(100)).unwrap_or(100))
    }
}

impl Default for Split {
    fn default() -> Self {
        Self(58)
    }
}

/// What the user has made of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrangement {
    /// The pane that has the keyboard.
    pub focus: PaneId,
    /// Whether it has the whole screen.
    pub zoom: bool,
    /// Which of Options and Tester stands beside Packets where there is room for two.
    pub beside: PaneId,
    /// How tall Ports is.
    pub split: Split,
}

/// The parts of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// First line.
    pub header: Rect,
    /// Line of tabs, when only one pane is shown.
    pub tabs: Option<Rect>,
    /// Last line.
    pub footer: Rect,
    /// The panes on screen, frames included.
    pub panes: Vec<(PaneId, Rect)>,
    /// The tab of the pane that others leave no room for, on their frame.
    pub hidden: Option<(PaneId, Rect)>,
    // All panes together, where the split can be moved.
    splittable: Option<Rect>,
}

impl Geometry {
    /// The layout of a screen; `None` where it is too small for any.
    pub fn new(screen: Rect, wished: Arrangement) -> Option<Self> {
        if screen.width < SMALLEST.0 || screen.height < SMALLEST.1 {
            return None;
        }
        let line = |y| Rect { y, height: 1, ..screen };
        let header = line(screen.y);
        let footer = line(screen.bottom() - 1);
        let body = Rect { y: screen.y + 1, height: screen.height - 2, ..screen };
        let several = screen.width >= ALL_PANES.0 && screen.height >= ALL_PANES.1 && !wished.zoom;
        if several {
            let (panes, hidden) = several_panes(body, wished);
            let splittable = Some(body);
            return Some(Self { header, tabs: None, footer, panes, hidden, splittable });
        }
        let pane = Rect { y: body.y + 1, height: body.height - 1, ..body };
        let (tabs, panes) = (Some(line(body.y)), vec![(wished.focus, pane)]);
        Some(Self { header, tabs, footer, panes, hidden: None, splittable: None })
    }

    /// The pane under a point, and its inside.
    pub fn pane_at(&self, at: Position) -> Option<PaneId> {
        self.panes.iter().find(|(_, area)| area.contains(at)).map(|(id, _)| *id)
    }

    /// Whether a pane is on screen.
    pub fn shows(&self, pane: PaneId) -> bool {
        self.frame(pane).is_some()
    }

    /// A pane's frame.
    pub fn frame(&self, pane: PaneId) -> Option<Rect> {
        self.panes.iter().find(|(id, _)| *id == pane).map(|(_, frame)| *frame)
    }

    /// The tab under a point.
    pub fn tab_at(&self, at: Position) -> Option<PaneId> {
        if let Some((pane, tab)) = self.hidden {
            return tab.contains(at).then_some(pane);
        }
        let tabs = self.tabs?;
        PaneId::ALL.into_iter().find(|id| tab(tabs, *id).contains(at))
    }

    /// Whether the mouse can take hold of the split here: on the lower edge of Ports, or the
    /// upper one of what stands below.
    pub fn is_split(&self, at: Position) -> bool {
        let Some(body) = self.splittable else { return false };
        let edge = self.frame(PaneId::Ports).map_or(0, Rect::bottom);
        body.contains(at) && (at.y + 1 == edge || at.y == edge)
    }

    /// The split after it was dragged to this line.
    pub fn split_at(&self, y: u16) -> Option<Split> {
        let body = self.splittable?;
        Some(Split::at(y.saturating_sub(body.y), body.height))
    }
}

/// A pane and its place.
type Placed = (PaneId, Rect);

/// Ports over the whole width, and below it as many others side by side as have room enough;
/// where one has not, its tab is on the lower edge of Packets.
fn several_panes(body: Rect, wished: Arrangement) -> (Vec<Placed>, Option<Placed>) {
    let ports = Rect { height: wished.split.lines(body.height), ..body };
    let below = Rect { y: ports.bottom(), height: body.height - ports.height, ..body };
    let (shown, hidden) = match (below.width / PANE_WIDTH, wished.beside) {
        (3.., _) => (vec![PaneId::Packets, PaneId::Options, PaneId::Tester], None),
        (_, PaneId::Tester) => (vec![PaneId::Packets, PaneId::Tester], Some(PaneId::Options)),
        _ => (vec![PaneId::Packets, PaneId::Options], Some(PaneId::Tester)),
    };
    let count = u16::try_from(shown.len()).unwrap_or(1);
    let left = |index: u16| {
        below.x
            + u16::try_from(u32::from(below.width) * u32::from(index) / u32::from(count))
                .unwrap_or(0)
    };
    let mut panes = vec![(PaneId::Ports, ports)];
    for (index, pane) in (0..).zip(shown) {
        let x = left(index);
        panes.push((pane, Rect { x, width: left(index + 1) - x, ..below }));
    }
    let packets = panes[1].1;
    let width = HIDDEN_TAB.min(packets.width.saturating_sub(4));
    let tab = Rect {
        x: packets.right().saturating_sub(width + 2),
        y: packets.bottom() - 1,
        width,
        height: 1,
    };
    (panes, hidden.map(|pane| (pane, tab)))
}

/// The place of a pane's tab: ` 1 Ports `, one after another. The last one has the rest of the
/// line, for what there is to say about its pane.
pub fn tab(tabs: Rect, pane: PaneId) -> Rect {
    let width = |id: PaneId| u16::try_from(id.name().len()).unwrap_or(0) + 4;
    let before: u16 = PaneId::ALL.iter().take(pane.index()).map(|id| width(*id) + 1).sum();
    let width = if pane == PaneId::Tester { tabs.width } else { width(pane) };
    Rect { x: tabs.x + before, width, ..tabs }.intersection(tabs)
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

    fn layout(width: u16, height: u16, wished: Arrangement) -> Option<Geometry> {
        Geometry::new(screen(width, height), wished)
    }

    const USUAL: Arrangement = Arrangement {
        focus: PaneId::Ports,
        zoom: false,
        beside: PaneId::Options,
        split: Split(58),
    };

    #[test]
    fn panes_tile_the_screen_from_120x36_on_with_ports_over_the_whole_width() {
        for (width, height) in [(120, 36), (167, 40), (168, 40), (220, 60)] {
            for percent in [0, 15, 58, 85, 100] {
                let wished = Arrangement { split: Split::new(percent), ..USUAL };
                let geometry = layout(width, height, wished).unwrap();
                assert_eq!(geometry.tabs, None);
                assert_eq!(geometry.frame(PaneId::Ports).unwrap().width, width);
                let covered: u32 = geometry.panes.iter().map(|(_, area)| area.area()).sum();
                assert_eq!(covered, u32::from(width) * u32::from(height - 2));
                let least = geometry.panes.iter().map(|(_, area)| area.height).min();
                assert!(least >= Some(LEAST_LINES), "{width}x{height}: {percent} %");
                for (x, y) in [(0, 1), (width - 1, 1), (0, height - 2), (width - 1, height - 2)] {
                    assert!(geometry.pane_at(Position::new(x, y)).is_some(), "nothing at {x},{y}");
                }
            }
        }
    }

    #[test]
    fn as_many_panes_stand_below_as_get_56_columns() {
        let shown = |width, beside| {
            let geometry = layout(width, 36, Arrangement { beside, ..USUAL }).unwrap();
            let names: Vec<_> = geometry.panes.iter().map(|(id, _)| id.name()).collect();
            (names.join(" "), geometry.hidden.map(|(pane, _)| pane))
        };
        let tester = Some(PaneId::Tester);
        assert_eq!(shown(120, PaneId::Options), ("Ports Packets Options".to_owned(), tester));
        let options = Some(PaneId::Options);
        assert_eq!(shown(167, PaneId::Tester), ("Ports Packets Tester".to_owned(), options));
        assert_eq!(shown(168, PaneId::Tester).0, "Ports Packets Options Tester");
        assert_eq!(shown(168, PaneId::Tester).1, None);
    }

    #[test]
    fn the_pane_without_room_has_a_tab_on_the_frame_of_packets() {
        let geometry = layout(120, 36, USUAL).unwrap();
        let (pane, tab) = geometry.hidden.unwrap();
        assert_eq!(geometry.tab_at(Position::new(tab.x, tab.y)), Some(pane));
        assert_eq!(geometry.pane_at(Position::new(tab.right(), tab.y)), Some(PaneId::Packets));
        assert_eq!(geometry.tab_at(Position::new(1, 1)), None);
    }

    #[test]
    fn the_split_is_dragged_by_the_edge_between_ports_and_the_others() {
        let geometry = layout(120, 36, USUAL).unwrap();
        let edge = geometry.frame(PaneId::Ports).unwrap().bottom();
        for (y, is_split) in [(edge - 2, false), (edge - 1, true), (edge, true), (edge + 1, false)]
        {
            assert_eq!(geometry.is_split(Position::new(7, y)), is_split, "{y}");
        }
        for y in 9..26 {
            let split = geometry.split_at(y).unwrap();
            let moved = layout(120, 36, Arrangement { split, ..USUAL }).unwrap();
            let edge = moved.frame(PaneId::Ports).unwrap().bottom();
            assert!(edge.abs_diff(y + 1) <= 1, "dragged to {y}, the edge is at {edge}");
        }
        let alone = layout(80, 24, USUAL).unwrap();
        assert!(!alone.is_split(Position::new(7, edge)) && alone.split_at(9).is_none());
        assert_eq!(Split::new(85).moved(true), Split::new(85));
        assert!(Split::new(50).moved(false) < Split::new(50));
    }

    #[test]
    fn smaller_or_zoomed_there_is_one_pane_under_tabs() {
        for (width, height, zoom) in [(119, 50, false), (200, 35, false), (200, 50, true)] {
            let wished = Arrangement { focus: PaneId::Options, zoom, ..USUAL };
            let geometry = layout(width, height, wished).unwrap();
            assert_eq!(geometry.panes.len(), 1);
            assert!(geometry.shows(PaneId::Options));
            assert_eq!(geometry.tab_at(Position::new(1, 1)), Some(PaneId::Ports));
            assert_eq!(geometry.tab_at(Position::new(11, 1)), Some(PaneId::Packets));
        }
    }

    #[test]
    fn below_60x16_there_is_no_layout() {
        assert!(layout(60, 16, USUAL).is_some());
        assert!(layout(59, 16, USUAL).is_none());
        assert!(layout(60, 15, USUAL).is_none());
        assert!(layout(0, 0, USUAL).is_none());
    }
}
