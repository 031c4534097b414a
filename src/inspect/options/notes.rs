//! What deserves a word about one value: a wish that was cut, a number that means something else.

use crate::catalog::sockopts::{Entry, Form};
use crate::model::options::{OptionValue, SocketOption};
use crate::model::socket::Protocol;
use crate::sys::options::sysctl;

use super::situation::Situation;

/// The word about a value, if it deserves one.
pub(super) fn of(
    entry: &Entry,
    option: &SocketOption,
    situation: &Situation<'_>,
) -> Option<String> {
    match entry.name.as_str() {
        "SO_RCVBUF" => capped(option, situation, "net.core.rmem_max"),
        "SO_SNDBUF" => capped(option, situation, "net.core.wmem_max"),
        _ if entry.form == Some(Form::InetNum) && situation.protocol != Protocol::Raw => {
            Some("the local port: only of a raw socket is it a protocol".to_owned())
        }
        _ => None,
    }
}

/// A buffer set by hand that is exactly what the sysctl permits was most likely meant larger. These
/// two sysctls are the same in every network namespace.
fn capped(option: &SocketOption, situation: &Situation<'_>, name: &str) -> Option<String> {
    let OptionValue::Number(value) = option.value else { return None };
    // Most are not, and to read a sysctl is dear.
    if situation.is_locked(&option.name) != Some(true) {
        return None;
    }
    let most: i64 = sysctl(name)?.parse().ok()?;
    (value == 2 * most).then(|| {
        format!("exactly 2 x {name} ({most}): a larger value was asked for, and was cut to it")
    })
}
