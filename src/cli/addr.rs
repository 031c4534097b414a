//! `sockpit addr [ADDRESS]`.

use std::io::Write;

use super::{Exit, Failure, output};
use crate::inspect::addresses;
use crate::model::address_class::class_of;
use crate::text::clean;
use crate::text::notation::{self, Notation};

const SCHEMA: &str = "sockpit.addr/1";

/// Which address.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An IPv4 or IPv6 address with or without a port, a path, or an abstract name (@name).
    address: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Tells.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.address {
        Some(address) => one(address, args.json),
        None => host(args.json),
    }
}

fn one(address: &str, json: bool) -> Result<Exit, Failure> {
    let told = notation::read(address, addresses::interface_index).map_err(Failure::usage)?;
    if json {
        output::json(SCHEMA, &told)?;
        return Ok(Exit::Yes);
    }
    let mut out = output::stdout();
    for (name, value) in lines(&told) {
        writeln!(out, "{name:<15} {}", clean(&value))?;
    }
    out.flush()?;
    Ok(Exit::Yes)
}

fn lines(told: &Notation) -> Vec<(&'static str, String)> {
    let mut lines = vec![("address", told.address.clone())];
    if let Some(class) = told.class {
        lines.push(("class", format!("{}, scope {} ({})", class.name, class.scope, class.source)));
    }
    let known = |name, value: Option<String>| value.map(|value| (name, value));
    let family = format!("{} (AF number {} on Linux)", told.family, told.family_number);
    lines.push(("family", family));
    lines.extend(known("carries IPv4", told.mapped.clone()));
    lines.extend(known("zone", told.zone.as_ref().map(|zone| zone_line(zone, told.scope_id))));
    lines.extend(known("network order", told.bytes.clone()));
    if let (Some(number), Some(swapped)) = (told.number, told.number_swapped) {
        lines.push(("as a number", format!("{number}; {swapped} where ntohl was forgotten")));
    }
    if let (Some(port), Some(bytes), Some(swapped)) =
        (told.port, &told.port_bytes, told.port_swapped)
    {
        lines.push(("port", format!("{port}: {bytes}; {swapped} where htons was forgotten")));
    }
    lines.extend(known("reverse name", told.reverse.clone()));
    let bytes = told.sockaddr_bytes;
    lines.push(match &told.sockaddr {
        Some(sockaddr) => ("sockaddr", format!("{sockaddr} ({bytes} bytes)")),
        None => ("sockaddr", format!("{bytes} bytes; its scope id is not known here")),
    });
    lines
}

fn zone_line(zone: &str, scope_id: Option<u32>) -> String {
    match scope_id {
        Some(id) => format!("{zone}, sin6_scope_id {id}"),
        None => format!("{zone}: this machine has no interface of that name"),
    }
}

fn host(json: bool) -> Result<Exit, Failure> {
    let host = addresses::of_host()?;
    if json {
        output::json(SCHEMA, &host)?;
        return Ok(Exit::Yes);
    }
    let mut out = output::stdout();
    for interface in &host.interfaces {
        let mtu = interface.mtu_bytes.map_or(String::new(), |mtu| format!("  mtu {mtu}"));
        writeln!(out, "{}{mtu}", clean(&interface.name))?;
        for (addr, prefix) in &interface.addresses {
            let class = class_of(*addr);
            let addr = format!("{addr}/{prefix}");
            writeln!(out, "  {addr:<43} {}, scope {}", class.name, class.scope)?;
        }
    }
    writeln!(out, "routes")?;
    for route in host.routes.iter().flatten() {
        let to = match route.prefix {
            0 => "default".to_owned(),
            prefix => format!("{}/{prefix}", route.destination),
        };
        let via = route.gateway.map_or("on the link".to_owned(), |addr| format!("via {addr}"));
        let class = class_of(route.destination);
        let scope = if route.prefix == 0 { "global" } else { class.scope };
        writeln!(
            out,
            "  {to:<43} {via}, {}, metric {}, scope {scope}",
            clean(&route.interface),
            route.metric
        )?;
    }
    if let Some(reason) = &host.routes_reason {
        writeln!(out, "! {}", clean(reason))?;
    }
    out.flush()?;
    Ok(Exit::Yes)
}
