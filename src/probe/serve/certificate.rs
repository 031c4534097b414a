//! Certificates made on the spot, right ones and wrong ones.

use jiff::civil::Date;
use jiff::{Span, Zoned, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::ServeError;
use super::tls::Fault;

/// A server's chain and key, and the authority that a client would have to trust.
pub(super) struct Identity {
    /// The server's own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
    /// The authority's certificate.
    pub authority: CertificateDer<'static>,
}

/// Makes an identity for `name` with this fault, and the authority's certificate as PEM.
pub(super) fn make(name: &str, fault: Option<Fault>) -> Result<(Identity, String), ServeError> {
    made(name, fault).map_err(|error| ServeError::Certificate {
        name: name.to_owned(),
        reason: error.to_string(),
    })
}

fn made(name: &str, fault: Option<Fault>) -> Result<(Identity, String), rcgen::Error> {
    let root = authority("sockpit test authority")?;
    let root_key = KeyPair::generate()?;
    let root_certificate = root.self_signed(&root_key)?;
    let pem = root_certificate.pem();
    let root = Issuer::new(root, root_key);

    let shown = if fault == Some(Fault::WrongName) { "wrong-name.invalid" } else { name };
    let leaf = leaf(shown, fault)?;
    let key = KeyPair::generate()?;
    let chain = match fault {
        Some(Fault::SelfSigned) => vec![leaf.self_signed(&key)?.der().clone()],
        // Signed by an authority in between that is not shown.
        Some(Fault::IncompleteChain) => {
            let between = authority("sockpit intermediate authority")?;
            let between_key = KeyPair::generate()?;
            let between = Issuer::new(between, between_key);
            vec![leaf.signed_by(&key, &between)?.der().clone()]
        }
        _ => vec![leaf.signed_by(&key, &root)?.der().clone()],
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let authority = root_certificate.der().clone();
    Ok((Identity { chain, key, authority }, pem))
}

fn authority(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params, -2, 3650);
    Ok(params)
}

fn leaf(name: &str, fault: Option<Fault>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.distinguished_name = named(name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    match fault {
        Some(Fault::Expired) => valid(&mut params, -60, -30),
        Some(Fault::NotYetValid) => valid(&mut params, 30, 60),
        _ => valid(&mut params, -1, 30),
    }
    Ok(params)
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

/// Valid from and to so many days from today.
fn valid(params: &mut CertificateParams, from: i32, to: i32) {
    let today = Zoned::now().with_time_zone(TimeZone::UTC).date();
    let moment = |days: i32| {
        let date = today.checked_add(Span::new().days(days)).unwrap_or(Date::MAX);
        let part = |part: i8| u8::try_from(part).unwrap_or(1);
        date_time_ymd(date.year().into(), part(date.month()), part(date.day()))
    };
    (params.not_before, params.not_after) = (moment(from), moment(to));
}
