//! How often which time was measured, in classes that double.

use std::time::Duration;

use crate::text::units;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::Line;

/// The longest bar.
const COLUMNS: usize = 24;

/// Each class that has a time: up to so many microseconds, and how many times there are.
fn classes(times: impl Iterator<Item = f64>) -> Vec<(u64, usize)> {
    let mut classes: Vec<(u64, usize)> = Vec::new();
    for us in times {
        let top = (us.max(1.0).ceil() as u64).next_power_of_two();
        match classes.binary_search_by_key(&top, |(top, _)| *top) {
            Ok(at) => classes[at].1 += 1,
            Err(at) => classes.insert(at, (top, 1)),
        }
    }
    classes
}

/// `≤ 128 µs  ━━━━━━━━  12`, a line for each class.
pub(super) fn lines(times: impl Iterator<Item = f64>, theme: &Theme) -> Vec<Line> {
    let classes = classes(times);
    let most = classes.iter().map(|(_, count)| *count).max().unwrap_or(1);
    let line = |(top, count): &(u64, usize)| {
        let top = units::duration(Duration::from_micros(*top));
        let bar = "━".repeat((count * COLUMNS / most).max(1));
        vec![
            (format!("≤ {top:>9}  "), theme.dim),
            (bar, theme.accent),
            (format!("  {}", units::count(*count as u64)), theme.text),
        ]
    };
    classes.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_double_and_empty_ones_are_left_out() {
        let times = [1.0, 2.0, 2.5, 100.0, 128.0, 129.0];
        let expected = [(1, 1), (2, 1), (4, 1), (128, 2), (256, 1)];
        assert_eq!(classes(times.into_iter()), expected);
        assert!(classes(std::iter::empty()).is_empty());
    }
}
