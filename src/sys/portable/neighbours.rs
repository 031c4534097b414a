//! Who answers on a link: no portable interface tells.

use std::net::IpAddr;

use crate::sys::error::{Error, Result};

/// Whether a link address was asked for and nobody has answered.
pub fn is_silent(_interface: u32, address: IpAddr) -> Result<Option<bool>> {
    let what = format!("whether {address} answers on its link");
    Err(Error::unsupported(what, "only on Linux does sockpit ask for neighbours"))
}
