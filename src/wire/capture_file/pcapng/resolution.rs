//! What a time stamp counts.

/// Units of a time stamp (option `if_tsresol`).
#[derive(Clone, Copy)]
pub(super) enum Resolution {
    /// So many nanoseconds.
    Nanoseconds(u64),
    /// So many in a second.
    PerSecond(u64),
    /// 2 to the minus so many seconds.
    Binary(u32),
}

impl Resolution {
    pub(super) const MICROSECONDS: Self = Self::Nanoseconds(1_000);

    pub(super) fn from_option(value: u8) -> Self {
        let exponent = u32::from(value & 0x7f);
        match value & 0x80 {
            0 if exponent <= 9 => Self::Nanoseconds(10u64.pow(9 - exponent)),
            0 => Self::PerSecond(10u64.checked_pow(exponent).unwrap_or(u64::MAX)),
            _ => Self::Binary(exponent),
        }
    }

    #[inline]
    pub(super) fn nanoseconds(self, units: u64) -> i64 {
        match self {
            Self::Nanoseconds(factor) => clamped(u128::from(units) * u128::from(factor)),
            Self::PerSecond(count) => {
                clamped(u128::from(units) * 1_000_000_000 / u128::from(count))
            }
            Self::Binary(exponent) => clamped((u128::from(units) * 1_000_000_000) >> exponent),
        }
    }
}

fn clamped(number: u128) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
