//! What changes while the pane is open: values that differ from the look before, how a connection
//! fares, and that the socket is gone.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::model::options::{OptionValue, OptionsReport, SocketOption};
use crate::model::socket::SocketKey;
use crate::text::units;
use crate::tui::event::Moment;
use crate::tui::widgets::sparkline::sparkline;

/// An open pane looks again so often. A look holds a duplicate of the descriptor, for well below a
/// millisecond.
const PERIOD: Duration = Duration::from_secs(1);

/// For so long a value that changed stands out.
const FLASH: Duration = Duration::from_millis(2_500);

/// So many looks are remembered: two minutes.
const REMEMBERED: usize = 120;

/// What is remembered of the looks at one socket.
#[derive(Debug, Default)]
pub(super) struct Live {
    of: Option<SocketKey>,
    looked_at: Option<Instant>,
    values: HashMap<Cow<'static, str>, OptionValue>,
    changed: HashMap<Cow<'static, str>, Instant>,
    looks: VecDeque<Look>,
    /// When a look found that it was gone.
    gone_at: Option<Timestamp>,
}

/// How a connection fared at one moment.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    rtt_us: Option<f64>,
    cwnd: Option<f64>,
    sent: Option<f64>,
    received: Option<f64>,
}

impl Live {
    /// Notes what a look found.
    pub(super) fn take(&mut self, key: SocketKey, report: &OptionsReport, now: Moment) {
        if self.of != Some(key) {
            *self = Self { of: Some(key), ..Self::default() };
        }
        self.looked_at = Some(now.at);
        self.changed.retain(|_, at| now.at < *at + FLASH);
        for option in &report.options {
            let before = self.values.insert(option.name.clone(), option.value.clone());
            // The panel is there for what TCP_INFO tells: it differs at every look.
            let differs = before.is_some_and(|before| before != option.value);
            if differs && option.name != "TCP_INFO" {
                self.changed.insert(option.name.clone(), now.at);
            }
        }
        if let Some(info) = report.options.iter().find(|option| option.name == "TCP_INFO") {
            self.looks.push_back(Look::of(info, now.at));
            if self.looks.len() > REMEMBERED {
                self.looks.pop_front();
            }
        }
    }

    /// Notes that a look found the socket gone.
    pub(super) fn lose(&mut self, now: Moment) {
        self.gone_at.get_or_insert(now.wall);
    }

    /// When it was found gone.
    pub(super) fn gone_at(&self) -> Option<Timestamp> {
        self.gone_at
    }

    /// When the next look at this socket is due; `None` where it was not looked at, or is gone.
    pub(super) fn due(&self, key: SocketKey) -> Option<Instant> {
        let looked_at =
            self.looked_at.filter(|_| self.of == Some(key) && self.gone_at.is_none())?;
        Some(looked_at + PERIOD)
    }

    /// Whether an option changed a moment ago.
    pub(super) fn flashes(&self, name: &str, now: Instant) -> bool {
        self.changed.get(name).is_some_and(|at| now < *at + FLASH)
    }

    /// How the connection fares: a name, the newest value, and how it went, in so many columns.
    pub(super) fn panel(&self, columns: usize) -> Vec<(&'static str, String)> {
        let Some(newest) = self.looks.back() else { return Vec::new() };
        let mut lines = Vec::new();
        let mut add = |name, value: Option<String>, of: fn(&Look) -> Option<f64>| {
            let Some(value) = value else { return };
            let values: Vec<Option<f64>> = self.looks.iter().map(of).collect();
            let room = columns.saturating_sub(NAME + VALUE);
            lines.push((name, format!("{value:<VALUE$}{}", sparkline(&values, room))));
        };
        let us = |us: f64| units::duration(Duration::from_micros(us as u64));
        add("RTT", newest.rtt_us.map(us), |look| look.rtt_us);
        let segments = |cwnd: f64| format!("{cwnd} segments");
        add("cwnd", newest.cwnd.map(segments), |look| look.cwnd);
        if let Some((sent, received)) = self.rates() {
            let rate = units::bytes_per_second;
            lines.push(("rate", format!("{} out, {} in", rate(sent), rate(received))));
        }
        lines
    }

    /// Bytes a second between the two newest looks.
    fn rates(&self) -> Option<(f64, f64)> {
        let newest = self.looks.back()?;
        let before = self.looks.iter().rev().nth(1)?;
        let seconds = newest.at.duration_since(before.at).as_secs_f64();
        let rate = |new: Option<f64>, old: Option<f64>| Some((new? - old?).max(0.0) / seconds);
        let rates = (rate(newest.sent, before.sent)?, rate(newest.received, before.received)?);
        (seconds > 0.0).then_some(rates)
    }
}

/// Columns of a line's name and of its value.
pub(super) const NAME: usize = 11;
const VALUE: usize = 14;

impl Look {
    fn of(info: &SocketOption, at: Instant) -> Self {
        let field = |name: &str| {
            let part = info.parts.iter().find(|part| part.name == name)?;
            match part.value {
                OptionValue::Number(number) => Some(number as f64),
                OptionValue::Large(number) => Some(number as f64),
                _ => None,
            }
        };
        Self {
            at,
            rtt_us: field("rtt"),
            cwnd: field("snd_cwnd"),
            sent: field("bytes_sent"),
            received: field("bytes_received"),
        }
    }
}
