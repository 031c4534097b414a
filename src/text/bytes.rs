//! Bytes as a hex dump.

/// Bytes of a line.
const LINE: usize = 16;

/// Lines of offset, hexadecimal digits and what is printable in ASCII.
pub fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (number, line) in bytes.chunks(LINE).enumerate() {
        let digits: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let (first, second) = digits.split_at(digits.len().min(LINE / 2));
        let digits = format!("{}  {}", first.join(" "), second.join(" "));
        let letter = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' };
        let letters: String = line.iter().map(letter).collect();
        text += &format!("{:04x}  {digits:<49} {letters}\n", number * LINE);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_stand_on_a_line() {
        let bytes: Vec<u8> = (0x3c..0x4e).collect();
        let expected = "\
0000  3c 3d 3e 3f 40 41 42 43  44 45 46 47 48 49 4a 4b  <=>?@ABCDEFGHIJK
0010  4c 4d                                             LM
";
        assert_eq!(dump(&bytes), expected);
        assert_eq!(dump(b"\x1b[2J").trim_end().chars().last(), Some('J'));
        assert!(!dump(b"\x1b[2J").contains('\u{1b}'));
    }
}
