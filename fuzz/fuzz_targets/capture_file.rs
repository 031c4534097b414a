//! Any bytes are a capture, or an error that says where: reading ends, each record's bytes fit its
//! lengths, and how the bytes arrive makes no difference.
#![no_main]

use std::io::{self, Read};

use libfuzzer_sys::fuzz_target;
use sockpit::wire::capture_file::{CaptureReader, Error};

/// Hands out a few bytes at a time, as a pipe may.
struct Drips<'a>(&'a [u8]);

impl Read for Drips<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let few = buffer.len().min(7);
        self.0.read(&mut buffer[..few])
    }
}

fuzz_target!(|bytes: &[u8]| {
    let whole = records(bytes);
    let dripped = records(Drips(bytes));
    assert_eq!(whole, dripped);
    assert!(whole.0 <= bytes.len());
});

/// How many packets there are, and how many bytes of them; the error that ended them, if any.
fn records(reader: impl Read) -> (usize, usize, Option<String>) {
    let (mut packets, mut captured) = (0, 0);
    let read = || -> Result<(), Error> {
        let mut reader = CaptureReader::open(reader)?;
        loop {
            while let Some(record) = reader.next_at_hand()? {
                assert!(record.bytes.len() <= record.captured as usize);
                packets += 1;
                captured += record.bytes.len();
            }
            if !reader.fill()? {
                return Ok(());
            }
        }
    };
    let error = read().err().map(|error| error.to_string());
    (packets, captured, error)
}
