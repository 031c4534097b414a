//! The answer of a terminal that came too late: without this its letters would be taken for keys.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// For how long after the question an answer may still come.
const EXPECTED: Duration = Duration::from_secs(5);
/// No answer is longer: `]11;rgb:ffff/ffff/ffff`.
const LONGEST: usize = 32;

/// Takes an answer to OSC 11 out of the keys.
#[derive(Debug, Default)]
pub(super) struct Late {
    until: Option<Instant>,
    // Keys of the answer that have come, once it has begun.
    within: Option<usize>,
}

impl Late {
    /// After a question that was asked then and not answered in time.
    pub(super) fn after(asked: Option<Instant>) -> Self {
        Self { until: asked.map(|asked| asked + EXPECTED), within: None }
    }

    /// Whether a key belongs to the answer. That comes as Alt-] (ESC ]), then text, and ends
    /// with Ctrl-G (BEL) or Alt-\\ (ST).
    pub(super) fn takes(&mut self, key: &KeyEvent, now: Instant) -> bool {
        let Some(until) = self.until else { return false };
        let with = |modifier, c| key.code == KeyCode::Char(c) && key.modifiers.contains(modifier);
        let ends = with(KeyModifiers::CONTROL, 'g') || with(KeyModifiers::ALT, '\\');
        match self.within {
            None if now < until && with(KeyModifiers::ALT, ']') => {
                self.within = Some(0);
                true
            }
            None => false,
            Some(keys) if ends || keys >= LONGEST => {
                *self = Self::default();
                ends
            }
            Some(keys) => {
                self.within = Some(keys + 1);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(c: char, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(KeyCode::Char(c), modifiers)
    }

    fn answer(last: KeyEvent) -> Vec<KeyEvent> {
        let mut keys = vec![key(']', KeyModifiers::ALT)];
        let text = "11;rgb:ffff/ffff/ffff";
        keys.extend(text.chars().map(|c| key(c, KeyModifiers::NONE)));
        keys.push(last);
        keys
    }

    #[test]
    fn a_late_answer_is_no_keys_and_the_keys_around_it_are() {
        let now = Instant::now();
        let q = key('q', KeyModifiers::NONE);
        for last in [key('g', KeyModifiers::CONTROL), key('\\', KeyModifiers::ALT)] {
            let mut late = Late::after(Some(now));
            assert!(!late.takes(&q, now));
            for key in answer(last) {
                assert!(late.takes(&key, now), "{key:?}");
            }
            assert!(!late.takes(&q, now));
        }
    }

    #[test]
    fn nothing_is_taken_that_nobody_waits_for() {
        let now = Instant::now();
        let first = answer(key('g', KeyModifiers::CONTROL))[0];
        assert!(!Late::after(None).takes(&first, now));
        assert!(!Late::after(Some(now)).takes(&first, now + EXPECTED));
        let mut endless = Late::after(Some(now));
        assert!(endless.takes(&first, now));
        let q = key('q', KeyModifiers::NONE);
        let taken = (0..100).filter(|_| endless.takes(&q, now)).count();
        assert_eq!(taken, LONGEST);
    }
}
