//! Real servers that people log in to: files, terminals, databases.
//!
//! Written down for vsftpd 3.0.3, telnetd of inetutils 2.4 and PostgreSQL 15 (Debian 12).

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use crate::certificates::Authority;
use crate::servers::{Server, assert_verdict, shown, stage};
use crate::strangers::table;
use crate::support::{are_there, cannot_run, in_namespace_of_root, in_namespace_with, run};

#[test]
fn vsftpd() {
    in_namespace_with(&["vsftpd", "openssl"], || {
        let authority = Authority::new();
        let good = authority.good("good", "localhost");
        let directory = tempfile::tempdir().unwrap();
        let at = shown(directory.path());
        fs::create_dir(directory.path().join("empty")).unwrap();
        let configuration = format!(
            "listen=YES\nlisten_address=127.0.0.1\nbackground=NO\nrun_as_launching_user=YES\n\
             secure_chroot_dir={at}/empty\nanonymous_enable=NO\nlocal_enable=YES\n\
             ssl_enable=YES\nrsa_cert_file={}\nrsa_private_key_file={}\nseccomp_sandbox=NO\n",
            shown(&good.chain),
            shown(&good.key),
        );
        let file = directory.path().join("conf");
        fs::write(&file, configuration).unwrap();
        let _vsftpd = Server::start_in(directory, "vsftpd", &[&shown(&file)], 21);
        let ca = authority.file();
        let args = ["ftp://localhost", "-4", "--starttls", "--ca", &ca];
        let document = assert_verdict(&args, "ok", None, "220 (vsFTPd");
        assert_eq!(stage(&document, "tls")["version"], "TLSv1.3", "{document}");
        let features = stage(&document, "request")["capabilities"].to_string();
        assert!(features.contains("AUTH TLS") && features.contains("SIZE"), "{document}");
        table(
            21,
            &[
                ("ftp", ("ok", None, "220 (vsFTPd")),
                ("http", ("protocol_error", Some("peer"), "speaks FTP (vsFTPd")),
                ("tls", ("protocol_error", Some("peer"), "answers the handshake with FTP")),
                ("smtp", ("protocol_error", Some("peer"), "speaks FTP (vsFTPd")),
                ("tcp", ("ok", None, "220 (vsFTPd")),
            ],
        );
    });
}

#[test]
fn telnetd() {
    in_namespace_with(&["telnetd"], || {
        // Its part is that of inetd: each connection gets a server of its own.
        let listener = TcpListener::bind("127.0.0.1:23").unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = OwnedFd::from(stream.unwrap());
                let output = stream.try_clone().unwrap();
                let mut telnetd = Command::new("/usr/sbin/telnetd");
                telnetd.args(["-E", "/bin/cat"]).stdin(Stdio::from(stream));
                let mut child =
                    telnetd.stdout(Stdio::from(output)).stderr(Stdio::null()).spawn().unwrap();
                thread::spawn(move || child.wait());
            }
        });
        table(
            23,
            &[
                ("telnet", ("ok", None, "answers in")),
                ("tcp", ("ok", None, "DO TERMINAL-TYPE")),
                ("http", ("protocol_error", Some("peer"), "speaks Telnet")),
                ("tls", ("protocol_error", Some("peer"), "answers the handshake with Telnet")),
                ("ftp", ("protocol_error", Some("peer"), "speaks Telnet")),
            ],
        );
    });
}

/// Where Debian has the programs of the newest PostgreSQL.
fn postgres_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.flatten().map(|version| version.path().join("bin"));
    programs.filter(|programs| programs.join("postgres").exists()).max()
}

#[test]
fn postgres() {
    let Some(programs) = postgres_programs() else {
        return cannot_run("no postgres (see .ci/install)");
    };
    // It refuses to run as root.
    if !are_there(&["openssl", "setpriv"]) {
        return;
    }
    in_namespace_of_root(|| {
        let authority = Authority::new();
        let good = authority.good("good", "localhost");
        let directory = tempfile::tempdir().unwrap();
        let at = shown(directory.path());
        fs::copy(&good.chain, directory.path().join("chain")).unwrap();
        fs::copy(&good.key, directory.path().join("key")).unwrap();
        run(Command::new("sh").args(["-c", &format!("chown -R postgres {at}; chmod 600 {at}/key")]));
        let as_user = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"];
        let (initdb, server) = (shown(&programs.join("initdb")), shown(&programs.join("postgres")));
        let data = format!("{at}/data");
        let made = [&initdb, "-D", &data, "-A", "trust", "--no-sync"];
        run(Command::new("setpriv").args(as_user).args(made).current_dir(directory.path()));
        let (sockets, chain, key) = (
            format!("unix_socket_directories={at}"),
            format!("ssl_cert_file={at}/chain"),
            format!("ssl_key_file={at}/key"),
        );
        let mut arguments = as_user.to_vec();
        arguments.extend([server.as_str(), "-D", &data, "-c", "listen_addresses=127.0.0.1"]);
        for setting in [sockets.as_str(), "ssl=on", &chain, &key, "fsync=off", "max_connections=20"]
        {
            arguments.extend(["-c", setting]);
        }
        let _postgres = Server::start_in(directory, "setpriv", &arguments, 5432);
        let ca = authority.file();
        let unknown = "role \"sockpit\" does not exist";
        // Its port takes connections before the database does.
        crate::support::wait_for("the database to be up", || {
            let (code, _) = crate::servers::probe(&["postgres://127.0.0.1"]);
            (code == 0).then_some(())
        });
        let args = ["postgres://localhost", "-4", "--starttls", "--ca", &ca];
        let document = assert_verdict(&args, "ok", None, unknown);
        assert_eq!(stage(&document, "tls")["version"], "TLSv1.3", "{document}");
        table(
            5432,
            &[
                ("postgres", ("ok", None, unknown)),
                ("http", ("closed", Some("peer"), "without a word")),
                ("tls", ("closed", Some("peer"), "in the TLS handshake")),
                ("tcp", ("ok", None, "answers in")),
                ("mysql", ("timeout", Some("peer"), "says nothing within")),
            ],
        );
    });
}
