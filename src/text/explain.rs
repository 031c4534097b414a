//! A topic in words: a reference page, an error number, a socket option, a port.

use std::fmt::Write as _;

use crate::catalog::reasons::{self, Reason};
use crate::catalog::reference::{self, ErrorNumber, WinsockOption};
use crate::catalog::services;
use crate::catalog::sockopts::{self, Early, Entry, Level, Read, SetWhen};

/// What is told about a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Its name.
    pub topic: String,
    /// In plain text, several lines.
    pub text: String,
    /// RFC or manual page.
    pub source: String,
}

/// What is known about a topic, in any case of letters; `None` where nothing is.
pub fn topic(name: &str) -> Option<Explanation> {
    let name = name.trim();
    page(name)
        .or_else(|| reference::error(name).map(of_error))
        .or_else(|| sockopts::find(name).map(|(level, entry)| of_option(level, entry)))
        .or_else(|| reasons::find(name).map(of_reason))
        .or_else(|| of_winsock(name))
        .or_else(|| port(name))
}

/// Topics whose names hold this.
pub fn similar(name: &str) -> Vec<String> {
    let part = name.to_ascii_lowercase();
    let holds = |known: &str| !part.is_empty() && known.to_ascii_lowercase().contains(&part);
    let pages = reference::pages().flat_map(|page| page.names()).map(str::to_owned);
    let errors = reference::errors().iter().map(|error| error.name.clone());
    let options = sockopts::entries().map(|(_, entry)| entry.name.clone());
    let reasons = reasons::all().iter().map(|reason| reason.name.clone());
    let mut found: Vec<String> =
        pages.chain(errors).chain(options).chain(reasons).filter(|it| holds(it)).collect();
    found.dedup();
    found
}

/// The titles of the pages, a line each.
pub fn contents() -> String {
    let mut text = String::from("Pages:\n");
    for page in reference::pages() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}", page.title);
    }
    text.push_str(
        "Also: a TCP state (TIME_WAIT), a socket option (SO_LINGER, SO_EXCLUSIVEADDRUSE), an error\n\
         (ECONNRESET, WSAECONNRESET, 10054), a port (443), the kernel's reason for a dropped packet or\n\
         a reset (NETFILTER_DROP).\n",
    );
    text
}

fn page(name: &str) -> Option<Explanation> {
    let page = reference::page(name)?;
    Some(Explanation {
        topic: page.title.to_owned(),
        text: page.text.to_owned(),
        source: page.source.to_owned(),
    })
}

fn of_error(error: &ErrorNumber) -> Explanation {
    let linux = match error.linux {
        Some(number) => format!("{} {number} on Linux", error.name),
        None => "no equal on Linux".to_owned(),
    };
    Explanation {
        topic: error.name.clone(),
        text: format!("{linux}; {} {} in Winsock\n\n{}.", error.wsa, error.winsock, error.about),
        source: "errno(3); connect(2), send(2), recv(2); Microsoft: Windows Sockets Error Codes"
            .to_owned(),
    }
}

fn of_reason(reason: &Reason) -> Explanation {
    Explanation {
        topic: reason.name.clone(),
        text: format!("Why the kernel drops a packet or sends a reset: {}.", reason.about),
        source: "Linux, include/net/dropreason-core.h and include/net/rstreason.h".to_owned(),
    }
}

fn of_option(level: &Level, entry: &Entry) -> Explanation {
    let mut text = format!("{}, {} {}\n\n{}.\n", level.name, entry.name, entry.number, entry.about);
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<9} {value}");
    };
    let unit = entry.unit.as_deref().map_or(String::new(), |unit| format!(", in {unit}"));
    line("type", format!("{:?}{unit}", entry.r#type).to_lowercase());
    if !entry.values.is_empty() {
        let names: Vec<&str> = entry.values.iter().map(|(name, _)| name.as_str()).collect();
        line("values", names.join(" "));
    }
    let words: Vec<String> =
        entry.words.iter().map(|(number, word)| format!("{number} {word}")).collect();
    if !words.is_empty() {
        line("numbers", words.join(", "));
    }
    let (tcp, other) = (entry.default_source(true), entry.default_source(false));
    match (tcp, other) {
        (None, None) => {}
        (Some(tcp), Some(other)) if tcp != other => {
            line("default", format!("from {other}; for TCP from {tcp}"));
        }
        (Some(source), _) | (None, Some(source)) => line("default", format!("from {source}")),
    }
    if !entry.applies_to.is_empty() {
        line("for", entry.applies_to.join(" "));
    }
    line("reading", reading(entry.read).to_owned());
    line("setting", setting(entry));
    if let Some(since) = &entry.since {
        line("since", format!("Linux {since}"));
    }
    if let Some(winsock) = &entry.winsock {
        line("Winsock", winsock.clone());
    }
    if let Some(differs) = &entry.differs {
        line("differs", differs.clone());
    }
    if let Some(mistake) = &entry.mistake {
        line("beware", mistake.clone());
    }
    let page = match &*level.name {
        "SOL_SOCKET" => "socket(7)",
        "IPPROTO_TCP" => "tcp(7)",
        "IPPROTO_UDP" => "udp(7)",
        "IPPROTO_IPV6" => "ipv6(7); RFC 3493, RFC 3542",
        "SOL_PACKET" => "packet(7)",
        "SOL_NETLINK" => "netlink(7)",
        "SOL_MPTCP" => "RFC 8684; linux/mptcp.h",
        _ => "ip(7)",
    };
    Explanation { topic: entry.name.clone(), text: text.trim_end().to_owned(), source: page.into() }
}

fn reading(read: Read) -> &'static str {
    match read {
        Read::Pure => "changes nothing",
        Read::Consumes => "takes something away or makes something: sockpit never reads it",
        Read::Secret => "would tell a key: sockpit never reads it",
        Read::None => "is not possible, or needs an argument of its own",
    }
}

fn setting(entry: &Entry) -> String {
    if !entry.writable {
        return "it cannot be set".to_owned();
    }
    let when = match entry.set_when {
        SetWhen::Any => "at any time",
        SetWhen::Unbound => "before bind",
        SetWhen::Unconnected => "closed or listening",
        SetWhen::Closed => "before connect and listen",
        SetWhen::Connected => "once connected",
        SetWhen::Repair => "while TCP_REPAIR is on",
    };
    let early = match entry.early {
        Some(Early::Bind) => "; counts at bind",
        Some(Early::Listen) => "; counts at listen",
        Some(Early::Connect) => "; counts in the handshake",
        None => "",
    };
    let refused = match &entry.refused {
        Some(why) => format!("; sockpit sets it on no other program's socket: {why}"),
        None => String::new(),
    };
    let passed_on = if entry.inherited { "" } else { "; accept does not pass it on" };
    format!("{when}{early}{passed_on}{refused}")
}

fn of_winsock(name: &str) -> Option<Explanation> {
    let told = |option: &WinsockOption| Explanation {
        topic: option.name.clone(),
        text: format!("Winsock only.\n\n{}.\nhere      {}", option.about, option.nearest),
        source: "Microsoft: SOL_SOCKET Socket Options, WinSock IOCTLs".to_owned(),
    };
    if let Some(option) =
        reference::winsock_options().iter().find(|option| option.name.eq_ignore_ascii_case(name))
    {
        return Some(told(option));
    }
    let of_catalogue = sockopts::entries().find(|(_, entry)| {
        entry.winsock.as_deref().is_some_and(|winsock| winsock.eq_ignore_ascii_case(name))
    });
    of_catalogue.map(|(level, entry)| of_option(level, entry))
}

fn port(name: &str) -> Option<Explanation> {
    let (number, protocol) = name.split_once('/').unwrap_or((name, "tcp"));
    let number: u16 = number.parse().ok()?;
    let tcp = services::of_ip_protocol(if protocol == "udp" { 17 } else { 6 }, number)?;
    Some(Explanation {
        topic: format!("port {number}"),
        text: format!(
            "{number}/{protocol} is {tcp} by convention; who really listens: sockpit why {number}"
        ),
        source: "IANA: Service Name and Transport Protocol Port Number Registry".to_owned(),
    })
}
