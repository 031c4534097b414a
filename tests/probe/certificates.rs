//! Certificates of every kind of fault, made by openssl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::run;

/// An authority of the test's own, and what it has signed.
pub(crate) struct Authority {
    directory: tempfile::TempDir,
}

/// A certificate and its key.
pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

fn openssl(directory: &Path, arguments: &str) {
    run(Command::new("openssl").args(arguments.split_whitespace()).current_dir(directory));
}

impl Authority {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        openssl(
            path,
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out \
             ca.pem -subj /CN=authority -days 30",
        );
        fs::create_dir(path.join("new")).unwrap();
        fs::write(path.join("index"), "").unwrap();
        fs::write(path.join("index.attr"), "unique_subject = no\n").unwrap();
        fs::write(
            path.join("ca.cnf"),
            "[ca]\ndefault_ca = d\n[d]\ndatabase = ./index\nnew_certs_dir = ./new\nserial = ./serial\n\
             default_md = sha256\npolicy = p\ncopy_extensions = copy\n[p]\ncommonName = supplied\n",
        )
        .unwrap();
        Self { directory }
    }

    pub(crate) fn file(&self) -> String {
        self.path("ca.pem").display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A certificate for `name` that counts from `begin` to `end` (`YYYYMMDDHHMMSSZ`).
    pub(crate) fn signed(&self, file: &str, name: &str, begin: &str, end: &str) -> Certificate {
        let path = self.directory.path();
        openssl(
            path,
            &format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {file}.key \
                 -out {file}.csr -subj /CN={name} -addext subjectAltName=DNS:{name}"
            ),
        );
        openssl(
            path,
            &format!(
                "ca -batch -config ca.cnf -rand_serial -cert ca.pem -keyfile ca.key -in {file}.csr \
                 -out {file}.pem -startdate {begin} -enddate {end} -notext"
            ),
        );
        self.made(file)
    }

    /// One that counts now.
    pub(crate) fn good(&self, file: &str, name: &str) -> Certificate {
        self.signed(file, name, "20200101000000Z", "20990101000000Z")
    }

    /// One that is signed by itself, with this kind of key.
    pub(crate) fn self_signed(&self, file: &str, key: &str) -> Certificate {
        openssl(
            self.directory.path(),
            &format!(
                "req -x509 -newkey {key} -nodes -keyout {file}.key -out {file}.pem -subj \
                 /CN=localhost -addext subjectAltName=DNS:localhost -days 30"
            ),
        );
        self.made(file)
    }

    fn made(&self, file: &str) -> Certificate {
        let path = |end: &str| self.path(&format!("{file}.{end}"));
        Certificate { chain: path("pem"), key: path("key") }
    }
}
