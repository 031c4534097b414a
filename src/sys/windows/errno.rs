//! Names of Winsock's error numbers (winsock2.h).

use std::io;

const WSAEWOULDBLOCK: i32 = 10_035;
const WSAEINPROGRESS: i32 = 10_036;

/// The symbolic name of the error number in `error`: `WSAECONNREFUSED`. `None` when the error
/// carries no number, or one that is not Winsock's.
pub fn name(error: &io::Error) -> Option<&'static str> {
    let number = error.raw_os_error()?;
    NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// Whether a non-blocking connect has begun and goes on in the background.
pub fn is_connecting(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(WSAEWOULDBLOCK | WSAEINPROGRESS))
}

/// Whether connect was called on a socket that is connecting already (WSAEALREADY).
pub fn is_still_connecting(error: &io::Error) -> bool {
    error.raw_os_error() == Some(10_037)
}

const NAMES: &[(i32, &str)] = &[
    (10_004, "WSAEINTR"),
    (10_009, "WSAEBADF"),
    (10_013, "WSAEACCES"),
    (10_014, "WSAEFAULT"),
    (10_022, "WSAEINVAL"),
    (10_024, "WSAEMFILE"),
    (WSAEWOULDBLOCK, "WSAEWOULDBLOCK"),
    (WSAEINPROGRESS, "WSAEINPROGRESS"),
    (10_037, "WSAEALREADY"),
    (10_038, "WSAENOTSOCK"),
    (10_039, "WSAEDESTADDRREQ"),
    (10_040, "WSAEMSGSIZE"),
    (10_042, "WSAENOPROTOOPT"),
    (10_043, "WSAEPROTONOSUPPORT"),
    (10_045, "WSAEOPNOTSUPP"),
    (10_047, "WSAEAFNOSUPPORT"),
    (10_048, "WSAEADDRINUSE"),
    (10_049, "WSAEADDRNOTAVAIL"),
    (10_050, "WSAENETDOWN"),
    (10_051, "WSAENETUNREACH"),
    (10_052, "WSAENETRESET"),
    (10_053, "WSAECONNABORTED"),
    (10_054, "WSAECONNRESET"),
    (10_055, "WSAENOBUFS"),
    (10_056, "WSAEISCONN"),
    (10_057, "WSAENOTCONN"),
    (10_058, "WSAESHUTDOWN"),
    (10_060, "WSAETIMEDOUT"),
    (10_061, "WSAECONNREFUSED"),
    (10_064, "WSAEHOSTDOWN"),
    (10_065, "WSAEHOSTUNREACH"),
    (11_001, "WSAHOST_NOT_FOUND"),
    (11_002, "WSATRY_AGAIN"),
    (11_004, "WSANO_DATA"),
];
