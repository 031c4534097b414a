//! Whether this kernel lists TCP sockets that hold a port without listening (Linux 6.8 and
//! later, or with its change taken back).

use std::net::{Ipv4Addr, SocketAddrV4};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};

use super::super::sock_diag::SockDiag;
use crate::model::health::{Health, Source};
use crate::model::socket::{Family, Protocol};
use crate::wire::netlink::inet::{Detail, DumpRequest};

/// `TCPF_BOUND_INACTIVE`.
const BOUND_INACTIVE: u32 = 1 << 13;

/// The first kernel that does.
const SINCE: (u32, u32) = (6, 8);

/// What was found out; it does not change while the kernel runs.
#[derive(Debug, Default)]
pub(super) struct BoundSockets {
    are_listed: Option<bool>,
}

impl BoundSockets {
    /// The line to add when they are missing. `is_one_listed` says whether the listing just
    /// made has any, which settles it.
    pub(super) fn health(
        &mut self,
        diag: &mut SockDiag,
        is_one_listed: impl FnOnce() -> bool,
    ) -> Option<Health> {
        let uname = rustix::system::uname();
        let release = uname.release().to_string_lossy();
        let are_listed = *self
            .are_listed
            .get_or_insert_with(|| are_listed(&release, is_one_listed, || try_out(diag)));
        (!are_listed).then(|| missing(&release))
    }
}

/// Evidence goes before what the release says: distributions take changes back into older
/// kernels. Only a release that has it by itself needs no trial.
fn are_listed(
    release: &str,
    is_one_listed: impl FnOnce() -> bool,
    trial: impl FnOnce() -> Option<bool>,
) -> bool {
    version(release).is_some_and(|version| version >= SINCE)
        || is_one_listed()
        // Where nothing could be tried and the release says nothing, nothing is claimed.
        || trial().unwrap_or(version(release).is_none())
}

/// `6.1.0-18-amd64` is (6, 1).
pub(super) fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn missing(release: &str) -> Health {
    Health::degraded(
        Source::BoundSockets,
        format!(
            "kernel {release} does not list TCP sockets that hold a port without listening \
             (6.8 and later do): such a port is taken though no socket is shown for it"
        ),
    )
}

/// Binds a socket to a port that the kernel chooses, and looks whether it is listed. It
/// listens to nobody and is gone at once.
fn try_out(diag: &mut SockDiag) -> Option<bool> {
    let socket =
        socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).ok()?;
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    let port = SocketAddrV4::try_from(getsockname(&socket).ok()?).ok()?.port();
    let (family, protocol) = (Some(Family::Ipv4), Protocol::Tcp);
    let request = DumpRequest { family, protocol, states: BOUND_INACTIVE, detail: Detail::Bare };
    let mut is_listed = false;
    // An older kernel may answer with sockets of other states.
    diag.dump_port(&request, port, |record| is_listed |= record.local_port == port).ok()?;
    Some(is_listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(release: &str, is_one_listed: bool, trial: Option<bool>) -> bool {
        are_listed(release, || is_one_listed, || trial)
    }

    #[test]
    fn a_release_that_has_it_is_not_tried() {
        let untried = |release| are_listed(release, || false, || panic!("tried on {release}"));
        assert!(untried("6.8.0"));
        assert!(untried("6.18.44-fc-v669"));
        assert!(untried("7.0-rc1"));
    }

    #[test]
    fn evidence_goes_before_an_older_release() {
        assert!(decide("5.14.0-570.el9.x86_64", true, Some(false)));
        assert!(decide("5.14.0-570.el9.x86_64", false, Some(true)));
        assert!(!decide("6.1.0-18-amd64", false, Some(false)));
        assert!(!decide("4.4.0", false, Some(false)));
    }

    #[test]
    fn where_nothing_can_be_tried_the_release_says_it() {
        assert!(!decide("6.7.12", false, None));
        assert!(decide("somebody's own", false, None));
        assert!(!decide("somebody's own", false, Some(false)));
    }

    #[test]
    fn the_line_names_the_kernel_and_no_remedy_that_is_none() {
        let line = missing("5.15.0");
        assert!(line.is_troubled() && line.remedy.is_none());
        assert!(line.reason.unwrap().contains("kernel 5.15.0"));
    }

    #[test]
    fn the_trial_agrees_with_this_kernels_release() {
        let uname = rustix::system::uname();
        let release = uname.release().to_string_lossy().into_owned();
        let tried = try_out(&mut SockDiag::open().unwrap());
        if version(&release).is_some_and(|version| version >= SINCE) {
            assert_eq!(tried, Some(true), "{release}");
        }
        assert!(tried.is_some());
    }
}
