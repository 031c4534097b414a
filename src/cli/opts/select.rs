//! Which sockets the user means.

use std::fmt;

use crate::cli::Failure;
use crate::cli::port::Port;
use crate::cli::unix_paths;
use crate::inspect::sockets::Listing;
use crate::model::options::OptionsReport;
use crate::model::socket::{Protocol, Socket};
use crate::model::tables::{Table, Tables};
use crate::query::{Query, Saved, Subject, Truth};

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Selector {
    /// `PID/FD`.
    Descriptor { pid: u32, fd: i32 },
    /// `PORT/tcp` or `PORT/udp`: a local port of one protocol.
    Port(Port),
    /// `PORT`: a local port of either.
    AnyPort(u16),
    /// Anything else.
    Query(Query),
}

/// The sockets of a listing that are meant.
#[derive(Debug)]
pub(super) struct Chosen<'a> {
    /// In the listing's order.
    pub(super) sockets: Vec<&'a Socket>,
    /// How many others might be meant, were more known of them.
    pub(super) undecided: usize,
}

impl Selector {
    /// Reads the words of the command line.
    pub(super) fn parse(words: &[String], saved: &Saved) -> Result<Self, Failure> {
        if let [word] = words
            && let Some(selector) = numeric(word)
        {
            return selector;
        }
        let query = Query::parse_args_with(&unix_paths::widened(words), saved)
            .map_err(|error| Failure::usage(error.to_string()))?;
        if query.is_empty() {
            return Err(Failure::usage(
                "an empty query names no socket: write PID/FD, a port, or a query like name:nginx",
            ));
        }
        Ok(Self::Query(query))
    }

    /// An error for a query that would change every socket.
    pub(super) fn refuse_everything(&self) -> Result<(), Failure> {
        match self {
            Self::Query(query) if query.matches_everything() => Err(Failure::usage(format!(
                "`{query}` matches every socket: narrow it, such as by name:nginx"
            ))),
            _ => Ok(()),
        }
    }

    /// The same number as a process id.
    pub(super) fn as_process(&self) -> Option<Self> {
        match self {
            Self::AnyPort(number) => of_process(&number.to_string()),
            _ => None,
        }
    }

    /// The tables that have what is meant.
    pub(super) fn tables(&self) -> Tables {
        match self {
            Self::Descriptor { .. } => Tables::ALL,
            Self::Port(_) | Self::AnyPort(_) => {
                Tables::PORTS.or(Table::Udplite.into()).or(Table::Mptcp.into())
            }
            Self::Query(query) => query.tables(),
        }
    }

    /// Picks the sockets that are meant; none for a descriptor, which needs no listing.
    pub(super) fn choose<'a>(&self, listing: &'a Listing) -> Chosen<'a> {
        let is = |truth| if truth { Truth::Yes } else { Truth::No };
        let mut chosen = Chosen { sockets: Vec::new(), undecided: 0 };
        for socket in &listing.sockets {
            let answer = match self {
                Self::Descriptor { .. } => Truth::No,
                Self::Port(port) => is(holds(socket, port.number) == Some(port.udp)),
                Self::AnyPort(number) => is(holds(socket, *number).is_some()),
                Self::Query(query) => query.matches(&Subject::new(socket, listing.taken_at)),
            };
            match answer {
                Truth::Yes => chosen.sockets.push(socket),
                // Its options may decide it, once they are read.
                Truth::Undecided if self.asks_options() => chosen.sockets.push(socket),
                Truth::Undecided => chosen.undecided += 1,
                Truth::No => {}
            }
        }
        chosen
    }

    /// Whether options have to be read before anyone can tell which sockets are meant.
    fn asks_options(&self) -> bool {
        matches!(self, Self::Query(query) if query.asks_options())
    }

    /// The last word about a socket that was chosen, now that its options are read.
    pub(super) fn takes(&self, report: &OptionsReport, listing: &Listing) -> Truth {
        match self {
            Self::Query(query) if query.asks_options() => {
                let subject = Subject::new(&report.socket, listing.taken_at);
                query.matches(&subject.with_options(report))
            }
            _ => Truth::Yes,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptor { pid, fd } => write!(f, "{pid}/{fd}"),
            Self::Port(port) => {
                let transport = if port.udp { "udp" } else { "tcp" };
                write!(f, "local port {}/{transport}", port.number)
            }
            Self::AnyPort(number) => write!(f, "local port {number}"),
            Self::Query(query) => write!(f, "`{query}`"),
        }
    }
}

/// Reads `PID/FD`, `PORT` and `PORT/udp`; `None` for a word that does not begin with digits.
fn numeric(word: &str) -> Option<Result<Selector, Failure>> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((left, right)) = word.split_once('/') else {
        // No port is that large, but a process id is.
        let is_large = is_number(word) && word.parse::<u32>().is_ok_and(|it| it > u16::MAX.into());
        if is_large && let Some(process) = of_process(word) {
            return Some(Ok(process));
        }
        let port = is_number(word).then(|| Port::parse(word))?;
        return Some(port.map(|port| Selector::AnyPort(port.number)));
    };
    if !is_number(left) {
        return None;
    }
    Some(match right {
        "tcp" | "udp" => Port::parse(word).map(Selector::Port),
        fd if is_number(fd) => descriptor(left, fd),
        _ => Err(Failure::usage(format!(
            "`{word}` names no socket: write PID/FD in digits, or PORT, PORT/tcp, PORT/udp"
        ))),
    })
}

fn of_process(pid: &str) -> Option<Selector> {
    let words = [format!("pid:{pid}")];
    Query::parse_args_with(&words, &Saved::default()).ok().map(Selector::Query)
}

fn descriptor(pid: &str, fd: &str) -> Result<Selector, Failure> {
    match (pid.parse(), fd.parse()) {
        (Ok(pid), Ok(fd)) if pid > 0 => Ok(Selector::Descriptor { pid, fd }),
        _ => Err(Failure::usage(format!("{pid}/{fd} is no PID/FD: a number is out of range"))),
    }
}

/// Whether a socket has this local port: `Some(true)` for UDP, `Some(false)` for TCP.
fn holds(socket: &Socket, port: u16) -> Option<bool> {
    let udp = match socket.protocol {
        Protocol::Tcp | Protocol::Mptcp => false,
        Protocol::Udp | Protocol::Udplite => true,
        // What stands in the place of their port is something else.
        _ => return None,
    };
    (socket.local.port == Some(port)).then_some(udp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Exit;

    fn parse(words: &[&str]) -> Result<Selector, Failure> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Selector::parse(&words, &Saved::default())
    }

    #[test]
    fn descriptors_ports_and_queries_are_told_apart() {
        assert_eq!(parse(&["4242/3"]).unwrap(), Selector::Descriptor { pid: 4242, fd: 3 });
        assert_eq!(parse(&["8080"]).unwrap(), Selector::AnyPort(8080));
        assert_eq!(parse(&["70000"]).unwrap(), parse(&["pid:70000"]).unwrap());
        assert_eq!(parse(&["53/udp"]).unwrap(), Selector::Port(Port { number: 53, udp: true }));
        assert!(matches!(parse(&["state:listen"]).unwrap(), Selector::Query(_)));
        assert!(matches!(parse(&["8080", "tcp"]).unwrap(), Selector::Query(_)));
    }

    #[test]
    fn what_names_no_socket_is_wrong_usage() {
        let wrong = ["99999999999", "0", "42/x", "42/", "0/3", "99999999999/3", "", "nosuchkey:1"];
        for word in wrong {
            let failure = parse(&[word]).expect_err(word);
            assert_eq!(failure.exit(), Exit::Usage, "{word}: {failure}");
        }
    }
}
