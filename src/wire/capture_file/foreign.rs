//! Formats that are told by their beginning and not read: each gets its name.

/// Bytes of the beginning that tell them all.
pub(super) const BEGIN: usize = 32;

const CONVERT: &str = "; convert it first: editcap FILE NEW.pcapng";
const FETCH: &str = "; fetch what it stands for with Git";
const NOTHING: &str = "";

/// How files of a format begin, what they are, and what helps.
const FORMATS: [(&[u8], &str, &str); 23] = [
    (b"snoop\0\0\0", "a snoop capture", CONVERT),
    (b"btsnoop\0", "a btsnoop capture", CONVERT),
    (b"RTSS", "a capture of Microsoft Network Monitor 1", CONVERT),
    (b"GMBU", "a capture of Microsoft Network Monitor 2", CONVERT),
    (b"TRSNIFF data    \x1a", "a capture of a DOS Sniffer", CONVERT),
    (b"XCP\0", "a capture of NetXRay or a Windows Sniffer", CONVERT),
    (b"ObserverPktBufferVersion", "a capture of Network Instruments' Observer", CONVERT),
    (b"\x7fver", "a capture of a WildPackets program", CONVERT),
    (b"iptrace 1.0", "a trace of AIX", CONVERT),
    (b"iptrace 2.0", "a trace of AIX", CONVERT),
    (b"\x00\x00\x02\x00\x12\x05\x00\x10", "a capture of a Tektronix K12", CONVERT),
    (b"\xaa\xaa\xaa\xaa", "a capture of Accellent 5Views", CONVERT),
    (b"\x54\x52\x00\x64\x00", "a trace of HP-UX (nettl)", CONVERT),
    (b"\x05VNF", "a capture of Visual Networks", CONVERT),
    (b"V0208", "a capture of an Aethra device", CONVERT),
    (b"LOGG", "a log of Vector tools", CONVERT),
    (b"version https://git-lfs", "a pointer of Git LFS", FETCH),
    (b"/annex/objects/", "a pointer of git-annex", FETCH),
    (b"PK\x03\x04", "a ZIP archive", "; unpack it first"),
    (b"Rar!", "a RAR archive", "; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "; unpack it first"),
    (b"<?xml", "an XML document", NOTHING),
    (b"<!DOCTYPE", "a web page", NOTHING),
];

/// The format that begins so, and what helps.
pub(super) fn named(begin: &[u8]) -> Option<(&'static str, &'static str)> {
    let known = FORMATS.iter().find(|(magic, ..)| begin.starts_with(magic));
    known
        .map(|(_, what, remedy)| (*what, *remedy))
        .or_else(|| is_erf(begin).then_some(("an ERF capture of an Endace card", CONVERT)))
        .or_else(|| is_text(begin).then_some(("a text", "; text2pcap reads hex dumps")))
}

/// ERF has no mark of its own: a time stamp whose seconds are in this century's first half, a
/// known type, flags, and a record length that holds its header.
fn is_erf(begin: &[u8]) -> bool {
    const HEADER: u16 = 16;
    let [_, _, _, _, s0, s1, s2, s3, kind, _, r0, r1, _, _, w0, w1, ..] = *begin else {
        return false;
    };
    let seconds = u32::from_le_bytes([s0, s1, s2, s3]);
    let (record, wire) = (u16::from_be_bytes([r0, r1]), u16::from_be_bytes([w0, w1]));
    let is_recent = (800_000_000..2_400_000_000).contains(&seconds);
    is_recent && matches!(kind & 0x7f, 1..=48) && record > HEADER && wire > 0
}

fn is_text(begin: &[u8]) -> bool {
    let is_printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    begin.len() == BEGIN && begin.iter().all(is_printable)
}
