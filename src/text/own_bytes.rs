//! Bytes as a user writes them: as text with escapes, or in hexadecimal.

/// The bytes of `TEXT` with `\r`, `\n`, `\t`, `\0`, `\\` and `\xNN`, or of `hex:0a 0b`. Else what
/// is wrong, as the end of a sentence.
pub fn read(written: &str) -> Result<Vec<u8>, String> {
    match hex_digits(written) {
        Some(digits) => {
            hex(digits).ok_or_else(|| "hex: takes two digits a byte, as in hex:0d0a".to_owned())
        }
        None => unescaped(written),
    }
}

/// What follows `hex:`, where it is written so.
pub fn hex_digits(written: &str) -> Option<&str> {
    written.strip_prefix("hex:")
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = digits
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ':')
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()?;
    if digits.len() % 2 == 1 {
        return None;
    }
    Some(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

fn unescaped(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        match rest.next() {
            Some('r') => bytes.push(b'\r'),
            Some('n') => bytes.push(b'\n'),
            Some('t') => bytes.push(b'\t'),
            Some('0') => bytes.push(0),
            Some('\\') => bytes.push(b'\\'),
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                let byte = hex(&digits).filter(|it| it.len() == 1);
                bytes.extend(byte.ok_or("two hexadecimal digits follow \\x, as in \\x0a")?);
            }
            _ => {
                return Err(
                    "a backslash must be followed by r, n, t, 0, x or another backslash".to_owned()
                );
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_bytes_are_written_as_text_or_hex() {
        let bytes = |text: &str| read(text).ok();
        assert_eq!(bytes("PING\\r\\n").as_deref(), Some(&b"PING\r\n"[..]));
        assert_eq!(bytes("\\x00\\\\é").as_deref(), Some(&b"\0\\\xc3\xa9"[..]));
        assert_eq!(bytes("hex:00 ff:0A").as_deref(), Some(&[0, 255, 10][..]));
        assert_eq!(bytes("").as_deref(), Some(&[][..]));
        for wrong in ["hex:0", "hex:zz", "\\", "\\q", "\\x1"] {
            assert!(bytes(wrong).is_none(), "{wrong}");
        }
    }
}
