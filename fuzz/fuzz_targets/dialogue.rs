//! Any bytes in any portions, with any ends and interruptions: every dialogue comes to an end, says
//! little, keeps little, and never panics.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sockpit::probe::dialogue::{
    Exchange, Input, Learnt, Next, dns, h2, http, ntp, recognise, socks,
};

/// The most that any dialogue sends in all.
const MOST_SENT: usize = 64 * 1024;

/// The most that any dialogue's facts take as JSON: a full inbox, six characters a byte.
const MOST_LEARNT: usize = 2 * 1024 * 1024;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (which, portion, bytes) = input;
    let _ = (recognise::heard(bytes), recognise::refusal(bytes));
    let exchanges = exchanges();
    converse(&exchanges[usize::from(which) % exchanges.len()], portion, bytes);
});

fn h2() -> h2::Request {
    let (host, target) = ("name.example".to_owned(), "/".to_owned());
    h2::Request { scheme: "https", host, target }
}

fn exchanges() -> Vec<Exchange> {
    let mut all = vec![
        Exchange::Listen(Duration::from_millis(100)),
        Exchange::Http(http::Request::get("name.example", "/")),
        Exchange::Http(http::Request::connect("name.example:1", None)),
        Exchange::H2(h2()),
        Exchange::Ssh,
        Exchange::Telnet,
        Exchange::Redis,
        Exchange::Memcached,
        Exchange::Mqtt,
        Exchange::Dns(question()),
        Exchange::DnsOverStream(question()),
        Exchange::DnsOverHttps(h2(), question()),
        Exchange::Ntp(ntp::Ask { cookie: 0, opened_at: None }),
        Exchange::Socks5 { end: None, login: None },
        Exchange::Socks5 { end: Some(socks::End::Name("name.example".to_owned(), 1)), login: None },
        Exchange::Socks4 { end: None },
    ];
    for starttls in [false, true] {
        let user = || "sockpit".to_owned();
        all.extend([
            Exchange::Smtp { client: "[127.0.0.1]".to_owned(), starttls },
            Exchange::Imap { starttls },
            Exchange::Pop3 { starttls },
            Exchange::Ftp { starttls },
            Exchange::Postgres { user: user(), starttls },
            Exchange::Mysql { user: user(), starttls },
        ]);
    }
    all
}

fn question() -> dns::Question {
    dns::Question::new("name.example", "A", 0).expect("a name that DNS can carry")
}

fn converse(exchange: &Exchange, portion: u8, bytes: &[u8]) {
    let mut dialogue = exchange.begin();
    let mut inputs = vec![Input::Opened];
    inputs.extend(bytes.chunks(usize::from(portion).max(1)).map(Input::Received));
    // Whatever state it is in then, the end of time ends it.
    inputs.extend([Input::TimedOut; 64]);
    let (mut sent, mut learnt, mut at) = (0, 0, Duration::ZERO);
    let mut inputs = inputs.into_iter();
    let mut given = None;
    while let Some(input) = given.take().or_else(|| inputs.next()) {
        let step = dialogue.step(input, at);
        sent += step.send.len();
        learnt += step.learnt.iter().map(size).sum::<usize>();
        assert!(sent <= MOST_SENT && learnt <= MOST_LEARNT, "{sent} sent, {learnt} learnt");
        match step.next {
            Next::Wait(until) if input == Input::TimedOut => at = at.max(until),
            Next::Wait(_) => at += Duration::from_millis(1),
            Next::Upgrade => given = Some(Input::Secured),
            Next::Done { .. } => return,
        }
    }
    panic!("{exchange:?} came to no end");
}

fn size(learnt: &Learnt) -> usize {
    learnt.detail().iter().map(|(name, value)| name.len() + value.to_string().len()).sum()
}
