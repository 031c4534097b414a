//! Each pane in each of its states, at the three sizes that matter: the smallest, the
//! ordinary one, and all four panes at once.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Style};

use crate::catalog::themes;
use crate::model::close::{ClosePlan, CloseTarget, SocketAndReason};
use crate::model::flow_look::{FlowLook, PacketLook};
use crate::model::health::{Health, Source};
use crate::model::interface::{Interface, Interfaces};
use crate::model::ladder::{Ladder, Step};
use crate::model::options::{
    ChangedBy, IoModel, OptionAccess, OptionFinding, OptionType, OptionValue, OptionsReport,
    SocketOption, Watcher,
};
use crate::model::owner::{Ownership, Unverified};
use crate::model::packet::{Field, Layer, PacketLine};
use crate::model::packets::{
    Count, Flow, FlowEnd, FlowTcp, Handshake, Losses, PacketCounts, ProtocolCount, ProtocolLayer,
    TcpEnd, TcpFlagCounts,
};
use crate::model::probe::{
    Attempt, ConnectDetail, Detail, LocalDetail, OutcomeKind, ProbeSummary, Side, Stage, StageName,
    Verdict,
};
use crate::model::sample::Sample;
use crate::model::socket::{Endpoint, State};
use crate::model::table::{SocketRow, SocketTable};
use crate::model::why::{Remedy, RuleFacts, TrialBind, WhyFinding, WhyKind, WhyReport};
use crate::probe::Progress;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, Event, FeedUpdate, RequestId};
use crate::tui::fixture::{Desk, ended, owned, process, row, rows, sample, table, tcp, wall};
use crate::tui::pane::PaneId;
use crate::tui::theme::Theme;

/// The screens of a pane at all three sizes, one below the other.
fn screens(pane: PaneId, set: impl Fn(&mut Desk)) -> String {
    let mut text = String::new();
    for (width, height) in [(60, 16), (80, 24), (120, 36)] {
        let mut desk = Desk::new(width, height);
        set(&mut desk);
        let number = char::from_digit(pane.index() as u32 + 1, 10).unwrap();
        desk.press(KeyCode::Char(number));
        text.push_str(&format!("{width}x{height}\n{}\n", desk.screen()));
    }
    text
}

macro_rules! snapshot {
    ($name:literal, $pane:ident, $set:expr) => {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!($name, screens(PaneId::$pane, $set));
        });
    };
}

fn feed_ports(desk: &mut Desk, sample: Arc<Sample<SocketTable>>) {
    desk.send(Event::Feed(FeedUpdate::Ports(sample)));
}

fn hidden_owners() -> Health {
    Health::degraded(Source::Owners, "3 of 40 processes could not be read")
        .with_remedy("run as root to see them")
}

#[test]
fn ports_loading() {
    snapshot!("ports_loading", Ports, |_| {});
}

#[test]
fn ports_empty() {
    snapshot!("ports_empty", Ports, |desk| desk.ports(table(Vec::new())));
}

#[test]
fn an_owner_that_is_told_from_memory_is_marked() {
    let mut desk = Desk::new(120, 30);
    let all = rows();
    let owner = all[0].socket.owners[0].process.key();
    let unverified = vec![Unverified { process: owner, as_of: wall(-3.0) }];
    let told = SocketTable { unverified, ..table(all) };
    desk.ports(told);
    let marked = format!("~{}", owner.pid);
    assert!(desk.screen().contains(&marked), "{}", desk.screen());
    desk.press(KeyCode::Home);
    desk.press(KeyCode::Enter);
    let details = desk.screen();
    assert!(details.contains("as of "), "{details}");
    assert!(details.contains("other owners may exist"), "{details}");
}

#[test]
fn ports_full() {
    snapshot!("ports_full", Ports, |desk| {
        let mut all = rows();
        let gone = all.remove(1);
        let mut table = table(all);
        table.ended.push_back(ended(&gone, 0.0));
        desk.ports(table);
        desk.press(KeyCode::Down);
        desk.press(KeyCode::Down);
    });
}

/// What a busy machine shows: rows of every kind, one selected.
fn busy(desk: &mut Desk) {
    let mut all = rows();
    let connection = |cookie, last, port, unread| {
        let mut socket = tcp(State::Established, [10, 0, 0, 5], 8080);
        socket.remote = Some(Endpoint::ip([10, 0, 0, last], port));
        socket.recv_q = Some(unread);
        row(cookie, owned(socket, process(4242, "python3")))
    };
    let waiting = |cookie, port| {
        let mut socket = tcp(State::TimeWait, [10, 0, 0, 5], 8443);
        socket.remote = Some(Endpoint::ip([10, 0, 0, 8], port));
        socket.ownership = Ownership::kernel("time_wait");
        row(cookie, socket)
    };
    let mut far = tcp(State::Established, [10, 0, 0, 5], 40_112);
    far.remote = Some(Endpoint::ip(
        "2001:db8:85a3:8d3:1319:8a2e:370:7348".parse::<Ipv6Addr>().unwrap(),
        443,
    ));
    all.extend([
        connection(20, 7, 51_544, 0),
        connection(21, 9, 40_112, 128_512),
        row(22, owned(far, process(9_001, "a-program-with-a-long-name"))),
        waiting(30, 1_001),
        waiting(31, 1_002),
        waiting(32, 1_003),
    ]);
    let gone = all.remove(1);
    let mut table = table(all);
    table.ended.push_back(ended(&gone, 0.0));
    desk.ports(table);
    (0..2).for_each(|_| desk.press(KeyCode::Down));
}

#[test]
fn the_dashboard_at_every_size() {
    let mut text = String::new();
    for (width, height) in [(60, 16), (80, 24), (120, 36), (160, 45), (220, 60)] {
        let mut desk = Desk::new(width, height);
        busy(&mut desk);
        text.push_str(&format!("{width}x{height}\n{}\n", desk.screen()));
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("sizes", text);
    });
}

#[test]
fn the_dashboard_in_every_theme() {
    for (name, _) in themes::ALL {
        let mut desk = Desk::new(80, 24);
        desk.app.theme = Theme::named(name).unwrap();
        busy(&mut desk);
        let buf = desk.buffer();
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("theme_{name}"), runs(&buf));
        });
    }
}

/// Each line as runs of one style: `«80 bold» 1 Ports`.
fn runs(buf: &Buffer) -> String {
    let mut text = String::new();
    for y in buf.area.top()..buf.area.bottom() {
        let mut before = Style::reset();
        for x in buf.area.left()..buf.area.right() {
            let cell = &buf[(x, y)];
            let style = cell.style();
            if style != before {
                let part = |colour: Option<Color>| match colour {
                    None | Some(Color::Reset) => "-".to_owned(),
                    Some(colour) => colour.to_string(),
                };
                let (fg, bg) = (part(style.fg), part(style.bg));
                let attributes = format!("{:?}", style.add_modifier).replace("NONE", "");
                text.push_str(&format!("«{fg}/{bg} {attributes}»"));
                before = style;
            }
            text.push_str(cell.symbol());
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[test]
fn at_120_columns_the_peer_and_the_queue_are_there() {
    let mut desk = Desk::new(120, 36);
    busy(&mut desk);
    let screen = desk.screen();
    let ports: Vec<&str> = screen.lines().skip(2).take(16).collect();
    assert!(ports[0].contains("REMOTE") && ports[0].contains("QUEUE"), "{screen}");
    assert!(screen.contains("a-program-with") && screen.contains("128512:0"), "{screen}");
    assert!(screen.contains("10.0.0.9:40112") && screen.contains("127.0.0.1:5432"), "{screen}");
    assert!(screen.contains("port 8443  3 in TIME_WAIT"), "{screen}");
    // What is counted is what can be seen: twelve rows, of which one has ended.
    assert!(screen.contains("11 sockets ─ 3 listeners"), "{screen}");
    assert!(screen.contains("row 3 of 10"), "{screen}");
}

#[test]
fn ports_degraded() {
    snapshot!("ports_degraded", Ports, |desk| {
        let mut table = table(rows());
        table.privileged = false;
        feed_ports(desk, sample(Some(table), vec![hidden_owners()], 1));
    });
}

#[test]
fn ports_error() {
    snapshot!("ports_error", Ports, |desk| {
        let health = Health::unavailable(Source::SockDiag, "netlink sockets are forbidden here")
            .with_remedy("try --backend netstat2");
        feed_ports(desk, sample(None, vec![health], 1));
    });
}

#[test]
fn ports_stale() {
    snapshot!("ports_stale", Ports, |desk| {
        let mut stale = Sample::clone(&sample(
            Some(table(rows())),
            vec![Health::unavailable(Source::SockDiag, "the dump was interrupted")],
            1,
        ));
        stale.stale = true;
        stale.period = Duration::from_millis(2_400);
        feed_ports(desk, Arc::new(stale));
    });
}

fn counts(packets: u64) -> PacketCounts {
    let count = Count { packets, bytes: packets * 880 };
    let end = |last, port| FlowEnd { addr: [10, 0, 0, last].into(), port };
    let flow = |last, port, flags, packets| Flow {
        owner_a: None,
        owner_b: None,
        application: None,
        server: None,
        tcp: None,
        icmp: None,
        icmp_errors: 0,
        icmp_error: None,
        interfaces: Vec::new(),
        protocol: "tcp".into(),
        ip_protocol: 6,
        a: end(5, 8080),
        b: end(last, port),
        count: Count { packets, bytes: packets * 100 },
        packets_a_to_b: packets,
        bytes_a_to_b: packets * 100,
        packets_b_to_a: 0,
        bytes_b_to_a: 0,
        flags_a_to_b: flags,
        flags_b_to_a: 0,
        owner: None,
    };
    PacketCounts {
        source: "eth0,lo".into(),
        duration_ms: 9_000,
        total: count,
        losses: Losses { kernel: Some(0), ring: Some(0), ..Losses::default() },
        protocols: vec![
            ProtocolCount { name: "ipv4".into(), layer: Some(ProtocolLayer::Network), count },
            ProtocolCount { name: "tcp".into(), layer: Some(ProtocolLayer::Transport), count },
        ],
        flows: vec![flow(7, 51544, 0x1a, 812), flow(9, 40112, 0x16, 633), flow(9, 40114, 0x02, 3)],
        tcp_flags: TcpFlagCounts { syn: 41, syn_ack: 38, fin: 12, rst: 3 },
        ..PacketCounts::default()
    }
}

fn feed_packets(desk: &mut Desk, value: Option<PacketCounts>, health: Vec<Health>, seconds: u32) {
    desk.seconds = seconds.into();
    desk.send(Event::Feed(FeedUpdate::Packets(sample(value, health, seconds))));
}

fn interface(received: u64) -> Interfaces {
    let list = vec![Interface {
        name: "eth0".into(),
        addresses: vec![([10, 0, 0, 5].into(), 24)],
        mtu_bytes: Some(1500),
        rx_bytes: received,
        rx_packets: 7,
        rx_errors: 2,
        tx_bytes: received / 4,
        tx_packets: 7,
        tx_errors: 0,
    }];
    Interfaces { list }
}

#[test]
fn packets_loading() {
    snapshot!("packets_loading", Packets, |_| {});
}

#[test]
fn packets_empty() {
    snapshot!("packets_empty", Packets, |desk| {
        let empty = PacketCounts { source: "any".into(), ..PacketCounts::default() };
        feed_packets(desk, Some(empty), Vec::new(), 1);
    });
}

#[test]
fn packets_full() {
    snapshot!("packets_full", Packets, |desk| {
        desk.ports(table(rows()));
        desk.press(KeyCode::End);
        for (seconds, packets) in [(1, 8_000), (2, 8_800), (3, 9_211)] {
            feed_packets(desk, Some(counts(packets)), Vec::new(), seconds);
        }
    });
}

/// The life of the first flow, of which two packets were not kept.
fn looked_at() -> FlowLook {
    let step = |ms: i64, from_first, packets, payload, text: &str| Step {
        at: None,
        offset_ns: Some(ms * 1_000_000),
        from_first,
        packets,
        payload,
        again: 0,
        text: text.to_owned(),
    };
    let end = |last, port| FlowEnd { addr: [10, 0, 0, last].into(), port };
    let ladder = Ladder {
        protocol: "tcp".into(),
        first: end(7, 51544),
        second: end(5, 8080),
        steps: vec![
            step(0, true, 1, 0, "SYN, seq 0, window 64240"),
            step(1, false, 1, 0, "SYN ACK, seq 0, window 65160"),
            step(2, true, 3, 2_000, "data"),
            step(9, false, 1, 0, "RST ACK, seq 1, window 0"),
        ],
        left_out: 0,
    };
    let field = |name: &'static str, value: &str, start, length| Field {
        name: name.into(),
        value: value.to_owned(),
        meaning: None,
        start,
        length,
    };
    let layer = Layer {
        name: "udp".into(),
        summary: String::new(),
        start: 0,
        length: 8,
        fields: vec![field("source port", "51544", 0, 2), field("length", "8", 4, 2)],
        fault: None,
    };
    let line = PacketLine {
        number: 7,
        at: None,
        interface: Some("eth0".into()),
        length: 8,
        captured: 8,
        source: Some("10.0.0.7:51544".to_owned()),
        destination: Some("10.0.0.5:8080".to_owned()),
        protocol: "udp".into(),
        summary: "udp, 0 bytes".to_owned(),
        layers: vec![layer],
    };
    let bytes = [0xc9, 0x58, 0x1f, 0x90, 0, 8, 0, 0].into();
    let key = counts(9_211).flows[0].key();
    let packets = vec![PacketLook { line, bytes }];
    FlowLook { key, missing: 2, ladder: Some(ladder), stream: None, packets }
}

fn look_at_first_flow(desk: &mut Desk) {
    desk.press(KeyCode::Char('2'));
    feed_packets(desk, Some(counts(9_211)), Vec::new(), 1);
    desk.press(KeyCode::Enter);
    let looked = PacketCounts { look: Some(Arc::new(looked_at())), ..counts(9_300) };
    feed_packets(desk, Some(looked), Vec::new(), 2);
}

#[test]
fn packets_ladder() {
    snapshot!("packets_ladder", Packets, look_at_first_flow);
}

#[test]
fn packets_fields() {
    snapshot!("packets_fields", Packets, |desk| {
        look_at_first_flow(desk);
        desk.press(KeyCode::Char('v'));
    });
}

#[test]
fn packets_problems() {
    snapshot!("packets_problems", Packets, |desk| {
        let mut counts = counts(9_211);
        let tcp = FlowTcp {
            handshake: Some(Handshake::Unanswered),
            opened_by_a: Some(false),
            attempts: 3,
            to_server_us: None,
            to_client_us: None,
            a: TcpEnd::default(),
            b: TcpEnd::default(),
            reset_phase: None,
        };
        counts.flows[2].tcp = Some(tcp);
        desk.press(KeyCode::Char('2'));
        feed_packets(desk, Some(counts), Vec::new(), 1);
        for _ in 0..9 {
            desk.press(KeyCode::Char('v'));
        }
    });
}

#[test]
fn packets_degraded() {
    snapshot!("packets_degraded", Packets, |desk| {
        let mut lossy = counts(9_211);
        lossy.losses = Losses { kernel: Some(1_204), ring: None, truncated: 7, ..lossy.losses };
        let health =
            Health::degraded(Source::Capture, "the ring is full: 1,204 packets were dropped");
        feed_packets(desk, Some(lossy), vec![health], 1);
    });
}

#[test]
fn packets_error() {
    snapshot!("packets_error", Packets, |desk| {
        for (seconds, bytes) in [(1, 0), (2, 12_400_000)] {
            let interfaces = sample(Some(interface(bytes)), Vec::new(), seconds);
            desk.send(Event::Feed(FeedUpdate::Interfaces(interfaces)));
        }
        let health =
            Health::unavailable(Source::Capture, "opening a packet socket is not permitted")
                .with_remedy("run as root, or grant cap_net_raw to the binary");
        feed_packets(desk, None, vec![health], 2);
    });
}

/// Lets the selection rest, and answers what Options asks then.
fn inspect(desk: &mut Desk, answer: impl Fn(&Desk) -> Result<OptionsReport, String>) {
    desk.ports(table(rows()));
    desk.press(KeyCode::Down);
    desk.wait(0.2);
    let asked = desk.last(|effect| match effect {
        Effect::Inspect(id, _) => Some(*id),
        _ => None,
    });
    let answer = answer(desk).map(Box::new);
    desk.answer(asked.unwrap(), Answer::Options(answer));
}

fn option(
    level: &'static str,
    name: &'static str,
    value: OptionValue,
    default: OptionValue,
) -> SocketOption {
    SocketOption {
        level: level.into(),
        name: name.into(),
        winsock: None,
        r#type: OptionType::Bool,
        changed: Some(value != default),
        changed_by: (value != default).then_some(ChangedBy::Program),
        why: None,
        value,
        raw_hex: None,
        default: Some(default),
        unit: None,
        writable: true,
        source: Some("kernel default".into()),
        about: "what it is for".into(),
        note: None,
        parts: Vec::new(),
    }
}

fn report(desk: &Desk, options: Vec<SocketOption>) -> OptionsReport {
    OptionsReport {
        socket: desk.app.world.selection.as_ref().unwrap().row.socket.clone(),
        access: OptionAccess::Full,
        reason: None,
        options,
        hidden: Vec::new(),
        io_model: None,
        findings: Vec::new(),
    }
}

#[test]
fn options_loading() {
    snapshot!("options_loading", Options, |desk| desk.ports(table(rows())));
}

#[test]
fn options_empty() {
    snapshot!("options_empty", Options, |_| {});
}

#[test]
fn options_full() {
    snapshot!("options_full", Options, |desk| inspect(desk, |desk| {
        let (on, off) = (OptionValue::Bool(true), OptionValue::Bool(false));
        let buffer = SocketOption {
            r#type: OptionType::Bytes,
            unit: Some("bytes".into()),
            source: Some("net.core.rmem_default".into()),
            ..option(
                "SOL_SOCKET",
                "SO_RCVBUF",
                OptionValue::Number(8 << 20),
                OptionValue::Number(212_992),
            )
        };
        let options = vec![
            option("IPPROTO_TCP", "TCP_NODELAY", off.clone(), off.clone()),
            option("SOL_SOCKET", "SO_REUSEADDR", on, off),
            buffer,
        ];
        let watcher = Watcher {
            pid: 4242,
            kind: "epoll".into(),
            fd: Some(5),
            events: vec!["EPOLLIN".into(), "EPOLLET".into()],
        };
        OptionsReport {
            io_model: Some(IoModel {
                nonblocking: Some(true),
                watchers: vec![watcher],
                ..IoModel::default()
            }),
            findings: vec![OptionFinding {
                kind: "big_buffer".into(),
                text: "SO_RCVBUF turns off the kernel's own tuning of this buffer".into(),
                evidence: None,
                fix: None,
            }],
            ..report(desk, options)
        }
        .into_ok()
    }));
}

#[test]
fn options_degraded() {
    snapshot!("options_degraded", Options, |desk| inspect(desk, |desk| {
        let options =
            vec![option("SOL_SOCKET", "SO_MARK", OptionValue::Number(0), OptionValue::Number(0))];
        OptionsReport {
            access: OptionAccess::KernelDiag,
            reason: Some("duplicating postgres's descriptor needs CAP_SYS_PTRACE".into()),
            ..report(desk, options)
        }
        .into_ok()
    }));
}

#[test]
fn options_error() {
    snapshot!("options_error", Options, |desk| inspect(desk, |_| {
        Err("socket 127.0.0.1:5432 is gone".into())
    }));
}

trait IntoOk: Sized {
    fn into_ok(self) -> Result<Self, String> {
        Ok(self)
    }
}

impl IntoOk for OptionsReport {}

/// Selects the first TCP listener and starts a test of it.
fn probe(desk: &mut Desk) -> RequestId {
    desk.ports(table(rows()));
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('4'));
    desk.press(KeyCode::Enter);
    let started = desk.last(|effect| match effect {
        Effect::Probe(id, _) => Some(*id),
        _ => None,
    });
    started.unwrap()
}

fn connect(ok: bool, duration_us: u64) -> Stage {
    let detail = ConnectDetail {
        local: ok.then(|| "127.0.0.1:36502".parse().unwrap()),
        remote: Some("127.0.0.1:5432".parse().unwrap()),
        ..ConnectDetail::default()
    };
    Stage { detail: Detail::Connect(Box::new(detail)), ok, duration_us }
}

fn local() -> Stage {
    let source = Some("127.0.0.1".parse().unwrap());
    let local = LocalDetail { source, to_self: Some(true), ..LocalDetail::default() };
    Stage { detail: Detail::Local(local), ok: true, duration_us: 20 }
}

fn finish(desk: &mut Desk, id: RequestId, stages: Vec<Stage>, verdict: Verdict, lost: u64) {
    let address = Some("127.0.0.1:5432".parse().unwrap());
    let attempt = Arc::new(Attempt { seq: 1, address, stages, verdict });
    let summary = ProbeSummary {
        sent: 4,
        ok: 4 - lost,
        lost,
        min_us: Some(60),
        p50_us: Some(71),
        p90_us: Some(80),
        p99_us: Some(515),
        max_us: Some(515),
        jitter_us: Some(9),
    };
    desk.answer(id, Answer::Probing(Progress::AttemptDone { attempt, summary }));
    desk.answer(id, Answer::Probed(None));
}

#[test]
fn tester_loading() {
    snapshot!("tester_loading", Tester, |desk| {
        let id = probe(desk);
        let address = Some("127.0.0.1:5432".parse().unwrap());
        let started = Progress::StageStarted { seq: 1, address, name: StageName::Connect };
        let done = Progress::StageDone { seq: 1, address, stage: local() };
        desk.answer(id, Answer::Probing(done));
        desk.answer(id, Answer::Probing(started));
        desk.wait(1.5);
    });
}

#[test]
fn tester_empty() {
    snapshot!("tester_empty", Tester, |desk| {
        desk.ports(table(rows()));
        // A UDP socket: nothing that could be tested yet.
        (0..4).for_each(|_| desk.press(KeyCode::Down));
    });
}

#[test]
fn tester_full() {
    snapshot!("tester_full", Tester, |desk| {
        let id = probe(desk);
        let stages = vec![local(), connect(true, 71)];
        let verdict = Verdict {
            outcome: OutcomeKind::Ok,
            side: None,
            text: "127.0.0.1:5432 answers in 71 µs".into(),
            errno: None,
        };
        finish(desk, id, stages, verdict, 0);
    });
}

#[test]
fn tester_degraded() {
    snapshot!("tester_degraded", Tester, |desk| {
        let id = probe(desk);
        let verdict = Verdict {
            outcome: OutcomeKind::Timeout,
            side: Some(Side::Local),
            text: "the listener's accept queue is full (128 of 128): postgres 1044 does not \
                   accept; raise the backlog or find what blocks it"
                .into(),
            errno: Some("ETIMEDOUT".into()),
        };
        let connect = connect(false, 3_000_000);
        finish(desk, id, vec![local(), connect], verdict, 3);
    });
}

#[test]
fn tester_error() {
    snapshot!("tester_error", Tester, |desk| {
        desk.ports(table(rows()));
        desk.press(KeyCode::Char('4'));
        desk.press(KeyCode::Char('e'));
        (0..60).for_each(|_| desk.press(KeyCode::Backspace));
        desk.type_text("tcp://127.0.0.1:99999");
        desk.press(KeyCode::Enter);
    });
}

#[test]
fn help_and_palette() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        let mut desk = Desk::with_rows(80, 24);
        desk.press(KeyCode::Char('?'));
        insta::assert_snapshot!("help", desk.screen());
        desk.press(KeyCode::Esc);
        desk.press(KeyCode::Char(':'));
        desk.type_text("exp");
        insta::assert_snapshot!("palette", desk.screen());
        desk.press(KeyCode::Esc);
        desk.press(KeyCode::Enter);
        insta::assert_snapshot!("details", desk.screen());
    });
}

#[test]
fn ports_grouped() {
    snapshot!("ports_grouped", Ports, |desk| {
        desk.ports(table(rows()));
        (0..2).for_each(|_| desk.press(KeyCode::Char('b')));
        desk.press(KeyCode::Home);
        desk.press(KeyCode::Left);
    });
}

#[test]
fn close_plan() {
    let plan = || {
        let close = |row: &SocketRow| CloseTarget { socket: row.socket.clone(), protected: None };
        let mut rows = rows();
        let listener = rows.swap_remove(0);
        ClosePlan {
            targets: rows
                .iter()
                .filter(|row| row.socket.remote.is_some())
                .map(|row| close(row))
                .collect(),
            spared: vec![SocketAndReason {
                socket: listener.socket.clone(),
                reason: "it is a listener, no connection".to_owned(),
            }],
            warnings: vec!["tcp *:22 LISTEN is left alone: it is a listener".to_owned()],
            ..ClosePlan::default()
        }
    };
    snapshot!("close_plan", Ports, |desk| {
        desk.ports(table(rows()));
        desk.press(KeyCode::Char('X'));
        let id = desk.last(|effect| match effect {
            Effect::Prepare(id, _) => Some(*id),
            _ => None,
        });
        desk.answer(id.unwrap(), Answer::Prepared(Ok(Box::new(plan()))));
    });
}

#[test]
fn why_busy() {
    let trial = |reuse_addr| TrialBind {
        addr: [0, 0, 0, 0].into(),
        v6_only: None,
        reuse_addr,
        reuse_port: false,
        tried: true,
        error: Some("EADDRINUSE".to_owned()),
    };
    let remedy = |text: &str, argv: &[&str]| Remedy {
        text: text.to_owned(),
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
    };
    let report = || WhyReport {
        target: "8080".to_owned(),
        port: 8080,
        udp: false,
        bindable: false,
        trial: vec![trial(false), trial(true)],
        findings: vec![WhyFinding {
            kind: WhyKind::Listener,
            text: "a listener holds 0.0.0.0:8080: python3 4242 (alice)".to_owned(),
            sockets: vec![rows()[2].socket.clone()],
            remedies: vec![
                remedy("end who holds it", &["sockpit", "kill", "8080"]),
                remedy("wait until it is free", &["sockpit", "wait", "8080", "--free"]),
            ],
            forwards: Vec::new(),
            reuse: None,
        }],
        rules: RuleFacts::default(),
        looks: None,
        watched_ms: None,
        health: Vec::new(),
    };
    snapshot!("why_busy", Ports, |desk| {
        desk.ports(table(rows()));
        (0..2).for_each(|_| desk.press(KeyCode::Down));
        desk.press(KeyCode::Char('w'));
        let id = desk.last(|effect| match effect {
            Effect::Explain(id, _) => Some(*id),
            _ => None,
        });
        desk.answer(id.unwrap(), Answer::Explained(Ok(Box::new(report()))));
        desk.press(KeyCode::Down);
    });
}
