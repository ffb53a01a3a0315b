//! Sizes and bandwidths.

use std::{fmt, str::FromStr};

use super::quantity::{QuantityError, Split, text_form};

const EXPECTED_BYTES: &str = "a size such as 80GB, 141GiB or 15Gi";
const EXPECTED_BANDWIDTH: &str = "a bandwidth such as 200Gbps, 25GB/s or 2400MiB/s";

/// Prefixes: name, bytes. Kubernetes writes binary sizes as `15Gi`, so the `B` is optional there.
const PREFIXES: [(&str, u64); 9] = [
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
    ("", 1),
];

/// A size in memory, on disk or on the wire [B].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

impl Bytes {
    /// `bytes` bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The size [B].
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The size [GiB].
    pub fn as_gib(self) -> f64 {
        self.0 as f64 / f64::from(1 << 30)
    }
}

fn prefix(unit: &str) -> Option<u64> {
    let bare = unit.strip_suffix('B');
    let name = bare.unwrap_or(unit);
    PREFIXES.iter().find(|(p, _)| *p == name && (bare.is_some() || p.ends_with('i'))).map(|(_, bytes)| *bytes)
}

impl FromStr for Bytes {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let split = Split::new(text, EXPECTED_BYTES)?;
        let bytes = prefix(split.unit).ok_or_else(|| split.unit_error(EXPECTED_BYTES))?;
        split.exact(u128::from(bytes), 1, "bytes").map(Self)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = PREFIXES.iter().find(|(_, bytes)| self.0 != 0 && self.0.is_multiple_of(*bytes));
        let (name, bytes) = whole.unwrap_or(&("", 1));
        write!(f, "{}{name}B", self.0 / bytes)
    }
}

text_form!(Bytes, EXPECTED_BYTES, r"^[0-9]+(\.[0-9]+)? ?((k|M|G|T)?B|(Ki|Mi|Gi|Ti)B?)$");

/// A data rate [B/s].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bandwidth(u64);

impl Bandwidth {
    /// `bytes` per second.
    pub const fn from_bytes_per_s(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The rate [B/s].
    pub fn bytes_per_s(self) -> f64 {
        self.0 as f64
    }
}

impl FromStr for Bandwidth {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let split = Split::new(text, EXPECTED_BANDWIDTH)?;
        let unit_error = || split.unit_error(EXPECTED_BANDWIDTH);
        if let Some(bits) = split.unit.strip_suffix("bps").or(split.unit.strip_suffix("bit/s")) {
            let bytes = PREFIXES.iter().find(|(p, _)| *p == bits).ok_or_else(unit_error)?.1;
            return split.exact(u128::from(bytes), 8, "bytes a second").map(Self);
        }
        let size = split.unit.strip_suffix("/s").ok_or_else(unit_error)?;
        let bytes = prefix(size).ok_or_else(unit_error)?;
        split.exact(u128::from(bytes), 1, "bytes a second").map(Self)
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", Bytes(self.0))
    }
}

text_form!(
    Bandwidth,
    EXPECTED_BANDWIDTH,
    r"^[0-9]+(\.[0-9]+)? ?((k|M|G|T)?(bps|bit/s)|((k|M|G|T)?B|(Ki|Mi|Gi|Ti)B?)/s)$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_bandwidths_parse_exactly() {
        assert_eq!("15Gi".parse(), Ok(Bytes(15 << 30)));
        assert_eq!("141GiB".parse(), Ok(Bytes(141 << 30)));
        assert_eq!("80GB".parse(), Ok(Bytes(80_000_000_000)));
        assert_eq!("200Gbps".parse(), Ok(Bandwidth(25_000_000_000)));
        assert_eq!("2400MiB/s".parse(), Ok(Bandwidth(2400 << 20)));
        for text in ["80", "80G", "80gb", "1.5B", "GB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        for text in ["25GB", "3bps", "10"] {
            assert!(text.parse::<Bandwidth>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_printed_parses_back() {
        for bytes in [0, 1, 1000, 1024, 15 << 30, 80_000_000_000, 12_345] {
            assert_eq!(Bytes(bytes).to_string().parse(), Ok(Bytes(bytes)));
            assert_eq!(Bandwidth(bytes).to_string().parse(), Ok(Bandwidth(bytes)));
        }
    }
}
