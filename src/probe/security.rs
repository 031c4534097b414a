//! The layer that secures a stream.

mod certificate;
mod fault;
pub(super) mod material;
mod record;
pub(super) mod tls;

pub use material::Material;
