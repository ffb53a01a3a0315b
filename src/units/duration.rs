//! Intervals of simulated time.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Sub},
    str::FromStr,
};

use super::quantity::{QuantityError, Split, text_form};

const EXPECTED: &str = "a duration such as 250ms, 90s, 5m, 2h or 7d";

/// Units of a duration, largest first [ns].
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// An interval [ns].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimDuration(u64);

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// One second.
    pub const SECOND: Self = Self(1_000_000_000);

    /// `ns` nanoseconds.
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// `ms` milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * 1_000_000)
    }

    /// `s` seconds.
    pub const fn from_secs(s: u64) -> Self {
        Self(s * 1_000_000_000)
    }

    /// The nearest whole nanosecond to `s` [s]; the one place where computed times become integers.
    ///
    /// # Panics
    /// If `s` is negative, not a number, or longer than 580 years.
    pub fn from_secs_f64(s: f64) -> Self {
        let ns = (s * 1e9).round();
        assert!((0.0..1.8e19).contains(&ns), "{s} s is not a duration");
        Self(ns as u64)
    }

    /// Length [ns].
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Length [s].
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Length [ms].
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Add for SimDuration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("a duration overflowed"))
    }
}

impl AddAssign for SimDuration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for SimDuration {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("a duration went below zero"))
    }
}

impl Sum for SimDuration {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl FromStr for SimDuration {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let split = Split::new(text, EXPECTED)?;
        let unit = UNITS.iter().find(|(name, _)| *name == split.unit);
        let (_, ns) = unit.ok_or_else(|| split.unit_error(EXPECTED))?;
        split.exact(u128::from(*ns), 1, "nanoseconds").map(Self)
    }
}

impl fmt::Display for SimDuration {
    /// The largest unit in which the length is a whole number, so that it parses back to itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let (name, ns) = UNITS
            .iter()
            .find(|(_, ns)| self.0.is_multiple_of(*ns))
            .expect("every length is whole nanoseconds");
        write!(f, "{}{name}", self.0 / ns)
    }
}

text_form!(SimDuration, EXPECTED, r"^[0-9]+(\.[0-9]+)? ?(ns|us|ms|s|m|h|d)$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_exactly_and_prints_what_it_parses() {
        for (text, ns) in
            [("250ms", 250_000_000), ("1.5h", 5_400_000_000_000), ("0s", 0), ("7d", 604_800_000_000_000)]
        {
            let parsed: SimDuration = text.parse().unwrap();
            assert_eq!(parsed.as_nanos(), ns, "{text}");
            assert_eq!(parsed.to_string().parse::<SimDuration>().unwrap(), parsed);
        }
    }

    #[test]
    fn refuses_what_it_cannot_hold() {
        for text in
            ["", "ms", "5", "-1s", "1e3s", "NaN", "5 parsecs", "0.5ns", "999999999999d", "1.s", "1..2s"]
        {
            assert!(text.parse::<SimDuration>().is_err(), "{text}");
        }
    }
}
