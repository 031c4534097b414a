//! A row of bars, newest at the right.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The newest `columns` values, scaled to the largest of them. What was not measured is a
/// space, zero is the lowest bar.
pub fn sparkline(values: &[Option<f64>], columns: usize) -> String {
    let shown = &values[values.len().saturating_sub(columns)..];
    let largest = shown.iter().flatten().copied().fold(0.0, f64::max);
    shown.iter().map(|value| value.map_or(' ', |value| bar(value, largest))).collect()
}

fn bar(value: f64, largest: f64) -> char {
    if largest <= 0.0 || value <= 0.0 {
        return BARS[0];
    }
    let step = (value / largest * 7.0).round().clamp(0.0, 7.0);
    BARS[step as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_scale_to_the_largest_and_gaps_stay_gaps() {
        let values = [Some(0.0), Some(50.0), None, Some(100.0)];
        assert_eq!(sparkline(&values, 10), "▁▅ █");
        assert_eq!(sparkline(&values, 2), " █");
        assert_eq!(sparkline(&[Some(0.0)], 5), "▁");
        assert_eq!(sparkline(&[], 5), "");
    }
}
