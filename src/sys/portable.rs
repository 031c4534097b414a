//! What every platform can do by portable means, and the honest word for what it cannot.

pub mod capture;
pub mod clock;
pub mod host;
pub mod interfaces;
pub mod interrupt;
