//! Which sockets the user means.

use std::fmt;

use crate::cli::Failure;
use crate::inspect::sockets::Listing;
use crate::model::socket::{Protocol, Socket};
use crate::query::{Query, Subject, Truth};

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Selector {
    /// `PID/FD`.
    Descriptor { pid: u32, fd: i32 },
    /// `PORT`, `PORT/tcp` or `PORT/udp`: a local port.
    Port { port: u16, transport: Option<Transport> },
    /// Anything else.
    Query(Query),
}

/// A transport named behind a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp,
    Udp,
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
    pub(super) fn parse(words: &[String]) -> Result<Self, Failure> {
        if let [word] = words
            && let Some(selector) = numeric(word)
        {
            return selector;
        }
        let query = Query::parse_args(words).map_err(|error| Failure::usage(error.to_string()))?;
        if query.is_empty() {
            return Err(Failure::usage(
                "an empty query names no socket: write PID/FD, a port, or a query like name:nginx",
            ));
        }
        Ok(Self::Query(query))
    }

    /// Picks the sockets that are meant; none for a descriptor, which needs no listing.
    pub(super) fn choose<'a>(&self, listing: &'a Listing) -> Chosen<'a> {
        let mut chosen = Chosen { sockets: Vec::new(), undecided: 0 };
        for socket in &listing.sockets {
            let answer = match self {
                Self::Descriptor { .. } => Truth::No,
                Self::Port { port, transport } if holds(socket, *port, *transport) => Truth::Yes,
                Self::Port { .. } => Truth::No,
                Self::Query(query) => query.matches(&Subject::new(socket, listing.taken_at)),
            };
            match answer {
                Truth::Yes => chosen.sockets.push(socket),
                Truth::Undecided => chosen.undecided += 1,
                Truth::No => {}
            }
        }
        chosen
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptor { pid, fd } => write!(f, "{pid}/{fd}"),
            Self::Port { port, transport: None } => write!(f, "local port {port}"),
            Self::Port { port, transport: Some(Transport::Tcp) } => {
                write!(f, "local port {port}/tcp")
            }
            Self::Port { port, transport: Some(Transport::Udp) } => {
                write!(f, "local port {port}/udp")
            }
            Self::Query(query) => write!(f, "`{query}`"),
        }
    }
}

/// Reads `PID/FD`, `PORT` and `PORT/udp`; `None` for a word that does not begin with digits,
/// or goes on in another way.
fn numeric(word: &str) -> Option<Result<Selector, Failure>> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((left, right)) = word.split_once('/') else {
        return is_number(word).then(|| port(word, None));
    };
    if !is_number(left) {
        return None;
    }
    Some(match right {
        "tcp" => port(left, Some(Transport::Tcp)),
        "udp" => port(left, Some(Transport::Udp)),
        fd if is_number(fd) => descriptor(left, fd),
        _ => Err(Failure::usage(format!(
            "`{word}` names no socket: write PID/FD in digits, or PORT, PORT/tcp, PORT/udp"
        ))),
    })
}

fn port(digits: &str, transport: Option<Transport>) -> Result<Selector, Failure> {
    match digits.parse() {
        Ok(port) if port > 0 => Ok(Selector::Port { port, transport }),
        _ => Err(Failure::usage(format!(
            "{digits} is no port: write 1 to 65535, or PID/FD for a descriptor"
        ))),
    }
}

fn descriptor(pid: &str, fd: &str) -> Result<Selector, Failure> {
    match (pid.parse(), fd.parse()) {
        (Ok(pid), Ok(fd)) if pid > 0 => Ok(Selector::Descriptor { pid, fd }),
        _ => Err(Failure::usage(format!("{pid}/{fd} is no PID/FD: a number is out of range"))),
    }
}

fn holds(socket: &Socket, port: u16, transport: Option<Transport>) -> bool {
    let of = match socket.protocol {
        Protocol::Tcp | Protocol::Mptcp => Transport::Tcp,
        Protocol::Udp | Protocol::Udplite => Transport::Udp,
        _ => return false,
    };
    socket.local.port == Some(port) && transport.is_none_or(|transport| transport == of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Exit;

    fn parse(words: &[&str]) -> Result<Selector, Failure> {
        Selector::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn descriptors_ports_and_queries_are_told_apart() {
        assert_eq!(parse(&["4242/3"]).unwrap(), Selector::Descriptor { pid: 4242, fd: 3 });
        let transport = None;
        assert_eq!(parse(&["8080"]).unwrap(), Selector::Port { port: 8080, transport });
        let transport = Some(Transport::Udp);
        assert_eq!(parse(&["53/udp"]).unwrap(), Selector::Port { port: 53, transport });
        assert!(matches!(parse(&["state:listen"]).unwrap(), Selector::Query(_)));
        assert!(matches!(parse(&["8080", "tcp"]).unwrap(), Selector::Query(_)));
    }

    #[test]
    fn what_names_no_socket_is_wrong_usage() {
        let wrong = ["70000", "0", "42/x", "42/", "0/3", "99999999999/3", "", "nosuchkey:1"];
        for word in wrong {
            let failure = parse(&[word]).expect_err(word);
            assert_eq!(failure.exit(), Exit::Usage, "{word}: {failure}");
        }
    }
}
