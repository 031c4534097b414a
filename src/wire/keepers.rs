//! What keepers print when they are asked: `systemctl show`, `inspect` of a container runtime,
//! and the status commands of process supervisors.

mod container;
mod ini;
mod span;
mod state;
mod status;
mod systemd;

pub use container::{ContainerShown, PodShown, container, ids, pod};
pub use ini::{includes, server_url, stops_group};
pub use span::milliseconds;
pub use state::{State, container_state, pm2_state, service_state, supervisord_state, unit_state};
pub use status::{Pm2App, Program, is_of, monit, passwd, pm2, supervisord};
pub use systemd::{Listens, PROPERTIES, UnitShown, units};
