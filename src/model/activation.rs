//! Socket activation: a listener that systemd holds is held for a unit.
//!
//! Pure, and told from evidence alone: who else holds the socket, and which unit's cgroup it
//! was made in. systemd makes an IP socket inside of its socket unit's own cgroup
//! (`socket_address_listen_in_cgroup` of its `socket.c`), and a service that it has started
//! holds the socket beside it.

use super::owner::{Owner, Process, Unit, UnitScope};
pub use super::socket::activation::Activation;
use super::socket::{Family, Socket, State};

/// What a socket is held for, if systemd holds it. `made_in` tells the unit of the cgroup
/// that it was made in, and is asked only then.
pub fn of(socket: &Socket, made_in: impl FnOnce() -> Option<Unit>) -> Option<Activation> {
    if !matches!(socket.state, State::Listen | State::Unconnected | State::Bound) {
        return None;
    }
    let scope = socket.owners.iter().find_map(|owner| manages(&owner.process))?;
    let serving = serving_unit(socket);
    let made_in = made_in().filter(|unit| unit.scope == scope);
    let named = |kind: &str| made_in.as_ref().filter(|unit| unit.name.ends_with(kind));
    let activation = Activation {
        socket_unit: named(".socket").map(|unit| unit.name.clone()),
        // A service may leave a socket of its own with systemd (its descriptor store).
        unit: serving.or_else(|| named(".service").map(|unit| unit.name.clone())),
    };
    // systemd listens on UNIX sockets for itself, and has no other reason to on IP ones.
    let is_own = socket.family == Family::Unix && activation.principal().is_none();
    (!is_own).then_some(activation)
}

/// The owner to name when only one can be: the service rather than the systemd that holds
/// the socket for it.
pub fn principal_owner(socket: &Socket) -> Option<&Owner> {
    let serves = |owner: &&Owner| manages(&owner.process).is_none();
    let served = socket.activation.as_ref().and_then(|_| socket.owners.iter().find(serves));
    served.or_else(|| socket.owners.first())
}

/// Which units a process manages: it is systemd as process 1, or as a user's manager.
fn manages(process: &Process) -> Option<UnitScope> {
    let program = process.exe.as_deref().and_then(|exe| exe.rsplit('/').next());
    if !process.names().chain(program).any(|name| name == "systemd") {
        return None;
    }
    if process.pid == 1 {
        return Some(UnitScope::System);
    }
    // A user's manager moves itself there, below user@UID.service.
    let unit = process.unit.as_ref()?;
    (unit.scope == UnitScope::User && &*unit.name == "init.scope").then_some(UnitScope::User)
}

/// The one service among the other owners.
fn serving_unit(socket: &Socket) -> Option<Box<str>> {
    let others = socket.owners.iter().map(|owner| &owner.process);
    let others = others.filter(|process| manages(process).is_none());
    let mut units = others.filter_map(|process| process.unit.as_ref()).map(|unit| &unit.name);
    let mut services = units.by_ref().filter(|name| name.ends_with(".service"));
    let first = services.next()?;
    services.all(|name| name == first).then(|| first.clone())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::socket::{Endpoint, Protocol};

    fn process(pid: u32, name: &str, unit: Option<Unit>) -> Process {
        Process { unit, ..Process::named(pid, 1, name) }
    }

    fn unit(name: &str, scope: UnitScope) -> Unit {
        Unit { name: name.into(), scope }
    }

    fn system(name: &str) -> Unit {
        unit(name, UnitScope::System)
    }

    fn pid_1() -> Process {
        process(1, "systemd", Some(system("init.scope")))
    }

    fn user_manager() -> Process {
        process(900, "systemd", Some(unit("init.scope", UnitScope::User)))
    }

    fn listener(owners: Vec<Process>) -> Socket {
        let local = Endpoint::ip([0, 0, 0, 0], 22);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, local);
        let owner = |process| Owner::new(Some(3), Arc::new(process));
        socket.owners = owners.into_iter().map(owner).collect();
        socket
    }

    fn told(
        owners: Vec<Process>,
        made_in: Option<Unit>,
    ) -> Option<(Option<String>, Option<String>)> {
        let activation = of(&listener(owners), || made_in)?;
        let text = |unit: Option<Box<str>>| unit.map(String::from);
        Some((text(activation.socket_unit), text(activation.unit)))
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn the_cgroup_names_the_socket_unit() {
        assert_eq!(
            told(vec![pid_1()], Some(system("ssh.socket"))),
            Some((some("ssh.socket"), None))
        );
    }

    #[test]
    fn a_started_service_holds_it_too_and_is_the_one_to_name() {
        let sshd = || process(812, "sshd", Some(system("ssh.service")));
        let both = Some((some("ssh.socket"), some("ssh.service")));
        assert_eq!(told(vec![pid_1(), sshd()], Some(system("ssh.socket"))), both);
        assert_eq!(told(vec![pid_1(), sshd()], None), Some((None, some("ssh.service"))));
        let mut socket = listener(vec![pid_1(), sshd()]);
        socket.activation = of(&socket, || None).map(Box::new);
        assert_eq!(principal_owner(&socket).unwrap().process.pid, 812);
        assert_eq!(principal_owner(&listener(vec![sshd(), pid_1()])).unwrap().process.pid, 812);
    }

    #[test]
    fn without_evidence_no_unit_is_named() {
        let nothing = Some((None, None));
        assert_eq!(told(vec![pid_1()], None), nothing);
        // Older versions make the socket where they are themselves.
        assert_eq!(told(vec![pid_1()], Some(system("init.scope"))), nothing);
        // Whoever can write a user's tree cannot speak for the system.
        let forged = unit("ssh.socket", UnitScope::User);
        assert_eq!(told(vec![pid_1()], Some(forged)), nothing);
        // Two services share it: neither is the one.
        let of = |pid, name: &str| process(pid, "x", Some(system(name)));
        let several = vec![pid_1(), of(7, "a.service"), of(8, "b.service")];
        assert_eq!(told(several, None), nothing);
    }

    #[test]
    fn a_users_manager_holds_for_units_of_that_user() {
        let mpd = unit("mpd.socket", UnitScope::User);
        assert_eq!(told(vec![user_manager()], Some(mpd)), Some((some("mpd.socket"), None)));
        assert_eq!(told(vec![user_manager()], Some(system("mpd.socket"))), Some((None, None)));
    }

    #[test]
    fn a_socket_in_the_descriptor_store_is_its_services() {
        let made_in = Some(system("app.service"));
        assert_eq!(told(vec![pid_1()], made_in), Some((None, some("app.service"))));
    }

    #[test]
    fn others_by_that_name_are_no_managers() {
        let impostor = process(4_000, "systemd", Some(system("session-3.scope")));
        assert_eq!(told(vec![impostor], Some(system("ssh.socket"))), None);
        assert_eq!(told(vec![process(1, "tini", None)], Some(system("ssh.socket"))), None);
        let mut renamed = process(1, "init", None);
        renamed.exe = Some("/usr/lib/systemd/systemd".into());
        assert!(told(vec![renamed], None).is_some());
        assert_eq!(told(vec![process(7, "sshd", None)], Some(system("ssh.socket"))), None);
    }

    #[test]
    fn what_systemd_listens_on_for_itself_is_not_activation() {
        let mut socket = listener(vec![pid_1()]);
        socket.family = Family::Unix;
        assert_eq!(of(&socket, || None), None);
        socket
            .owners
            .extend(listener(vec![process(7, "dbus", Some(system("dbus.service")))]).owners);
        assert_eq!(of(&socket, || None).unwrap().principal(), Some("dbus.service"));
        let mut connection = listener(vec![pid_1()]);
        connection.state = State::Established;
        assert_eq!(of(&connection, || Some(system("ssh.socket"))), None);
    }
}
