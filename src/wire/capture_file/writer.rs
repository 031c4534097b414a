//! pcapng as bytes: one section, little-endian, time stamps in nanoseconds
//! (draft-ietf-opsawg-pcapng).

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const COMMENT: u16 = 1;
const SECTION_HARDWARE_OS: u16 = 3;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_RESOLUTION: u16 = 9;
const INTERFACE_FILTER: u16 = 11;
const STATISTICS_START: u16 = 2;
const STATISTICS_END: u16 = 3;
const STATISTICS_RECEIVED: u16 = 4;
const STATISTICS_DROPPED: u16 = 7;

/// Ten to the minus nine seconds.
const NANOSECONDS: u8 = 9;

/// The begin of a file, written by this `application` on this operating system.
pub fn section(out: &mut Vec<u8>, application: &str, os: &str) {
    block(out, SECTION, |out| {
        out.extend(0x1a2b_3c4du32.to_le_bytes());
        out.extend(1u16.to_le_bytes());
        out.extend(0u16.to_le_bytes());
        // The section's length is not known beforehand.
        out.extend(u64::MAX.to_le_bytes());
        option(out, SECTION_HARDWARE_OS, os.as_bytes());
        option(out, SECTION_APPLICATION, application.as_bytes());
        end_of_options(out);
    });
}

/// An interface; they are numbered from 0 in the order in which they are written.
pub fn interface(
    out: &mut Vec<u8>,
    name: Option<&str>,
    link_type: u16,
    snap_length: u32,
    filter: Option<&str>,
) {
    block(out, INTERFACE, |out| {
        out.extend(link_type.to_le_bytes());
        out.extend(0u16.to_le_bytes());
        out.extend(snap_length.to_le_bytes());
        if let Some(name) = name {
            option(out, INTERFACE_NAME, name.as_bytes());
        }
        option(out, INTERFACE_RESOLUTION, &[NANOSECONDS]);
        if let Some(filter) = filter {
            // The first byte says that it is a text of libpcap's language.
            option(out, INTERFACE_FILTER, &[&[0], filter.as_bytes()].concat());
        }
        end_of_options(out);
    });
}

/// A packet.
#[derive(Clone, Copy, Debug)]
pub struct PacketBlock<'a> {
    /// Number of the interface.
    pub interface: u32,
    /// Nanoseconds since 1970, UTC.
    pub time_ns: i64,
    /// Length on the wire.
    pub length: u32,
    /// What was captured.
    pub bytes: &'a [u8],
    /// What is said about it.
    pub comment: Option<&'a str>,
}

/// Adds a packet.
pub fn packet(out: &mut Vec<u8>, packet: &PacketBlock<'_>) {
    block(out, ENHANCED_PACKET, |out| {
        out.extend(packet.interface.to_le_bytes());
        time(out, packet.time_ns);
        let captured = u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX);
        out.extend(captured.to_le_bytes());
        out.extend(packet.length.to_le_bytes());
        out.extend(packet.bytes);
        pad(out, packet.bytes.len());
        if let Some(comment) = packet.comment {
            option(out, COMMENT, comment.as_bytes());
            end_of_options(out);
        }
    });
}

/// What is known of an interface at the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics {
    /// When the capture began and ended, in nanoseconds since 1970, UTC.
    pub span_ns: (i64, i64),
    /// Packets that passed the filter.
    pub received: u64,
    /// Packets that the system dropped; `None` where that is not known.
    pub dropped: Option<u64>,
}

/// Adds what is known of an interface.
pub fn statistics(out: &mut Vec<u8>, interface: u32, statistics: &Statistics) {
    block(out, STATISTICS, |out| {
        let (start, end) = statistics.span_ns;
        out.extend(interface.to_le_bytes());
        time(out, end);
        for (code, ns) in [(STATISTICS_START, start), (STATISTICS_END, end)] {
            let mut stamp = Vec::with_capacity(8);
            time(&mut stamp, ns);
            option(out, code, &stamp);
        }
        option(out, STATISTICS_RECEIVED, &statistics.received.to_le_bytes());
        if let Some(dropped) = statistics.dropped {
            option(out, STATISTICS_DROPPED, &dropped.to_le_bytes());
        }
        end_of_options(out);
    });
}

/// The upper half comes first, whatever the byte order.
fn time(out: &mut Vec<u8>, ns: i64) {
    let ns = u64::try_from(ns).unwrap_or_default();
    out.extend(((ns >> 32) as u32).to_le_bytes());
    out.extend((ns as u32).to_le_bytes());
}

fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_le_bytes());
    out.extend(0u32.to_le_bytes());
    body(out);
    let length = u32::try_from(out.len() - start + 4).unwrap_or(u32::MAX);
    out.extend(length.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    out.extend(code.to_le_bytes());
    out.extend((value.len() as u16).to_le_bytes());
    out.extend(value);
    pad(out, value.len());
}

fn end_of_options(out: &mut Vec<u8>) {
    out.extend([0; 4]);
}

fn pad(out: &mut Vec<u8>, length: usize) {
    out.resize(out.len() + (length.next_multiple_of(4) - length), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::capture_file::CaptureReader;

    #[test]
    fn what_is_written_is_read_again() {
        let mut file = Vec::new();
        section(&mut file, "sockpit", "linux");
        interface(&mut file, Some("eth0"), 1, 262_144, Some("tcp"));
        interface(&mut file, None, 101, 96, None);
        let time_ns = 1_700_000_000_123_456_789;
        for (number, bytes) in [(0, &b"abc"[..]), (1, b"")] {
            let comment = Some("pid 7 x");
            packet(
                &mut file,
                &PacketBlock { interface: number, time_ns, length: 60, bytes, comment },
            );
        }
        let known = Statistics { span_ns: (1, 2), received: 2, dropped: Some(5) };
        statistics(&mut file, 0, &known);
        let mut reader = CaptureReader::open(&file[..]).unwrap();
        let mut seen = Vec::new();
        loop {
            while let Some(record) = reader.next_at_hand().unwrap() {
                seen.push((record.interface, record.link_type, record.time_ns, record.length));
                assert!(record.bytes == b"abc" || record.bytes.is_empty());
            }
            if !reader.fill().unwrap() {
                break;
            }
        }
        assert_eq!(seen, [(0, 1, Some(time_ns), 60), (1, 101, Some(time_ns), 60)]);
        assert_eq!(reader.interfaces()[0].name.as_deref(), Some("eth0"));
        assert_eq!(reader.dropped(), Some(5));
    }
}
