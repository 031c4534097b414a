//! Real mail servers: each in its own protocol, with the upgrade to TLS, and in another's.
//!
//! Dovecot greets over IMAP with the word that it waits for its authentication process, if that takes
//! longer than its login process: then its name comes only with the second line.
//!
//! Written down for Postfix 3.7 and Dovecot 2.3 (Debian 12). Both change to users of their own, so
//! they need the machine's own root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::certificates::{Authority, Certificate};
use crate::servers::{Server, assert_verdict, shown, stage};
use crate::strangers::table;
use crate::support::{are_there, in_namespace_of_root, run};

/// Other users may pass here.
fn open_to_all(directory: &Path) {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A scheme with the upgrade to TLS, and one with TLS from the first byte.
fn speaks_tls(plain: &str, secured: &str, ca: &str, word: &str) {
    let plain = format!("{plain}://localhost");
    let args = [plain.as_str(), "-4", "--starttls", "--ca", ca];
    let document = assert_verdict(&args, "ok", None, word);
    assert_eq!(stage(&document, "tls")["version"], "TLSv1.3", "{document}");
    assert!(stage(&document, "request")["capabilities"].is_array(), "{document}");
    let secured = format!("{secured}://localhost");
    assert_verdict(&[&secured, "-4", "--ca", ca], "ok", None, word);
}

fn start_postfix(certificate: &Certificate) -> Server {
    let directory = tempfile::tempdir().unwrap();
    open_to_all(directory.path());
    let at = shown(directory.path());
    for queue in "active bounce corrupt defer deferred flush hold incoming maildrop pid private \
                  public saved trace"
        .split(' ')
    {
        fs::create_dir_all(directory.path().join("queue").join(queue)).unwrap();
    }
    fs::create_dir(directory.path().join("data")).unwrap();
    fs::create_dir(directory.path().join("conf")).unwrap();
    let own = format!("chown postfix {at}/data {at}/queue/*; chown root {at}/queue/pid");
    run(Command::new("sh").args(["-c", &own]));
    let main = format!(
        "compatibility_level = 3.6\nqueue_directory = {at}/queue\ndata_directory = {at}/data\n\
         mydestination = localhost\nmyhostname = localhost\ninet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\nsmtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}\n\
         smtpd_tls_security_level = may\nsmtpd_relay_restrictions = reject\n\
         maillog_file = {at}/maillog\nmaillog_file_prefixes = {at}\n",
        shown(&certificate.chain),
        shown(&certificate.key),
    );
    fs::write(directory.path().join("conf/main.cf"), main).unwrap();
    let services = "25 inet n - n - - smtpd\n\
                    465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n\
                    postlog unix-dgram n - n - 1 postlogd\nanvil unix - - n - 1 anvil\n\
                    rewrite unix - - n - - trivial-rewrite\ntlsmgr unix - - n 1000? 1 tlsmgr\n\
                    proxymap unix - - n - - proxymap\n";
    fs::write(directory.path().join("conf/master.cf"), services).unwrap();
    let configuration = format!("{at}/conf");
    let arguments = ["-c", configuration.as_str(), "-d"];
    Server::start_in(directory, "/usr/lib/postfix/sbin/master", &arguments, 25)
}

#[test]
fn postfix() {
    if !are_there(&["postfix", "openssl"]) {
        return;
    }
    in_namespace_of_root(|| {
        let authority = Authority::new();
        let _postfix = start_postfix(&authority.good("good", "localhost"));
        speaks_tls("smtp", "smtps", &authority.file(), "ESMTP Postfix");
        table(
            25,
            &[
                ("smtp", ("ok", None, "ESMTP Postfix")),
                ("http", ("protocol_error", Some("peer"), "speaks SMTP (Postfix)")),
                ("tls", ("protocol_error", Some("peer"), "answers the handshake with SMTP")),
                ("imap", ("protocol_error", Some("peer"), "speaks SMTP (Postfix)")),
            ],
        );
        // Where TLS is due from the first byte, nobody greets in clear.
        table(465, &[("smtp", ("timeout", Some("peer"), "says nothing within"))]);
        let document = assert_verdict(&["127.0.0.1:25"], "ok", None, "ESMTP Postfix");
        let greeting = stage(&document, "greeting");
        assert_eq!(greeting["software"], "Postfix", "{document}");
        let capabilities = greeting["capabilities"].to_string();
        assert!(capabilities.contains("STARTTLS") && capabilities.contains("SIZE"), "{document}");
    });
}

#[test]
fn dovecot() {
    if !are_there(&["dovecot", "openssl"]) {
        return;
    }
    in_namespace_of_root(|| {
        let authority = Authority::new();
        let good = authority.good("good", "localhost");
        let directory = tempfile::tempdir().unwrap();
        open_to_all(directory.path());
        let at = shown(directory.path());
        let configuration = format!(
            "base_dir = {at}/run\nlog_path = {at}/maillog\nprotocols = imap pop3\n\
             listen = 127.0.0.1\nssl = yes\nssl_cert = <{}\nssl_key = <{}\n\
             passdb {{\n driver = static\n args = nopassword=y\n}}\n",
            shown(&good.chain),
            shown(&good.key),
        );
        let file = directory.path().join("conf");
        fs::write(&file, configuration).unwrap();
        let arguments = ["-F", "-c", &shown(&file)];
        let _dovecot = Server::start_in(directory, "dovecot", &arguments, 143);
        let ca = authority.file();
        speaks_tls("imap", "imaps", &ca, "OK");
        speaks_tls("pop3", "pop3s", &ca, "+OK Dovecot");
        table(
            143,
            &[
                ("imap", ("ok", None, "OK")),
                ("http", ("protocol_error", Some("peer"), "speaks IMAP")),
                ("tls", ("protocol_error", Some("peer"), "answers the handshake with IMAP")),
                ("smtp", ("protocol_error", Some("peer"), "speaks IMAP")),
                ("tcp", ("ok", None, "OK")),
            ],
        );
        table(
            110,
            &[
                ("pop3", ("ok", None, "+OK Dovecot")),
                ("http", ("protocol_error", Some("peer"), "speaks POP3 (Dovecot")),
                ("tls", ("protocol_error", Some("peer"), "answers the handshake with POP3")),
                ("imap", ("protocol_error", Some("peer"), "speaks POP3 (Dovecot")),
                ("tcp", ("ok", None, "+OK Dovecot")),
            ],
        );
    });
}
