//! From a target's host to the addresses to try, in order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::{Duration, Instant};

use super::fault::NameFault;
use super::progress::Waterfall;
use super::{Host, Settings, Target, local, name_server};
use crate::model::probe::{Detail, ResolveDetail, StageName};
use crate::sys::lookup::{LookupError, LookupFailure};
use crate::sys::resolve as resolver;

/// More addresses of one name than this are not tried; the stage's detail names them.
const MAX_ADDRESSES: usize = 64;

/// The addresses of the target to try, never empty, in the system's order. Only a name makes
/// this a stage of its own.
pub(super) async fn addresses(
    target: &Target,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Result<Vec<SocketAddr>, NameFault> {
    let port = target.port().unwrap_or(0);
    if let Some(at) = settings.at {
        return Ok(vec![SocketAddr::new(at, port)]);
    }
    match target.host() {
        Host::Address(address) => Ok(vec![SocketAddr::new(*address, port)]),
        Host::Zoned(address, zone) => Ok(vec![zoned(*address, zone, port)?]),
        Host::ThisMachine => {
            let own = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            let own = own.map(|address: IpAddr| SocketAddr::new(address, port));
            Ok(worth_trying(&own, settings).0)
        }
        Host::Path(_) => Ok(Vec::new()),
        Host::Name(name) => resolve(name, port, settings, waterfall).await,
    }
}

fn zoned(address: Ipv6Addr, zone: &str, port: u16) -> Result<SocketAddr, NameFault> {
    let index = resolver::interface_index(zone).map_err(NameFault::Zone)?;
    Ok(SocketAddrV6::new(address, port, 0, index).into())
}

/// The resolve stage.
async fn resolve(
    name: &str,
    port: u16,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Result<Vec<SocketAddr>, NameFault> {
    waterfall.begin(StageName::Resolve).await;
    let started = Instant::now();
    let found = look_up(name.to_owned(), port, settings.connect_timeout()).await;
    let took = started.elapsed();
    match found {
        Ok(found) => {
            let (worth, skipped) = worth_trying(&found, settings);
            let is_found = !worth.is_empty();
            let known = name_server::records(name).await;
            let detail = ResolveDetail {
                name: name.to_owned(),
                addresses: found.iter().map(SocketAddr::ip).collect(),
                not_tried: skipped,
                server: known.server,
                source: known.source,
                records: known.records,
            };
            waterfall.end(is_found, took, Detail::Resolve(detail)).await;
            if is_found { Ok(worth) } else { Err(NameFault::OtherFamily(settings.family)) }
        }
        Err(fault) => {
            let detail = ResolveDetail { name: name.to_owned(), ..ResolveDetail::default() };
            waterfall.end(false, took, Detail::Resolve(detail)).await;
            Err(explained(fault, name).await)
        }
    }
}

/// Why the resolver gave up, where its name servers can tell.
async fn explained(fault: NameFault, name: &str) -> NameFault {
    match fault {
        NameFault::Lookup(error) if error.failure == LookupFailure::Temporary => {
            NameFault::Servers(name_server::reasons(name).await, error)
        }
        other => other,
    }
}

async fn look_up(
    name: String,
    port: u16,
    patience: Duration,
) -> Result<Vec<SocketAddr>, NameFault> {
    // getaddrinfo blocks and cannot be called off: it gets a thread, and is left to its own
    // end when patience runs out.
    let lookup = tokio::task::spawn_blocking(move || resolver::lookup(&name, port));
    match tokio::time::timeout(patience, lookup).await {
        Ok(Ok(Ok(found))) if found.is_empty() => Err(NameFault::Lookup(no_address())),
        Ok(Ok(answer)) => answer.map_err(NameFault::Lookup),
        Ok(Err(broken)) => Err(NameFault::Lookup(LookupError {
            failure: LookupFailure::Other,
            text: broken.to_string(),
            source: None,
        })),
        Err(_) => Err(NameFault::Silence(patience)),
    }
}

fn no_address() -> LookupError {
    let text = "the name has no IPv4 or IPv6 address".to_owned();
    LookupError { failure: LookupFailure::NoAddress, text, source: None }
}

/// The addresses to try, and those to leave. An address of the other family than the chosen
/// source, or without a route while another has one, tells nothing about the target; if that
/// is all there is, it is tried, so that the reason comes out.
fn worth_trying(found: &[SocketAddr], settings: &Settings) -> (Vec<SocketAddr>, Vec<IpAddr>) {
    let usable = |address: &SocketAddr| {
        settings.family.is_none_or(|family| family.has(address.ip()))
            && local::route(*address, &settings.outfit).is_ok()
    };
    let (mut worth, mut skipped): (Vec<_>, Vec<_>) = found.iter().partition(|a| usable(a));
    if worth.is_empty() {
        let wanted = |address: &SocketAddr| settings.family.is_none_or(|it| it.has(address.ip()));
        (worth, skipped) = skipped.into_iter().partition(wanted);
    }
    if worth.len() > MAX_ADDRESSES {
        skipped.extend(worth.split_off(MAX_ADDRESSES));
    }
    (worth, skipped.iter().map(SocketAddr::ip).collect())
}
