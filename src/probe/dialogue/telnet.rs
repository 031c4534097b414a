//! Telnet (RFC 854): the options that a server negotiates before it shows its prompt.

pub(super) mod options;
