//! A certificate in words: names, key, times (RFC 5280).

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OidRegistry;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Name;

use crate::model::probe::Certificate;

/// More names of one certificate than this are not kept.
const MOST_NAMES: usize = 100;
/// A name that is longer is cut.
const LONGEST: usize = 300;
/// A day in seconds.
const DAY: i64 = 86_400;

/// What was found out about a certificate beside its words.
pub(super) struct Read {
    /// Its words.
    pub told: Certificate,
    /// Whether it is signed by itself, by its names.
    pub self_issued: bool,
    /// Whether its key or its signature is too weak to be relied on.
    pub weak: bool,
    /// From when until when it counts, in seconds since 1970.
    pub times: (i64, i64),
}

/// Reads a certificate; `None` for bytes that are none.
pub(super) fn read(der: &[u8], now: Timestamp) -> Option<Read> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    let times = (validity.not_before.timestamp(), validity.not_after.timestamp());
    let key = key(&certificate);
    let (signature, weak_signature) = signature(&certificate);
    let weak = key.is_weak || weak_signature;
    let stamp = |seconds| Timestamp::from_second(seconds).ok().map(|stamp| stamp.to_string());
    let told = Certificate {
        subject: name(certificate.subject()),
        issuer: name(certificate.issuer()),
        names: names(&certificate),
        not_before: stamp(times.0),
        not_after: stamp(times.1),
        days_left: Some((times.1 - now.as_second()).div_euclid(DAY)),
        key: key.words,
        signature,
    };
    let self_issued = certificate.subject().as_raw() == certificate.issuer().as_raw();
    Some(Read { told, self_issued, weak, times })
}

/// A distinguished name, part by part: a part that cannot be read as text does not spoil the
/// others.
fn name(name: &X509Name<'_>) -> String {
    let registry = OidRegistry::default().with_x509();
    let parts = name.iter_attributes().map(|part| {
        let kind = registry.get(part.attr_type()).map(|entry| short(entry.sn()).to_owned());
        let kind = kind.unwrap_or_else(|| part.attr_type().to_id_string());
        let value = part.as_str().map(str::to_owned);
        let value = value.unwrap_or_else(|_| String::from_utf8_lossy(part.as_slice()).into_owned());
        format!("{kind}={value}")
    });
    cut(parts.collect::<Vec<_>>().join(", "))
}

/// The names that people know (RFC 4514, 3).
fn short(name: &str) -> &str {
    match name {
        "commonName" => "CN",
        "organizationName" => "O",
        "organizationalUnit" | "organizationalUnitName" => "OU",
        "countryName" => "C",
        "localityName" => "L",
        "stateOrProvinceName" => "ST",
        other => other,
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    });
    names.take(MOST_NAMES).map(cut).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    let v6 = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(v6).to_string())
}

struct Key {
    words: String,
    is_weak: bool,
}

fn key(certificate: &X509Certificate<'_>) -> Key {
    let info = certificate.public_key();
    let told = |words: String, is_weak| Key { words, is_weak };
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let bits = rsa.key_size();
            told(format!("RSA {bits}"), bits < 2048)
        }
        Ok(PublicKey::EC(point)) => {
            let curve = info.algorithm.parameters.as_ref().and_then(|it| it.as_oid().ok());
            let curve = curve.map(|oid| oid.to_id_string());
            let name = match curve.as_deref() {
                Some("1.2.840.10045.3.1.7") => "EC P-256".to_owned(),
                Some("1.3.132.0.34") => "EC P-384".to_owned(),
                Some("1.3.132.0.35") => "EC P-521".to_owned(),
                _ => format!("EC {}", point.key_size()),
            };
            told(name, point.key_size() < 224)
        }
        Ok(PublicKey::DSA(_)) => told("DSA".to_owned(), true),
        _ => match info.algorithm.algorithm.to_id_string().as_str() {
            "1.3.101.112" => told("Ed25519".to_owned(), false),
            "1.3.101.113" => told("Ed448".to_owned(), false),
            other => told(cut(other.to_owned()), false),
        },
    }
}

/// The algorithm that it is signed with, and whether that can be forged.
fn signature(certificate: &X509Certificate<'_>) -> (String, bool) {
    let id = certificate.signature_algorithm.algorithm.to_id_string();
    let (words, is_weak) = match id.as_str() {
        "1.2.840.113549.1.1.4" => ("RSA with MD5", true),
        "1.2.840.113549.1.1.5" => ("RSA with SHA-1", true),
        "1.2.840.113549.1.1.11" => ("RSA with SHA-256", false),
        "1.2.840.113549.1.1.12" => ("RSA with SHA-384", false),
        "1.2.840.113549.1.1.13" => ("RSA with SHA-512", false),
        "1.2.840.113549.1.1.10" => ("RSA-PSS", false),
        "1.2.840.10045.4.1" => ("ECDSA with SHA-1", true),
        "1.2.840.10045.4.3.2" => ("ECDSA with SHA-256", false),
        "1.2.840.10045.4.3.3" => ("ECDSA with SHA-384", false),
        "1.2.840.10045.4.3.4" => ("ECDSA with SHA-512", false),
        "1.3.101.112" => ("Ed25519", false),
        _ => return (cut(id), false),
    };
    (words.to_owned(), is_weak)
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
