//! `sockpit serve KIND ADDR`: a peer to test against.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{Exit, Failure, output};
use crate::model::serve::ServeEvent;
use crate::probe::serve::{
    self, Fault, Manner, Page, Secure, ServeError, Service, Settings, Version,
};
use crate::text::{self, duration};

/// What to serve, where, and how well.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
ADDR is PORT of 127.0.0.1, or ADDRESS:PORT (0.0.0.0:8080 is every address of this host); port 0
takes a free one. Without a manner it sends back what comes. Each event is a line; Ctrl-C ends it.

Exit code: 0 it served, 1 it could not listen, 2 wrong usage, 3 not permitted to bind.")]
pub struct Args {
    /// The protocol to speak.
    #[arg(value_name = "tcp|udp|tls|http")]
    kind: Kind,
    /// Where to listen.
    #[arg(value_name = "ADDR")]
    addr: String,
    #[command(flatten)]
    manner: Behaviour,
    /// Send this to each client first; \r, \n and \xNN are read as in C.
    #[arg(long, value_name = "TEXT")]
    say: Option<String>,
    /// Send no more than N bytes a second to each client.
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "1",
          value_parser = clap::value_parser!(u32).range(1..))]
    slow: Option<u32>,
    /// Stop listening after N connections: further ones are refused. 0 only holds the port.
    #[arg(long, value_name = "N")]
    refuse_after: Option<u64>,
    /// http: answer with this status.
    /// 200 unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(200..1000))]
    status: Option<u16>,
    /// http: wait this long before answering.
    #[arg(long, value_name = "D", value_parser = duration::parse)]
    delay: Option<Duration>,
    /// http: over TLS.
    #[arg(long)]
    tls: bool,
    /// TLS: what is wrong with the certificate.
    #[arg(long, value_name = "FAULT")]
    fault: Option<FaultName>,
    /// TLS: the name that the certificate is for.
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    name: String,
    /// TLS: write the certificate of the authority that signs to this new file.
    #[arg(long, value_name = "FILE")]
    ca_out: Option<PathBuf>,
    /// TLS: speak only this version.
    #[arg(long, value_name = "1.2|1.3")]
    tls_version: Option<VersionName>,
    /// End after N connections (udp: datagrams).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after this time.
    #[arg(long, value_name = "D", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// Print each event as a line of JSON.
    #[arg(long)]
    jsonl: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Tcp,
    Udp,
    Tls,
    Http,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Behaviour {
    /// Send back what comes (the default).
    #[arg(long)]
    echo: bool,
    /// Read what comes, and send nothing.
    #[arg(long)]
    discard: bool,
    /// Accept, and neither read nor send anything; for TLS not even the handshake.
    #[arg(long)]
    hang: bool,
    /// Close each connection as soon as it is accepted.
    #[arg(long)]
    close: bool,
    /// Reset each connection as soon as it is accepted.
    #[arg(long)]
    reset: bool,
    /// Reset each connection when its first bytes have come; for TLS in the handshake.
    #[arg(long)]
    reset_on_data: bool,
    /// Accept nothing, with the accept queue full: connects get no answer.
    #[arg(long)]
    queue_full: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FaultName {
    Expired,
    NotYetValid,
    WrongName,
    SelfSigned,
    IncompleteChain,
    ClientCertificate,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum VersionName {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

/// Serves until it is told to end.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let settings = settings(args)?;
    if !settings.addr.ip().is_loopback() {
        note!("others can reach {}: this is no server for strangers", settings.addr);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(watch(settings, args))?;
    Ok(Exit::Yes)
}

async fn watch(settings: Settings, args: &Args) -> Result<(), Failure> {
    let (events, mut seen) = mpsc::channel(256);
    let print = async {
        while let Some(event) = seen.recv().await {
            print(&event, args.jsonl)?;
        }
        Ok::<(), Failure>(())
    };
    let serving = async {
        // Dropped at its end, so that the reader ends, too.
        serve::serve(settings, events).await.map_err(|error| failure(&error))
    };
    let over = async {
        match args.duration {
            Some(duration) => sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = async { tokio::try_join!(print, serving) } => ended.map(drop),
        () = over => Ok(()),
        () = interrupted => Ok(()),
    }
}

fn print(event: &ServeEvent, jsonl: bool) -> Result<(), Failure> {
    let mut out = output::stdout();
    if jsonl {
        serde_json::to_writer(&mut out, event)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{}", text::serve::event(event))?;
    }
    out.flush()?;
    Ok(())
}

fn failure(error: &ServeError) -> Failure {
    match error {
        ServeError::Listen { error: cause, .. }
            if cause.kind() == io::ErrorKind::PermissionDenied =>
        {
            Failure::not_permitted(error.to_string())
        }
        ServeError::Listen { addr, error: cause } if cause.kind() == io::ErrorKind::AddrInUse => {
            Failure::no(format!("{error}; `sockpit why {}` says who holds it", addr.port()))
        }
        _ => Failure::no(error.to_string()),
    }
}

fn settings(args: &Args) -> Result<Settings, Failure> {
    let greeting = args.say.as_deref().map(unescaped).transpose()?.unwrap_or_default();
    Ok(Settings {
        service: service(args)?,
        addr: addr(&args.addr)?,
        greeting,
        bytes_per_second: args.slow,
        refuse_after: args.refuse_after,
        count: args.count,
    })
}

fn service(args: &Args) -> Result<Service, Failure> {
    let manner = manner(&args.manner);
    let is_http = args.kind == Kind::Http;
    if !is_http && (args.tls || args.status.is_some() || args.delay.is_some()) {
        let right = "--tls, --status and --delay are for http";
        return Err(Failure::usage(format!("{right}; `serve tls` speaks TLS")));
    }
    if args.kind == Kind::Udp && args.slow.is_some() {
        return Err(Failure::usage("udp has no stream to slow down: --slow is for the others"));
    }
    if is_http && args.say.is_some() {
        return Err(Failure::usage("http lets the client speak first: --say is for tcp and tls"));
    }
    let secure = match (args.kind, args.tls) {
        (Kind::Tls, _) => Some(secure(args, &[])?),
        (Kind::Http, true) => Some(secure(args, &["http/1.1"])?),
        _ if args.fault.is_some() || args.ca_out.is_some() || args.tls_version.is_some() => {
            let right = "`serve tls` and `serve http --tls` have a certificate";
            return Err(Failure::usage(format!(
                "--fault, --ca-out and --tls-version are for TLS: {right}"
            )));
        }
        _ => None,
    };
    match (args.kind, secure) {
        (Kind::Http, _) if manner != Manner::Echo => {
            Err(Failure::usage("http answers with a page; other behaviour is for tcp and tls"))
        }
        (Kind::Http, secure) => {
            let delay = args.delay.unwrap_or_default();
            Ok(Service::Http(Page { status: args.status.unwrap_or(200), delay }, secure))
        }
        (Kind::Udp, _) if !matches!(manner, Manner::Echo | Manner::Discard) => {
            Err(Failure::usage("udp has no connections: it takes --echo and --discard"))
        }
        (Kind::Udp, _) if args.refuse_after.is_some() || args.say.is_some() => Err(Failure::usage(
            "udp has no connections: --refuse-after and --say are for the others",
        )),
        (Kind::Udp, _) => Ok(Service::Udp(manner)),
        (Kind::Tls, Some(secure)) => Ok(Service::Tls(manner, secure)),
        (Kind::Tcp | Kind::Tls, _) => Ok(Service::Tcp(manner)),
    }
}

fn manner(behaviour: &Behaviour) -> Manner {
    let all = [
        (behaviour.echo, Manner::Echo),
        (behaviour.discard, Manner::Discard),
        (behaviour.hang, Manner::Hang),
        (behaviour.close, Manner::Close),
        (behaviour.reset, Manner::Reset),
        (behaviour.reset_on_data, Manner::ResetOnData),
        (behaviour.queue_full, Manner::QueueFull),
    ];
    all.into_iter().find(|(told, _)| *told).map_or(Manner::Echo, |(_, manner)| manner)
}

fn secure(args: &Args, protocols: &[&str]) -> Result<Secure, Failure> {
    let fault = args.fault.map(|name| match name {
        FaultName::Expired => Fault::Expired,
        FaultName::NotYetValid => Fault::NotYetValid,
        FaultName::WrongName => Fault::WrongName,
        FaultName::SelfSigned => Fault::SelfSigned,
        FaultName::IncompleteChain => Fault::IncompleteChain,
        FaultName::ClientCertificate => Fault::ClientCertificateRequired,
    });
    let version = args.tls_version.map(|name| match name {
        VersionName::Tls12 => Version::Tls12,
        VersionName::Tls13 => Version::Tls13,
    });
    let secure = Secure::new(&args.name, fault, version, protocols)
        .map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(file) = &args.ca_out {
        write_new(file, secure.authority())?;
    }
    Ok(secure)
}

/// A new file: nothing is overwritten, and a link is not followed.
fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    opened
        .and_then(|mut opened| opened.write_all(text.as_bytes()))
        .map_err(|error| Failure::usage(format!("cannot write {}: {error}", file.display())))
}

/// `8080`, `0.0.0.0:8080`, `[::1]:8080`.
fn addr(written: &str) -> Result<SocketAddr, Failure> {
    if let Ok(port) = written.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    let written = written
        .strip_prefix("localhost:")
        .map_or(written.to_owned(), |port| format!("127.0.0.1:{port}"));
    written.parse().map_err(|_| {
        let right = "PORT of 127.0.0.1, ADDRESS:PORT such as 0.0.0.0:8080, or [IPV6]:PORT";
        Failure::usage(format!("cannot listen on `{written}`; write {right}"))
    })
}

/// `\r`, `\n`, `\t`, `\0`, `\\` and `\xNN` as bytes.
fn unescaped(text: &str) -> Result<Vec<u8>, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "--say: `{text}` has a backslash that is none of \\r \\n \\t \\0 \\\\ \\xNN"
        ))
    };
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        bytes.push(match rest.next().ok_or_else(wrong)? {
            'r' => b'\r',
            'n' => b'\n',
            't' => b'\t',
            '0' => 0,
            '\\' => b'\\',
            'x' => {
                let digits: String = rest.by_ref().take(2).collect();
                let is_whole =
                    digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let byte = is_whole.then(|| u8::from_str_radix(&digits, 16).ok()).flatten();
                byte.ok_or_else(wrong)?
            }
            _ => return Err(wrong()),
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_port_is_on_loopback() {
        assert_eq!(addr("8080").unwrap(), "127.0.0.1:8080".parse().unwrap());
        assert_eq!(addr("[::1]:1").unwrap(), "[::1]:1".parse().unwrap());
        assert_eq!(addr("localhost:1").unwrap(), "127.0.0.1:1".parse().unwrap());
        for wrong in [":8080", "8080/tcp", "70000", "example.org:80"] {
            assert_eq!(addr(wrong).unwrap_err().exit(), Exit::Usage, "{wrong}");
        }
    }

    #[test]
    fn escapes_are_read_as_in_c_and_others_are_refused() {
        assert_eq!(unescaped("220 x\\r\\n\\xff\\0\\\\").unwrap(), b"220 x\r\n\xff\0\\");
        for wrong in ["\\", "\\q", "\\x1", "\\xg0"] {
            assert_eq!(unescaped(wrong).unwrap_err().exit(), Exit::Usage, "{wrong}");
        }
    }
}
