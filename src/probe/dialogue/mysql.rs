//! MySQL and MariaDB: the handshake packet that the server sends first.

pub(super) mod packet;
