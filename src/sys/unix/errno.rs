//! Names of error numbers (errno(3)).

use std::io;

/// The symbolic name of the error number in `error`: `ECONNREFUSED`. `None` when the error
/// carries no number, or one that no network call gives.
pub fn name(error: &io::Error) -> Option<&'static str> {
    error.raw_os_error().and_then(of)
}

/// Whether a non-blocking connect(2) has begun and goes on in the background.
pub fn is_connecting(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

/// Whether connect(2) was called on a socket that is connecting already.
pub fn is_still_connecting(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EALREADY)
}

macro_rules! names {
    ($number:expr => $($name:ident)*) => {
        match $number {
            $(libc::$name => Some(stringify!($name)),)*
            _ => None,
        }
    };
}

fn of(number: i32) -> Option<&'static str> {
    // EWOULDBLOCK is EAGAIN, and ENOTSUP is EOPNOTSUPP on Linux: one name each.
    names!(number =>
        EPERM ENOENT ESRCH EINTR EIO ENXIO EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT EBUSY
        EEXIST ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY EFBIG ENOSPC ESPIPE EROFS
        EPIPE EDOM ERANGE ENAMETOOLONG ENOSYS ELOOP EPROTO EOVERFLOW ENOTSOCK EDESTADDRREQ
        EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT
        EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET
        ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH
        EALREADY EINPROGRESS ESTALE ECANCELED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_bear_their_names() {
        let named = |number| name(&io::Error::from_raw_os_error(number));
        assert_eq!(named(libc::ECONNREFUSED), Some("ECONNREFUSED"));
        assert_eq!(named(libc::EHOSTUNREACH), Some("EHOSTUNREACH"));
        assert_eq!(named(libc::EAGAIN), Some("EAGAIN"));
        assert_eq!(named(987_654), None);
        assert_eq!(name(&io::Error::other("a word")), None);
    }
}
