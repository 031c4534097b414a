//! `sockpit kill` with more ports than one.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::kill::Server;
use crate::support::{self, in_namespace, sockpit};

/// The exit code and the array of documents.
fn kill(args: &[&str]) -> (i32, Vec<Value>) {
    let mut command = sockpit();
    let output =
        command.arg("kill").args(args).arg("--json").stdin(Stdio::null()).output().unwrap();
    let documents = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), documents.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

fn victims(documents: &[Value]) -> Vec<Vec<u64>> {
    let pids = |document: &Value| -> Vec<u64> {
        let plan = document.get("plan").unwrap_or(document);
        let victims = plan["victims"].as_array().unwrap();
        victims.iter().map(|it| it["pid"].as_u64().unwrap()).collect()
    };
    documents.iter().map(pids).collect()
}

#[test]
fn a_list_ends_who_holds_each_and_leaves_its_neighbours_alone() {
    in_namespace(|| {
        let mut one = Server::start("s = tcp(port=3000); ready()");
        let mut other = Server::start("s = tcp(port=3001); ready()");
        let mut neighbour = Server::start("s = tcp(port=3003); ready()");
        let (code, planned) = kill(&["3000-3002", "--dry-run"]);
        let (first, second) = (u64::from(one.pid()), u64::from(other.pid()));
        assert_eq!(code, 0);
        assert_eq!(victims(&planned), [vec![first], vec![second], vec![]]);

        let (code, outcomes) = kill(&["3000-3002", "--yes"]);
        assert_eq!(code, 0, "{outcomes:?}: 3002 was free and is");
        assert_eq!(victims(&outcomes), [vec![first], vec![second], vec![]]);
        let free: Vec<&Value> = outcomes.iter().map(|it| &it["port_free"]).collect();
        assert_eq!(free, [&json!(true); 3]);
        let names: Vec<&Value> = outcomes.iter().map(|it| &it["target"]).collect();
        assert_eq!(names, ["3000", "3001", "3002"]);
        assert_eq!((one.signal(), other.signal()), (Some(15), Some(15)));
        assert!(neighbour.is_alive());
    });
}

#[test]
fn a_process_with_two_of_the_ports_gets_one_signal() {
    in_namespace(|| {
        let mut server = Server::start("s, t = tcp(port=3000), tcp(port=3001); ready()");
        let (code, outcomes) = kill(&["3000,3001", "--yes"]);
        assert_eq!(code, 0, "{outcomes:?}");
        assert_eq!(outcomes[0]["victims"][0]["signals"], json!(["TERM"]));
        assert_eq!(outcomes[1]["victims"][0]["signals"], json!([]));
        assert!(outcomes.iter().all(|outcome| outcome["victims"][0]["exited"] == true));
        assert_eq!(server.signal(), Some(15));
    });
}

#[test]
fn a_list_that_nobody_holds_is_answered_with_no() {
    in_namespace(|| {
        let (code, outcomes) = kill(&["3000,3001", "--yes"]);
        assert_eq!((code, outcomes.len()), (1, 2));
        let output = sockpit().args(["kill", "3000,3001", "--yes"]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains("3000/tcp") && stderr.contains("3001/tcp"), "{stderr}");
    });
}

#[test]
fn a_process_id_stands_alone() {
    let output = sockpit().args(["kill", "pid:1", "8080"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("must be the only target"),
        "{output:?}"
    );
}

#[test]
fn the_end_of_many_is_confirmed_by_their_number() {
    in_namespace(|| {
        let script = "
s = tcp(port=3000)
for _ in range(16):
    if os.fork() == 0:
        while True: time.sleep(600)
ready()";
        let mut server = Server::start(script);
        let ask = |number| {
            let answers = [("[y/N]", "y"), ("Type their number", number)];
            support::answered_in_turn(&["kill", "3000"], &answers)
        };
        assert_eq!(ask("yes"), 1);
        assert!(server.is_alive());
        assert_eq!(ask("17"), 0);
        assert_eq!(server.signal(), Some(15));
    });
}
