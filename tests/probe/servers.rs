//! Starting real servers with made configurations, and asking sockpit about them.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{sockpit, wait_for};

/// A server of the test's own; it ends with the value.
pub(crate) struct Server {
    child: Child,
    pub(crate) directory: tempfile::TempDir,
}

impl Server {
    /// Starts a program that stays in the foreground, and waits for its port.
    pub(crate) fn start(program: &str, arguments: &[&str], port: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::start_in(directory, program, arguments, port)
    }

    pub(crate) fn start_in(
        directory: tempfile::TempDir,
        program: &str,
        arguments: &[&str],
        port: u16,
    ) -> Self {
        let log = fs::File::create(directory.path().join("log")).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut server = Self { child, directory };
        wait_for(&format!("{program} to listen on {port}"), || {
            if let Some(status) = server.child.try_wait().unwrap() {
                let log = fs::read_to_string(server.directory.path().join("log")).unwrap();
                panic!("{program} ended with {status}: {log}");
            }
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        server
    }

    /// nginx with these blocks in its `http`, one of which listens on this port.
    pub(crate) fn nginx(blocks: &str, port: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display().to_string();
        let configuration = format!(
            "user root root; daemon off; master_process off; pid {path}/pid; error_log {path}/errors; events {{}}\n\
             http {{ access_log off; client_body_temp_path {path}/b; proxy_temp_path {path}/p;\n\
             fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; scgi_temp_path {path}/s;\n\
             {blocks} }}\n"
        );
        let file = directory.path().join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        let file = file.display().to_string();
        Self::start_in(directory, "nginx", &["-c", &file, "-e", &format!("{path}/errors")], port)
    }

    /// OpenSSH on a free port of the machine's own 127.0.0.1: its separation of privileges needs
    /// the machine's own root. Nobody logs in.
    pub(crate) fn sshd() -> (Self, u16) {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key").display().to_string();
        crate::support::run(
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key]),
        );
        fs::create_dir_all("/run/sshd").ok();
        let port_text = port.to_string();
        let arguments = [
            "-D",
            "-e",
            "-f",
            "/dev/null",
            "-h",
            &key,
            "-p",
            &port_text,
            "-o",
            "ListenAddress=127.0.0.1",
        ];
        (Self::start_in(directory, "/usr/sbin/sshd", &arguments, port), port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One probe's exit code and its document.
pub(crate) fn probe(arguments: &[&str]) -> (i32, Value) {
    let output = sockpit().arg("probe").args(arguments).arg("--json").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let document = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?} {stderr}"));
    (output.status.code().unwrap(), document)
}

/// The detail of a stage of the last attempt; null where there was none.
pub(crate) fn stage<'a>(document: &'a Value, name: &str) -> &'a Value {
    let attempts = document["attempts"].as_array().unwrap();
    let stages = attempts.last().unwrap()["stages"].as_array().unwrap();
    let found = stages.iter().find(|stage| stage["name"] == name);
    found.map_or(&Value::Null, |stage| &stage["detail"])
}

/// Asserts outcome and side of a probe, and that its sentence has this word.
pub(crate) fn assert_verdict(
    arguments: &[&str],
    outcome: &str,
    side: Option<&str>,
    word: &str,
) -> Value {
    let (code, document) = probe(arguments);
    let verdict = &document["verdict"];
    let found = (verdict["outcome"].as_str(), verdict["side"].as_str());
    assert_eq!(found, (Some(outcome), side), "{arguments:?}: {document}");
    assert_eq!(code, i32::from(outcome != "ok"), "{arguments:?}: {document}");
    let text = verdict["text"].as_str().unwrap();
    assert!(text.contains(word), "{arguments:?}: no `{word}` in `{text}`");
    document
}

/// As configurations write it.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
