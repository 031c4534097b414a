//! Why a capture file could not be read.

use std::io;

/// Why a capture file could not be read, or not to its end. To be said after the file's name
/// and a colon.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are no bytes at all.
    #[error("the file is empty; a capture begins with a header even without packets")]
    Empty,
    /// Something else.
    #[error("not a capture: it begins with {begins_with}, not like pcap or pcapng")]
    NotACapture {
        /// Its first bytes in hexadecimal digits.
        begins_with: String,
    },
    /// A capture, or what is taken for one, of another format.
    #[error("it is {what}, which sockpit does not read{remedy}")]
    Foreign {
        /// The format, with its article.
        what: &'static str,
        /// What would make it readable, as a clause; empty where nothing would.
        remedy: &'static str,
    },
    /// A packed file.
    #[error("packed with {with}; unpack it first: {unpack} FILE | sockpit packets -r -")]
    Packed {
        /// The packer.
        with: &'static str,
        /// A command that unpacks to stdout.
        unpack: &'static str,
    },
    /// The file ends within its own header, so that nothing can be known of it.
    #[error("the file ends in the middle of its header, after {bytes} bytes")]
    CutHeader {
        /// Its length.
        bytes: u64,
    },
    /// The file ends within a record; all records before it were good.
    #[error("the file ends in the middle of record {record}")]
    Truncated {
        /// Number of the record or block, from 1.
        record: u64,
    },
    /// A record contradicts the format; all records before it were good.
    #[error("record {record} is damaged: {what}")]
    Malformed {
        /// Number of the record or block, from 1.
        record: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The system could not read the beginning.
    #[error("cannot read it: {0}")]
    ReadHeader(io::Error),
    /// The system could not read on.
    #[error("cannot read on after record {records}: {source}")]
    Read {
        /// Records or blocks read so far.
        records: u64,
        /// The system's own word.
        source: io::Error,
    },
}

impl Error {
    /// Whether nothing of the file is usable: it does not even begin like a capture, or its
    /// beginning cannot be read.
    pub fn is_unusable(&self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::NotACapture { .. }
                | Self::Foreign { .. }
                | Self::Packed { .. }
                | Self::CutHeader { .. }
                | Self::ReadHeader(_)
        )
    }
}
