//! `sockpit why PATH` on UNIX sockets that the test itself opens, in a namespace of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixListener};

use serde_json::{Value, json};

use crate::kill::Server;
use crate::support::{in_namespace, sockpit};
use crate::why::{document, finding, kinds};

fn why(path: &str) -> (i32, Value) {
    document(&sockpit().args(["why", path, "--json"]).output().unwrap())
}

#[test]
fn a_file_that_a_dead_server_left_is_stale_and_one_that_answers_is_not() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let path = at("app.sock");
        let (code, json) = why(&path);
        assert_eq!((code, &json["exists"], kinds(&json)), (0, &Value::Bool(false), vec![]));

        let listener = UnixListener::bind(&path).unwrap();
        let (code, json) = why(&path);
        assert_eq!(
            (code, &json["error"], kinds(&json)),
            (1, &"EADDRINUSE".into(), vec!["listener"])
        );
        assert_eq!(json["listening"], true);
        let owner = &finding(&json, "listener")["sockets"][0]["owners"][0];
        assert_eq!(owner["pid"], std::process::id());

        symlink(directory.path(), at("run")).unwrap();
        let (_, json) = why(&at("run/app.sock"));
        assert_eq!((kinds(&json), &json["real_path"]), (vec!["listener"], &path.as_str().into()));

        drop(listener);
        let (code, json) = why(&path);
        assert_eq!(
            (code, kinds(&json), &json["listening"]),
            (1, vec!["stale_path"], &false.into())
        );
        let argv = &finding(&json, "stale_path")["remedies"][0]["argv"];
        assert_eq!(*argv, json!(["rm", "--", path]));
        assert!(UnixListener::bind(&path).is_err());
        fs::remove_file(&path).unwrap();
        assert!(UnixListener::bind(&path).is_ok());
        let output = sockpit().args(["why", &path]).output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        assert!(words.starts_with(&format!("{path} cannot be bound (EADDRINUSE)")), "{words}");
    });
}

#[test]
fn a_socket_that_was_bound_from_within_its_directory_is_found() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let script = format!(
            "os.chdir('{}'); s = socket.socket(socket.AF_UNIX); s.bind('r.sock'); s.listen(); ready()",
            directory.path().display()
        );
        let server = Server::start(&script);
        let (_, json) = why(&directory.path().join("r.sock").display().to_string());
        assert_eq!(kinds(&json), ["listener"], "{json}");
        let owner = &finding(&json, "listener")["sockets"][0]["owners"][0];
        assert_eq!(owner["pid"], server.pid());
        let datagrams = directory.path().join("d.sock");
        let _bound = UnixDatagram::bind(&datagrams).unwrap();
        assert_eq!(kinds(&why(&datagrams.display().to_string()).1), ["listener"]);
    });
}

#[test]
fn what_else_stands_against_a_path_is_named() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        fs::write(at("file"), "").unwrap();
        let text = |path: &str| {
            let (code, json) = why(path);
            assert_eq!((code, json["trial"].as_array().map(Vec::len)), (1, Some(0)), "{json}");
            (json["findings"][0]["text"].as_str().unwrap().to_owned(), json["error"].clone())
        };
        assert!(text(&at("file")).0.contains("a file, not a socket"));
        let (words, error) = text(&at("no/such/directory"));
        assert!(words.contains("there is no directory") && error == "ENOENT", "{words}");
        assert!(text(&at(&"x".repeat(120))).0.contains("takes 107 at most"));
        symlink("/nowhere", at("dangling")).unwrap();
        assert!(text(&at("dangling")).0.contains("symbolic link to /nowhere"));
    });
}

#[test]
fn a_socket_is_listed_by_every_path_that_leads_to_it() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let _listener = UnixListener::bind(at("live.sock")).unwrap();
        symlink(at("live.sock"), at("link.sock")).unwrap();
        let script = format!(
            "os.chdir('{}'); s = socket.socket(socket.AF_UNIX); s.bind('r.sock'); s.listen(); ready()",
            directory.path().display()
        );
        let server = Server::start(&script);
        let pid = |name: &str| {
            let output = sockpit().args(["ports", &at(name), "--json"]).output().unwrap();
            let json: Value = serde_json::from_slice(&output.stdout).unwrap();
            json["sockets"][0]["owners"][0]["pid"].clone()
        };
        assert_eq!(pid("live.sock"), std::process::id());
        assert_eq!(pid("link.sock"), std::process::id());
        assert_eq!(pid("r.sock"), server.pid());
        let output = sockpit().args(["ports", "no-such-name"]).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains("no socket matches no-such-name"), "{words}");
    });
}
