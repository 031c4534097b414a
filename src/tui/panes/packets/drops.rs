//! Why packets were dropped and connections reset: a line a cause with what it means, and below it
//! whose packets they were.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::catalog::reasons;
use crate::model::drops::{DropCause, DropFlow, Drops};
use crate::model::packets::{FlowEnd, FlowFocus};
use crate::model::socket::Protocol;
use crate::text::{clean, units};
use crate::tui::theme::Theme;
use crate::tui::widgets::message;
use crate::tui::widgets::paint::{self, Line};
use crate::tui::widgets::scroll::Scroll;
use crate::tui::world::World;

use super::lines::{draw_list, heading};
use super::views::View;

/// At most so many flows are listed below a cause.
const FLOWS: usize = 6;

/// What stands to the left of the words.
const NUMBERS: u16 = 18;

/// Draws them, whether or not packets may be captured: the kernel tells.
pub(super) fn draw(
    world: &World,
    focus: Option<&FlowFocus>,
    buf: &mut Buffer,
    area: Rect,
    scroll: &mut Scroll,
    theme: &Theme,
) {
    let sample = &world.drops.sample;
    let Some(drops) = world.drops.value() else {
        let text = "Asking the kernel for drops and resets …";
        return message::no_value(buf, area, theme, sample, text);
    };
    let area = message::troubles(buf, area, theme, sample);
    let mut list = lines(drops, world, focus, area.width, theme);
    if drops.causes.is_empty() {
        list.push(vec![(View::Drops.nothing_yet().to_owned(), theme.dim)]);
    }
    draw_list(buf, area, scroll, &list);
}

/// The heading, and the causes: what befell the selected socket first.
fn lines(
    drops: &Drops,
    world: &World,
    focus: Option<&FlowFocus>,
    width: u16,
    theme: &Theme,
) -> Vec<Line> {
    let since = drops.since.to_zoned(world.timezone.clone()).strftime("%H:%M:%S");
    let mut all = vec![heading(&format!("{:>7} {:>8}  since {since}", "count", "/s"), theme)];
    if drops.lost > 0 {
        let text = format!("{:18}{} found no room", "", units::counted(drops.lost, "event"));
        all.push(vec![(text, theme.danger)]);
    }
    let is_selected = |flow: &DropFlow| focus.is_some_and(|focus| flow.is_of(focus));
    let mut causes: Vec<&DropCause> = drops.causes.iter().collect();
    // A busy neighbour never hides what belongs to the selection.
    causes.sort_by_key(|cause| !cause.flows.iter().any(is_selected));
    for cause in causes {
        all.extend(head(cause, rate(cause, world), width, theme));
        all.extend(flows(cause, is_selected, world, theme));
    }
    all
}

/// How often, what, and what the reason means.
fn head(cause: &DropCause, rate: Option<f64>, width: u16, theme: &Theme) -> Vec<Line> {
    let rate = rate.map_or(units::UNKNOWN.to_owned(), |rate| format!("{rate:.1}"));
    let what = cause.event.name().replace('_', " ");
    let mut first = vec![
        (format!("{:>7} {rate:>8}  ", units::count(cause.count)), theme.text),
        (what, theme.warning),
    ];
    let Some(reason) = &cause.reason else { return vec![first] };
    first.push((format!(" {}", clean(reason)), theme.text));
    let about = reasons::about(reason).unwrap_or_default();
    let wrapped = paint::wrap(about, width.saturating_sub(NUMBERS));
    let below = wrapped.into_iter().filter(|line| !line.is_empty());
    let below = below.map(|line| vec![(format!("{:18}{line}", ""), theme.dim)]);
    [first].into_iter().chain(below).collect()
}

/// The flows of a cause, those of the selection first.
fn flows(
    cause: &DropCause,
    is_selected: impl Fn(&DropFlow) -> bool,
    world: &World,
    theme: &Theme,
) -> Vec<Line> {
    let mut flows: Vec<(&DropFlow, bool)> =
        cause.flows.iter().map(|flow| (flow, is_selected(flow))).collect();
    flows.sort_by_key(|(_, is_selected)| !is_selected);
    let shown = flows.iter().take(FLOWS).map(|(flow, is_selected)| {
        let age = world.shown_at().duration_since(flow.last);
        let age = units::short_age(Duration::try_from(age).unwrap_or_default());
        let sign = if *is_selected { "▶ " } else { "  " };
        vec![
            (format!("{:>16}  ", units::count(flow.count)), theme.dim),
            (sign.to_owned(), theme.accent),
            (ends(flow), theme.text),
            (format!("  {age} ago"), theme.dim),
        ]
    });
    let mut lines: Vec<Line> = shown.collect();
    let hidden: u64 = flows.iter().skip(FLOWS).map(|(flow, _)| flow.count).sum();
    if hidden + cause.others > 0 {
        let text = format!("{:>16}    of other flows", units::count(hidden + cause.others));
        lines.push(vec![(text, theme.dim)]);
    }
    lines
}

/// `tcp 10.0.0.5:80 - 10.0.0.7:51544`: this side first.
fn ends(flow: &DropFlow) -> String {
    let protocol = flow.protocol.map_or(units::UNKNOWN, Protocol::name);
    let end = |end: FlowEnd| match end.port {
        0 => end.addr.to_string(),
        port => std::net::SocketAddr::new(end.addr, port).to_string(),
    };
    format!("{protocol} {} - {}", end(flow.local), end(flow.remote))
}

/// How often a second since the sample before.
fn rate(cause: &DropCause, world: &World) -> Option<f64> {
    let (before, between) = world.drops.earlier()?;
    let is_it = |old: &&DropCause| old.event == cause.event && old.reason == cause.reason;
    let old = before.causes.iter().find(is_it).map_or(0, |old| old.count);
    Some(cause.count.saturating_sub(old) as f64 / between.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;
    use jiff::SignedDuration;

    use super::*;
    use crate::model::event::EventKind;
    use crate::model::health::{Health, Source};
    use crate::tui::effect::Effect;
    use crate::tui::event::{Event, FeedUpdate};
    use crate::tui::fixture::{Desk, sample, wall};

    fn end(last: u8, port: u16) -> FlowEnd {
        FlowEnd { addr: [10, 0, 0, last].into(), port }
    }

    fn flow(local: u16, remote: u16, count: u64) -> DropFlow {
        let (local, remote) = (end(5, local), end(7, remote));
        let last = wall(0.0) - SignedDuration::from_secs(9);
        DropFlow { protocol: Some(Protocol::Tcp), local, remote, count, last }
    }

    fn drops(count: u64) -> Drops {
        let cause = |event, reason: Option<&str>, count, flows| DropCause {
            event,
            reason: reason.map(str::to_owned),
            count,
            flows,
            others: 0,
        };
        let busy = (1..=9).map(|port| flow(9, port, count)).collect();
        let causes = vec![
            cause(EventKind::ResetSent, Some("NO_SOCKET"), 9 * count, busy),
            cause(EventKind::Dropped, Some("NETFILTER_DROP"), 4, vec![flow(8080, 5000, 4)]),
            cause(EventKind::ResetReceived, None, 1, Vec::new()),
        ];
        Drops { since: wall(0.0), causes, lost: 12 }
    }

    fn desk() -> Desk {
        let mut desk = Desk::with_rows(80, 40);
        desk.press(KeyCode::Char('2'));
        // Nothing is captured here: of all views only two have anything to show.
        desk.press(KeyCode::Char('v'));
        assert!(desk.last(|effect| matches!(effect, Effect::WatchDrops).then_some(())).is_some());
        desk
    }

    #[test]
    fn what_is_exported_is_what_is_on_screen() {
        let mut desk = desk();
        feed(&mut desk, Some(drops(1)), Vec::new(), 1);
        let export = |desk: &mut Desk, as_what: &str| {
            desk.press(KeyCode::Char(':'));
            desk.type_text(as_what);
            desk.press(KeyCode::Enter);
            let exported = desk.last(|effect| match effect {
                Effect::Export(_, export) => Some(export.render().unwrap()),
                _ => None,
            });
            exported.unwrap()
        };
        let json = export(&mut desk, "as JSON");
        assert!(json.starts_with(r#"{"schema":"sockpit.drops/1","since""#), "{json}");
        let csv = export(&mut desk, "as CSV");
        let line = "dropped,NETFILTER_DROP,tcp,10.0.0.5,8080,10.0.0.7,5000,4,2026-03-14T12:04:22Z";
        assert!(csv.lines().any(|it| it.starts_with(line)), "{csv}");
    }

    fn feed(desk: &mut Desk, value: Option<Drops>, health: Vec<Health>, seconds: u32) {
        desk.seconds = seconds.into();
        desk.send(Event::Feed(FeedUpdate::Drops(sample(value, health, seconds))));
    }

    #[test]
    fn causes_have_counts_rates_sentences_and_flows() {
        let mut desk = desk();
        assert!(desk.screen().contains("Asking the kernel for drops and resets"));
        feed(&mut desk, Some(drops(1)), Vec::new(), 1);
        feed(&mut desk, Some(drops(2)), Vec::new(), 3);
        let screen = desk.screen();
        for line in [
            "  count       /s  since 12:04:31",
            "12 events found no room",
            "     18      4.5  reset sent NO_SOCKET",
            "                  no socket has this address and port: nothing listens",
            "               2    tcp 10.0.0.5:9 - 10.0.0.7:6  12s ago",
            "               6    of other flows",
            "      4      0.0  dropped NETFILTER_DROP",
            "      1      0.0  reset received",
        ] {
            assert!(screen.contains(line), "{line}\n{screen}");
        }
    }

    #[test]
    fn what_befell_the_selected_socket_comes_first() {
        let mut desk = desk();
        feed(&mut desk, Some(drops(1)), Vec::new(), 1);
        let place = |screen: &str, what: &str| screen.find(what).unwrap();
        let screen = desk.screen();
        assert!(place(&screen, "NO_SOCKET") < place(&screen, "NETFILTER_DROP"), "{screen}");
        desk.press(KeyCode::Char('1'));
        (0..2).for_each(|_| desk.press(KeyCode::Down));
        desk.press(KeyCode::Char('2'));
        let screen = desk.screen();
        assert!(screen.contains("▶ tcp 10.0.0.5:8080 - 10.0.0.7:5000"), "{screen}");
        assert!(place(&screen, "NETFILTER_DROP") < place(&screen, "NO_SOCKET"), "{screen}");
    }

    #[test]
    fn who_may_not_ask_is_told_what_it_takes() {
        let mut desk = desk();
        let health = Health::unavailable(Source::Bpf, "not permitted to watch what sockets do")
            .with_remedy("run as root, or with CAP_BPF and CAP_PERFMON");
        feed(&mut desk, None, vec![health], 1);
        let screen = desk.screen();
        assert!(screen.contains("bpf: not permitted") && screen.contains("CAP_BPF"), "{screen}");
        desk.press(KeyCode::Char('v'));
        assert!(desk.screen().contains("interfaces"), "{}", desk.screen());
    }
}
