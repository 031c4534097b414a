//! README's pictures: the dashboard beside real servers, drawn from its screen.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::pty::Terminal;
use crate::support::in_namespace_with;
use crate::svg::{self, Ground};

/// The folder that the pictures are written to, where they are wanted (`assets/pictures`).
const WANTED: &str = "SOCKPIT_PICTURES";

/// A download server, a client that reads from it without end, and a service that has stopped
/// accepting while its clients wait.
const SERVERS: [(&str, &[&str]); 4] = [
    ("busybox", &["httpd", "-f", "-p", "127.0.0.1:80", "-h", "/usr/share/doc"]),
    ("node", &["-e", API]),
    ("node", &["-e", CLIENT]),
    ("python3", &["-c", STUCK]),
];

const API: &str = "
const http = require('http');
http.createServer((_, answer) => answer.end(Buffer.alloc(65536))).listen(3000, '127.0.0.1');
";

const CLIENT: &str = "
const http = require('http');
const agent = new http.Agent({ keepAlive: true });
const ask = () => {
  const again = () => setTimeout(ask, 100);
  http.get({ port: 3000, host: '127.0.0.1', agent }, (answer) => {
    answer.resume();
    answer.on('end', again);
  }).on('error', again);
};
for (let client = 0; client < 3; client++) ask();
";

const STUCK: &str = "
import socket, time
listener = socket.create_server(('127.0.0.1', 8000), backlog=2)
clients = []
for _ in range(5):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(('127.0.0.1', 8000))
    clients.append(client)
while True: time.sleep(600)
";

/// The bars of the graph of packets.
const GRAPH: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

struct Scene(Vec<Child>);

impl Scene {
    fn start() -> Self {
        let start = |(program, args): (&str, &[&str])| {
            let mut command = Command::new(program);
            command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap()
        };
        Self(SERVERS.into_iter().map(start).collect())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for child in &mut self.0 {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

#[test]
fn the_dashboard_is_drawn_dark_and_light() {
    in_namespace_with(&["node", "busybox"], || {
        let _scene = Scene::start();
        let dark = Ground { text: "#d8dee9", background: "#16181d" };
        let light = Ground { text: "#24292f", background: "#ffffff" };
        for (theme, ground) in [("dark", dark), ("light", light)] {
            draw(theme, &ground);
        }
    });
}

fn draw(theme: &str, ground: &Ground) {
    let mut terminal = Terminal::sockpit(140, 36, &["--theme", theme]);
    terminal.wait_row(&["127.0.0.1:8000", "LISTEN", "python3"]);
    terminal.click("127.0.0.1:8000");
    terminal.wait_until("a full queue and counts of what travels", |text| {
        text.contains("3/2!") && text.contains("127.0.0.1:3000") && text.contains("syn ")
    });
    // The picture shows rates, and a graph that has had time to fill.
    terminal.wait_until("rates and a graph of some seconds", |text| {
        text.contains("/s") && text.matches(GRAPH).count() >= 8
    });
    let title = "sockpit's dashboard: sockets and their owners above, packets and options below";
    let svg = terminal.with_screen(|screen| svg::draw(screen, ground, title));
    terminal.send("q");
    assert!(terminal.wait_exit().success());

    for seen in ["1 Ports", "2 Packets", "3 Options", "LISTEN", ground.background] {
        assert!(svg.contains(seen), "no {seen} in the picture:\n{svg}");
    }
    if let Some(folder) = env::var_os(WANTED) {
        fs::write(Path::new(&folder).join(format!("dashboard-{theme}.svg")), svg).unwrap();
    }
}
