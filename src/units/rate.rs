//! How often something happens.

use std::{fmt, str::FromStr};

use super::quantity::{QuantityError, Split, text_form};

const EXPECTED: &str = "a rate such as 2/s, 90/min or 4000/h";

/// Events a second [1/s]; finite and not negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// `per_s` events a second.
    ///
    /// # Panics
    /// If `per_s` is negative or not finite.
    pub fn per_s(per_s: f64) -> Self {
        assert!(per_s.is_finite() && per_s >= 0.0, "{per_s} is not a rate");
        Self(per_s)
    }

    /// Events a second [1/s].
    pub const fn as_per_s(self) -> f64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let split = Split::new(text, EXPECTED)?;
        let seconds = match split.unit {
            "/s" => 1.0,
            "/min" | "/m" => 60.0,
            "/h" => 3600.0,
            "/d" => 86_400.0,
            _ => return Err(split.unit_error(EXPECTED)),
        };
        Ok(Self(split.value() / seconds))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

text_form!(Rate, EXPECTED, r"^[0-9]+(\.[0-9]+)? ?/(s|m|min|h|d)$");
