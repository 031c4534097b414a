//! Numbers as C writes them: decimal, octal behind a 0, hexadecimal behind 0x.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberError {
    /// Something else.
    NotANumber,
    /// Begins like an octal number and has an 8 or a 9.
    NotOctal,
    /// Takes more than 32 bits.
    TooLarge,
}

/// The number that `text` is as a whole.
pub(super) fn read(text: &str) -> Result<u32, NumberError> {
    if text.is_empty() {
        return Err(NumberError::NotANumber);
    }
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    if let Some(digits) = hexadecimal {
        let is_number = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_hexdigit());
        return if is_number { parse(digits, 16) } else { Err(NumberError::NotANumber) };
    }
    if !text.bytes().all(|c| c.is_ascii_digit()) {
        return Err(NumberError::NotANumber);
    }
    match text.strip_prefix('0') {
        None | Some("") => parse(text, 10),
        Some(digits) if digits.bytes().any(|c| c > b'7') => Err(NumberError::NotOctal),
        Some(digits) => parse(digits, 8),
    }
}

fn parse(digits: &str, radix: u32) -> Result<u32, NumberError> {
    u32::from_str_radix(digits, radix).map_err(|_| NumberError::TooLarge)
}

/// One to four decimal numbers below 256 with dots between them: their value, and how many bits
/// they take.
pub(super) fn dotted(text: &str) -> Option<(u32, u32)> {
    let (mut value, mut bits) = (0u32, 0);
    for part in text.split('.') {
        if bits == 32 || !part.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let part: u32 = part.parse().ok().filter(|part| *part < 256)?;
        value = value << 8 | part;
        bits += 8;
    }
    Some((value, bits))
}
