//! What keepers print when they are asked: `systemctl show`, `inspect` of a container runtime,
//! and the status commands of process supervisors.

mod container;
mod span;
mod status;
mod systemd;

pub use container::{ContainerShown, container, ids};
pub use span::milliseconds;
pub use status::{Pm2App, Program, is_of, passwd, pm2, supervisord};
pub use systemd::{Listens, PROPERTIES, UnitShown, units};
