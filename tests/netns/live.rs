//! Numbers that move: rates, queues that stand still, accept queues that overflow, and what is
//! remembered of the ended, against sockets of which the test knows what they did.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use socket2::{Domain, SockRef, Socket as RawSocket, Type};
use sockpit::collect::ports::Ports;
use sockpit::collect::ports::ledger::Ledger;
use sockpit::model::activity::{Rates, Stalled};
use sockpit::model::owner::OwnershipKind;
use sockpit::model::socket::{Endpoint, Family, Protocol, Socket, SocketId, SocketKey, State};
use sockpit::model::table::{SocketRow, SocketTable};
use sockpit::model::tcp::TcpInfo;
use sockpit::query::{Query, Subject, Truth};
use sockpit::sys::listing::Listed;

use crate::support::{in_namespace, sockpit, wait_for};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn look(ports: &mut Ports) -> SocketTable {
    ports.look().unwrap().0
}

/// The row of this end of a connection.
fn row(table: &SocketTable, end: &TcpStream) -> Arc<SocketRow> {
    let (local, remote) = (end.local_addr().unwrap(), end.peer_addr().unwrap());
    let is_it = |row: &&Arc<SocketRow>| {
        row.socket.local.socket_addr() == Some(local)
            && row.socket.remote.as_ref().and_then(Endpoint::socket_addr) == Some(remote)
    };
    Arc::clone(table.rows.iter().find(is_it).expect("the connection is listed"))
}

fn stalled(table: &SocketTable, end: &TcpStream) -> Stalled {
    row(table, end).socket.stalled.as_deref().copied().unwrap_or_default()
}

/// What the query says of the row so many seconds after `since`.
fn says(query: &str, row: &SocketRow, since: jiff::Timestamp, seconds: i64) -> Truth {
    let now = since + SignedDuration::from_secs(seconds);
    Query::parse(query).unwrap().matches(&Subject::of_row(row, now))
}

/// What the rates of one row add up to over the looks at it.
struct Sum {
    read_at: jiff::Timestamp,
    bytes: f64,
}

impl Sum {
    fn new(row: &SocketRow) -> Self {
        Self { read_at: row.observed_at, bytes: 0.0 }
    }

    fn add(&mut self, row: &SocketRow, rate: impl Fn(Rates) -> f32) {
        let seconds = row.observed_at.duration_since(self.read_at).as_secs_f64();
        self.bytes += f64::from(rate(row.socket.rates.unwrap())) * seconds;
        self.read_at = row.observed_at;
    }

    fn is(&self, bytes: usize) -> bool {
        (self.bytes / bytes as f64 - 1.0).abs() < 0.01
    }
}

#[test]
fn rates_add_up_to_what_was_sent() {
    in_namespace(|| {
        let (mut client, mut server) = pair();
        let mut ports = Ports::new(None);
        let first = look(&mut ports);
        assert_eq!(row(&first, &client).socket.rates, None, "one look tells no rate");
        let (mut sent, mut received) =
            (Sum::new(&row(&first, &client)), Sum::new(&row(&first, &server)));
        let mut written = 0;
        for round in 1..=8_usize {
            let bytes = vec![7; round * 10_000];
            client.write_all(&bytes).unwrap();
            server.read_exact(&mut vec![0; bytes.len()]).unwrap();
            written += bytes.len();
            // A look may come before the acknowledgement does.
            wait_for("rates that add up", || {
                let table = look(&mut ports);
                let (mine, theirs) = (row(&table, &client), row(&table, &server));
                sent.add(&mine, |rates| rates.bytes_sent_per_s);
                received.add(&theirs, |rates| rates.bytes_received_per_s);
                let total = mine.socket.rates.unwrap().total();
                let asked = format!("rate:{}..{}", total.saturating_sub(1), total + 1);
                assert_eq!(says(&asked, &mine, mine.observed_at, 0), Truth::Yes);
                (sent.is(written) && received.is(written)).then_some(())
            });
        }
        // It falls to nothing, and then stays the same row.
        let mut rested = wait_for("the connection at rest", || {
            let row = row(&look(&mut ports), &client);
            (row.socket.rates == Some(Rates::IDLE)).then_some(row)
        });
        assert_eq!(says("rate:1..", &rested, rested.observed_at, 0), Truth::No);
        wait_for("the same row twice", || {
            let before = std::mem::replace(&mut rested, row(&look(&mut ports), &client));
            Arc::ptr_eq(&rested, &before).then_some(())
        });
    });
}

#[test]
fn what_nobody_reads_stands_still_until_somebody_reads() {
    in_namespace(|| {
        let (mut client, mut server) = pair();
        let mut ports = Ports::new(None);
        assert_eq!(stalled(&look(&mut ports), &server), Stalled::default());
        client.write_all(&[1; 1_000]).unwrap();
        let since = wait_for("a queue", || stalled(&look(&mut ports), &server).recv_since);
        // More comes in, and still nobody reads.
        client.write_all(&[2; 1_000]).unwrap();
        let still = wait_for("a longer queue", || {
            let row = row(&look(&mut ports), &server);
            (row.socket.recv_q == Some(2_000)).then_some(row)
        });
        assert_eq!(still.socket.stalled.as_deref().unwrap().recv_since, Some(since));
        assert_eq!(says("stalled:10s..", &still, since, 12), Truth::Yes);
        assert_eq!(says("stalled:10s..", &still, since, 3), Truth::Undecided, "it is at least 3 s");
        assert_eq!(says("stalled:..2s", &still, since, 3), Truth::No);

        server.read_exact(&mut [0; 500]).unwrap();
        let moved = stalled(&look(&mut ports), &server).recv_since.unwrap();
        assert!(moved > since, "it was read from, though something is left");
        server.read_exact(&mut [0; 1_500]).unwrap();
        let table = look(&mut ports);
        assert_eq!(row(&table, &server).socket.stalled, None);
        assert_eq!(says("!stalled:1s..", &row(&table, &server), moved, 9), Truth::Yes);
    });
}

#[test]
fn what_the_peer_does_not_take_stands_still() {
    in_namespace(|| {
        let (mut client, mut server) = pair();
        client.set_nonblocking(true).unwrap();
        let mut written = 0;
        wait_for("no more room", || match client.write(&[3; 65_536]) {
            Ok(count) => {
                written += count;
                None
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Some(()),
            Err(error) => panic!("{error}"),
        });
        let mut ports = Ports::new(None);
        // Acknowledgements under way may still move it for a moment.
        let mut before = None;
        let since = wait_for("a queue that stands still", || {
            let seen =
                std::mem::replace(&mut before, stalled(&look(&mut ports), &client).send_since);
            before.filter(|_| before == seen)
        });
        assert!(stalled(&look(&mut ports), &client).send_since >= Some(since));
        server.read_exact(&mut vec![0; written]).unwrap();
        wait_for("an empty queue", || {
            stalled(&look(&mut ports), &client).send_since.is_none().then_some(())
        });
    });
}

#[test]
fn a_full_accept_queue_is_told_with_what_it_turned_away() {
    in_namespace(|| {
        let mut ports = Ports::new(None);
        let before = look(&mut ports).listen.expect("this kernel counts");
        let listener = RawSocket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 7001)).into()).unwrap();
        listener.listen(4).unwrap();
        // The kernel takes one more than the limit.
        let _queued: Vec<TcpStream> =
            (0..5).map(|_| TcpStream::connect("127.0.0.1:7001").unwrap()).collect();
        let late = RawSocket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        late.set_nonblocking(true).unwrap();
        let _ = late.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, 7001)).into());
        let table = wait_for("an overflow", || {
            let table = look(&mut ports);
            (table.listen.unwrap().overflows > before.overflows).then_some(table)
        });
        assert!(table.listen.unwrap().drops > before.drops);
        let is_full = |row: &&Arc<SocketRow>| row.socket.state == State::Listen;
        let full = table.rows.iter().find(is_full).unwrap();
        assert_eq!(full.socket.backlog.unwrap().percent(), 100);
        assert_eq!(says("backlog:80%..", full, full.observed_at, 0), Truth::Yes);
        assert_eq!(table.listen.unwrap().netns, full.socket.netns);

        let output = sockpit().args(["ports", "--json"]).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(document["listen"]["overflows"].as_u64() >= Some(table.listen.unwrap().overflows));
        let socket = &document["sockets"][0];
        for unknown in ["rates", "stalled", "drop_growth"] {
            assert!(socket[unknown].is_null(), "one look cannot tell {unknown}");
            assert!(socket.as_object().unwrap().contains_key(unknown));
        }
    });
}

#[test]
fn the_ended_are_remembered_with_what_they_did() {
    in_namespace(|| {
        let (mut client, mut server) = pair();
        let mut ports = Ports::new(None);
        client.write_all(&[1; 5_000]).unwrap();
        server.read_exact(&mut [0; 5_000]).unwrap();
        let last = row(&look(&mut ports), &client);
        let unread = look(&mut ports).ended.len();
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop((client, server));
        let ended = wait_for("its end", || look(&mut ports).find_ended(last.key));
        assert!(ended.ended_at > last.socket.first_seen.unwrap());
        assert_eq!(ended.row.socket.tcp.as_ref().unwrap().bytes_sent, Some(5_000));
        assert_eq!(ended.row.socket.ownership.kind, OwnershipKind::Owned);
        assert_eq!(ended.row.socket.owners[0].process.pid, std::process::id());
        assert!(look(&mut ports).ended.len() > unread);
    });
}

#[test]
fn a_rate_is_looked_for_twice_and_that_is_said() {
    in_namespace(|| {
        let _pair = pair();
        let output = sockpit().args(["ports", "rate:1.."]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "it is known to be idle: {output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("those of half a second"), "{stderr}");
    });
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn an_hour_of_churn_leaves_memory_as_it_was() {
    in_namespace(|| {
        let start = jiff::Timestamp::from_second(1_000_000).unwrap();
        let mut ledger = Ledger::default();
        // Each second a hundred connections end and a hundred others are there.
        let mut round = |second: i64| {
            let at = start + SignedDuration::from_secs(second);
            let socket = |n: i64| {
                let local = Endpoint::ip([127, 0, 0, 1], 80);
                let mut socket =
                    Socket::new(Family::Ipv4, Protocol::Tcp, State::Established, local);
                socket.recv_q = Some(7);
                let tcp = TcpInfo { bytes_received: Some(9), ..TcpInfo::default() };
                socket.tcp = Some(Box::new(tcp));
                let id = SocketId::Cookie((second * 100 + n) as u64);
                Listed::new(SocketKey { netns: Some(1), id }, socket, at)
            };
            ledger.update((0..100).map(socket).collect(), at)
        };
        let mut table = (0..300).map(&mut round).last().unwrap();
        let before = resident();
        for second in 300..3_600 {
            table = round(second);
        }
        let grown = resident().saturating_sub(before);
        assert_eq!((table.rows.len(), table.ended.len()), (100, 10_000));
        assert_eq!(table.forgotten, 3_599 * 100 - 10_000);
        assert!(grown < 4 << 20, "{grown} bytes more than after five minutes");
    });
}

#[test]
fn a_query_lists_what_is_wrong_with_sockets() {
    in_namespace(|| {
        // Two wait where one is the limit: the kernel takes one more than it.
        let full = RawSocket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        full.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 7001)).into()).unwrap();
        full.listen(1).unwrap();
        let _waiting = [(); 2].map(|()| TcpStream::connect(("127.0.0.1", 7001)).unwrap());
        let healthy = TcpListener::bind("127.0.0.1:7002").unwrap();
        let client = TcpStream::connect("127.0.0.1:7002").unwrap();
        let (left_open, _) = healthy.accept().unwrap();
        drop(client);
        let deaf = UdpSocket::bind("127.0.0.1:7003").unwrap();
        SockRef::from(&deaf).set_recv_buffer_size(4096).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:7004").unwrap();
        for _ in 0..100 {
            sender.send_to(&[0; 1000], "127.0.0.1:7003").unwrap();
        }

        let ports = |query: &str| {
            let output = sockpit().args(["ports", "--json", query]).output().unwrap();
            let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let sockets = document["sockets"].as_array().unwrap();
            sockets.iter().map(|it| it["local"]["port"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        wait_for("the connection to be half closed", || {
            (ports("finding:close_wait") == [7002]).then_some(())
        });
        assert_eq!(ports("finding:accept_queue_full"), [7001]);
        assert_eq!(ports("finding:receive_drops"), [7003]);
        assert_eq!(ports("finding:*"), [7001, 7002, 7003]);
        drop(left_open);
    });
}

#[test]
fn a_range_of_outgoing_ports_that_runs_out_is_in_the_table() {
    in_namespace(|| {
        std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40009").unwrap();
        let listener = TcpListener::bind("127.0.0.1:7100").unwrap();
        let mut ports = Ports::new(None);
        let connect = |_| TcpStream::connect(("127.0.0.1", 7100)).unwrap();
        let _six: Vec<TcpStream> = (0..6).map(connect).collect();
        assert_eq!(look(&mut ports).fullest, None);
        let _two: Vec<TcpStream> = (0..2).map(connect).collect();
        let fullest = look(&mut ports).fullest.expect("eight of ten are in use");
        assert_eq!((fullest.percent, fullest.remote), (80, listener.local_addr().unwrap()));
    });
}
