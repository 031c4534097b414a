//! Captures packed with gzip, which is how they are mailed and stored.

use std::io::{self, Chain, Cursor, Read};

use flate2::read::MultiGzDecoder;

/// How a gzip member begins (RFC 1952, 2.3.1).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// The bytes of a capture file, unpacked where they are packed.
pub(super) enum Unpacked<R: Read> {
    Plain(Whole<R>),
    Gzip(Box<MultiGzDecoder<Whole<R>>>),
}

impl<R: Read> Unpacked<R> {
    /// Looks at the first bytes of `reader`, which may be a pipe.
    pub(super) fn open(mut reader: R) -> io::Result<Self> {
        let mut begin = Vec::with_capacity(MAGIC.len());
        reader.by_ref().take(MAGIC.len() as u64).read_to_end(&mut begin)?;
        let is_packed = begin == MAGIC;
        let whole = Cursor::new(begin).chain(reader);
        Ok(match is_packed {
            true => Self::Gzip(Box::new(MultiGzDecoder::new(whole))),
            false => Self::Plain(whole),
        })
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(buffer),
            Self::Gzip(reader) => reader.read(buffer).map_err(damaged),
        }
    }
}

/// The system's own errors speak for themselves; the rest are about the packing.
fn damaged(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(_) => error,
        None => io::Error::new(error.kind(), format!("its gzip packing is damaged: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Unpacked::open(bytes)?.read_to_end(&mut out)?;
        Ok(out)
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_bytes_pass_unchanged_however_few() {
        for bytes in [&b""[..], b"\x1f", b"ab", b"abc"] {
            assert_eq!(read(bytes).unwrap(), bytes);
        }
    }

    #[test]
    fn packed_bytes_are_unpacked_member_after_member() {
        let both = [packed(b"one "), packed(b"two")].concat();
        assert_eq!(read(&both).unwrap(), b"one two");
    }

    #[test]
    fn a_cut_member_is_an_error() {
        let whole = packed(&[7; 1000]);
        let error = read(&whole[..whole.len() - 4]).unwrap_err();
        assert!(error.to_string().starts_with("its gzip packing is damaged: "), "{error}");
    }
}
