//! An address that a bind is refused because of.

use std::net::{IpAddr, Ipv6Addr};

use super::super::Scene;
use super::{finding, remedy};
use crate::model::interface::{AddressState, Inet6Address};
use crate::model::why::{WhyFinding, WhyKind};
use crate::sys::inet6;

/// Why the target's address is refused (EADDRNOTAVAIL).
pub(super) fn refusal(scene: &Scene<'_>) -> Option<WhyFinding> {
    let addr = scene.target.addr.filter(|_| scene.plain_error("EADDRNOTAVAIL"))?;
    let IpAddr::V6(v6) = addr.to_canonical() else { return Some(not_local(addr)) };
    let own = inet6::addresses().unwrap_or_default().into_iter().find(|own| own.addr == v6);
    Some(match own {
        Some(own) if own.state != AddressState::Ready => unfinished(scene, &own),
        _ => switched_off(v6).unwrap_or_else(|| not_local(addr)),
    })
}

fn not_local(addr: IpAddr) -> WhyFinding {
    let show = remedy("show the addresses of this host", &["ip", "-brief", "address"]);
    let text = format!("{addr} is no address of this host");
    finding(WhyKind::AddrNotLocal, text, &[], vec![show])
}

/// The address is there, and duplicate address detection (RFC 4862) is not done with it.
fn unfinished(scene: &Scene<'_>, own: &Inet6Address) -> WhyFinding {
    let Inet6Address { addr, prefix_len, interface, state } = own;
    if *state == AddressState::Duplicate {
        let text = format!(
            "{addr} on {interface} is dadfailed: another host on the link has the same address, so \
             that it cannot be bound until one of them takes another"
        );
        let (addr, interface) = (format!("{addr}/{prefix_len}"), interface.as_ref());
        let remove = ["ip", "-6", "address", "delete", &addr, "dev", interface];
        let remedies = vec![remedy("remove it here (as root)", &remove)];
        return finding(WhyKind::TentativeAddress, text, &[], remedies);
    }
    let text = format!(
        "{addr} on {interface} is tentative: it can be bound once duplicate address detection has \
         ended, usually within 2 s of when the address was added and the link came up"
    );
    let (target, addr) = (scene.target.name(), scene.target.named_addr().unwrap_or_default());
    let wait = ["sockpit", "wait", &target, "--free", "--addr", &addr];
    finding(WhyKind::TentativeAddress, text, &[], vec![remedy("wait until it may be bound", &wait)])
}

/// Where IPv6 is off, an address that was configured is gone without a trace.
fn switched_off(addr: Ipv6Addr) -> Option<WhyFinding> {
    let place = off_at(addr)?;
    let sysctl = format!("net.ipv6.conf.{place}.disable_ipv6");
    let on = if place == "all" { "every interface" } else { place };
    let text = format!("{addr} is no address of this host: IPv6 is off on {on} ({sysctl} = 1)");
    let argv = ["sysctl", "-w", &format!("{sysctl}=0")];
    let remedies = vec![remedy("switch IPv6 on (as root)", &argv)];
    Some(finding(WhyKind::AddrNotLocal, text, &[], remedies))
}

/// Whose switch explains that the address is missing.
fn off_at(addr: Ipv6Addr) -> Option<&'static str> {
    let place = if addr.is_loopback() { "lo" } else { "all" };
    (inet6::is_off(place) == Some(true)).then_some(place)
}
