//! A connection on which the user talks, line by line: what telnet(1) and nc(1) are opened for.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::attempt::Attempt;
use super::conversation::{Came, Line};
use super::pipe::Pipe;
use super::progress::{Progress, Waterfall};
use super::transport::unix;
use super::{Carrier, Host, Settings, Target, resolve, verdict};
use crate::model::probe::{OutcomeKind, Side, Verdict};

/// For how long nothing may be said: longer than anybody waits.
const SILENCE: Duration = Duration::from_secs(86_400);
/// What the end of our side may take.
const FAREWELL: Duration = Duration::from_millis(250);
/// As many bytes are told at once.
const PORTION: usize = 4 * 1024;

/// A step of a talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// The line is open.
    Opened,
    /// These bytes were sent.
    Said(Vec<u8>),
    /// These came; of datagrams one at a time.
    Heard(Vec<u8>),
    /// A datagram met an error, which is a sentence; the line stays open.
    Lost(String),
    /// The peer has ended its side; nothing more is sent.
    Ended,
    /// The line broke, which is a sentence.
    Broken(String),
    /// No line came about.
    Failed(Box<Verdict>),
}

/// Opens a line to `target` and says what comes by `words`, until they end or the peer does. The
/// stages of the way go to `events`, all else to `tell`; a full channel of these makes the peer wait.
pub async fn talk(
    target: &Target,
    settings: &Settings,
    mut words: mpsc::Receiver<Vec<u8>>,
    events: &mpsc::Sender<Progress>,
    tell: &mpsc::Sender<Spoken>,
) {
    // A reader that has gone away wants to hear no more.
    let tell = async |spoken| tell.send(spoken).await.is_ok();
    let mut line = match open(target, settings, events).await {
        Ok(line) => line,
        Err(verdict) => {
            tell(Spoken::Failed(Box::new(verdict))).await;
            return;
        }
    };
    tell(Spoken::Opened).await;
    let mut buffer = vec![0; PORTION];
    loop {
        let spoken = tokio::select! {
            said = words.recv() => match said {
                None => break,
                Some(said) => match line.send(&said).await {
                    Ok(()) => Spoken::Said(said),
                    Err(error) => broken(&line, &error),
                },
            },
            came = line.receive(&mut buffer, SILENCE) => match came {
                Came::Bytes(count) => Spoken::Heard(buffer[..count].to_vec()),
                Came::End => Spoken::Ended,
                Came::Broken(error) => broken(&line, &error),
                Came::Nothing => continue,
            },
        };
        let is_over = matches!(spoken, Spoken::Ended | Spoken::Broken(_));
        if !tell(spoken).await || is_over {
            break;
        }
    }
    if let Line::Stream(mut pipe) = line {
        let _ = timeout(FAREWELL, pipe.shutdown()).await;
    }
}

/// An ICMP error ends no talk by datagrams: the next one may be answered.
fn broken(line: &Line, error: &std::io::Error) -> Spoken {
    match line {
        Line::Datagrams(_) => Spoken::Lost(error.to_string()),
        Line::Stream(_) | Line::Gone => Spoken::Broken(error.to_string()),
    }
}

async fn open(
    target: &Target,
    settings: &Settings,
    events: &mpsc::Sender<Progress>,
) -> Result<Line, Verdict> {
    if target.protocol().carrier() == Carrier::Icmp {
        return Err(no_words("an echo carries no words: name a port"));
    }
    if let Host::Path(path) = target.host() {
        let (made, _) = unix::connect(path, settings.connect_timeout()).await;
        let line = |stream| Line::Stream(Pipe::plain(stream, Vec::new()));
        return made.map(line).map_err(|error| no_words(&error.to_string()));
    }
    let mut waterfall = Waterfall::new(1, events);
    let addresses = resolve::addresses(target, settings, &mut waterfall).await;
    let addresses = addresses.map_err(|fault| verdict::nowhere(&fault, target.host()))?;
    let mut last = no_words("there is no address");
    for address in addresses {
        let attempt = Attempt { target, settings, first: true, speaker: None };
        match attempt.line(address, &mut waterfall).await {
            Ok(line) => return Ok(line),
            Err(verdict) => last = verdict,
        }
        waterfall = Waterfall::new(1, events);
    }
    Err(last)
}

fn no_words(text: &str) -> Verdict {
    let (outcome, side) = (OutcomeKind::LocalError, Some(Side::Local));
    Verdict { outcome, side, text: text.to_owned(), errno: None }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, UdpSocket};
    use std::thread;

    use super::*;

    /// Says each of `words` once the one before was answered; what was told.
    fn told(target: &str, words: &[&[u8]]) -> Vec<Spoken> {
        let target: Target = target.parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (say, said) = mpsc::channel(4);
            let (tell, mut steps) = mpsc::channel(4);
            let (events, _) = mpsc::channel(1);
            let talking = tokio::spawn(async move {
                talk(&target, &Settings::default(), said, &events, &tell).await;
            });
            let (mut told, mut words) = (Vec::new(), words.iter());
            let mut say = Some(say);
            while let Some(step) = steps.recv().await {
                if matches!(step, Spoken::Opened | Spoken::Heard(_) | Spoken::Lost(_)) {
                    match (words.next(), &say) {
                        (Some(word), Some(say)) => say.send(word.to_vec()).await.unwrap(),
                        _ => say = None,
                    }
                }
                told.push(step);
            }
            talking.await.unwrap();
            told
        })
    }

    #[test]
    fn lines_go_and_come_on_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = [0; 3];
            stream.read_exact(&mut heard).unwrap();
            stream.write_all(b"1st").unwrap();
            stream.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"two");
        });
        let told = told(&format!("tcp://{target}"), &[b"one", b"two"]);
        let said = |word: &[u8]| Spoken::Said(word.to_vec());
        let heard = Spoken::Heard(b"1st".to_vec());
        assert_eq!(told, [Spoken::Opened, said(b"one"), heard, said(b"two"), Spoken::Ended]);
        server.join().unwrap();
    }

    #[test]
    fn a_datagram_that_nobody_takes_ends_no_talk() {
        // Held and connected elsewhere, so that nothing is taken there.
        let held = UdpSocket::bind("127.0.0.1:0").unwrap();
        held.connect("127.0.0.1:9").unwrap();
        let told = told(&format!("udp://{}", held.local_addr().unwrap()), &[b"a", b"b"]);
        assert!(matches!(told.last(), Some(Spoken::Lost(_))), "{told:?}");
        let lost = told.iter().filter(|step| matches!(step, Spoken::Lost(_))).count();
        assert_eq!(lost, 2, "{told:?}");
    }

    #[test]
    fn why_there_is_no_line_is_a_verdict() {
        let held = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let held = held.unwrap();
        held.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        let port = held.local_addr().unwrap().as_socket().unwrap().port();
        let told = told(&format!("tcp://127.0.0.1:{port}"), &[]);
        let [Spoken::Failed(verdict)] = &told[..] else { panic!("{told:?}") };
        assert_eq!(verdict.outcome, OutcomeKind::Refused, "{verdict:?}");
    }
}
