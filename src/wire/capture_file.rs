//! Capture files, read as a stream: pcap in all its byte orders and resolutions, and pcapng.
//!
//! Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. Where files in the wild
//! differ from them, this reads what Wireshark's own readers read.

mod block;
mod buffer;
mod byte_order;
mod error;
mod foreign;
mod pcap;
mod pcapng;
mod reader;
mod record;
#[cfg(test)]
mod tests;
pub mod writer;

pub use block::Block;
pub use error::Error;
pub use reader::CaptureReader;
pub use record::{CaptureInterface, Record};
