//! Releases of software whose behaviour changed between them.

use std::{fmt, str::FromStr};

use super::quantity::{QuantityError, text_form};

const EXPECTED: &str = "a quoted version such as \"0.33\" or \"0.8.5\"";

/// A release, ordered as releases are: `0.9 < 0.20`, `0.8 == 0.8.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    major: u16,
    minor: u16,
    patch: u16,
}

impl Version {
    /// Release `major.minor.patch`.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }
}

impl FromStr for Version {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let bad = || QuantityError::NotAQuantity { text: text.to_owned(), expected: EXPECTED };
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let mut part = || parts.next().map(|p| p.parse::<u16>().map_err(|_| bad())).transpose();
        let (major, minor, patch) = (part()?, part()?, part()?);
        match (major, minor, parts.next()) {
            (Some(major), Some(minor), None) => Ok(Self { major, minor, patch: patch.unwrap_or(0) }),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patch {
            0 => write!(f, "{}.{}", self.major, self.minor),
            patch => write!(f, "{}.{}.{patch}", self.major, self.minor),
        }
    }
}

text_form!(Version, EXPECTED, r"^v?[0-9]+\.[0-9]+(\.[0-9]+)?$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_ordered_by_number_not_by_text() {
        let v = |text: &str| text.parse::<Version>().unwrap();
        assert!(v("0.9") < v("0.20"));
        assert!(v("0.8.5") < v("0.11"));
        assert_eq!(v("v0.8"), v("0.8.0"));
        assert!("0".parse::<Version>().is_err() && "0.x".parse::<Version>().is_err());
    }
}
