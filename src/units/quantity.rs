//! Splitting `12.5GB/s` into an exact decimal and a unit, and the traits every quantity shares.

use thiserror::Error;

/// Why a text is not the quantity that was expected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// No number in front.
    #[error("`{text}` is not {expected}")]
    NotAQuantity {
        /// What was written.
        text: String,
        /// What was expected, with examples.
        expected: &'static str,
    },
    /// A number without its unit.
    #[error("`{text}` has no unit: expected {expected}")]
    NoUnit {
        /// What was written.
        text: String,
        /// What was expected, with examples.
        expected: &'static str,
    },
    /// An unknown unit.
    #[error("unknown unit `{unit}` in `{text}`: expected {expected}")]
    UnknownUnit {
        /// The unit that was written.
        unit: String,
        /// The whole text.
        text: String,
        /// What was expected, with examples.
        expected: &'static str,
    },
    /// The value is not a whole number of the smallest unit.
    #[error("`{text}` is not a whole number of {smallest}")]
    Lossy {
        /// What was written.
        text: String,
        /// The smallest unit that can be held.
        smallest: &'static str,
    },
    /// The value is too large to hold.
    #[error("`{text}` is larger than this quantity can be")]
    TooLarge {
        /// What was written.
        text: String,
    },
}

/// A decimal number `mantissa / 10^scale` and the unit behind it, unparsed.
pub(super) struct Split<'a> {
    text: &'a str,
    mantissa: u128,
    scale: u32,
    pub(super) unit: &'a str,
}

impl<'a> Split<'a> {
    /// Splits `text`; signs, exponents, NaN and infinities are not quantities.
    pub(super) fn new(text: &'a str, expected: &'static str) -> Result<Self, QuantityError> {
        let trimmed = text.trim();
        let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(end);
        let bad = || QuantityError::NotAQuantity { text: text.to_owned(), expected };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || fraction.contains('.') || (number.contains('.') && fraction.is_empty()) {
            return Err(bad());
        }
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        if digits.len() > 30 {
            return Err(QuantityError::TooLarge { text: text.to_owned() });
        }
        let mantissa = digits.parse().map_err(|_| bad())?;
        Ok(Self { text, mantissa, scale: fraction.len() as u32, unit: unit.trim() })
    }

    /// The value in smallest units when one written unit holds `numerator / denominator` of them; exact or refused.
    pub(super) fn exact(
        &self,
        numerator: u128,
        denominator: u128,
        smallest: &'static str,
    ) -> Result<u64, QuantityError> {
        let too_large = || QuantityError::TooLarge { text: self.text.to_owned() };
        let scaled = self.mantissa.checked_mul(numerator).ok_or_else(too_large)?;
        let divisor = 10u128.pow(self.scale).checked_mul(denominator).ok_or_else(too_large)?;
        if scaled % divisor != 0 {
            return Err(QuantityError::Lossy { text: self.text.to_owned(), smallest });
        }
        u64::try_from(scaled / divisor).map_err(|_| too_large())
    }

    /// The value as written, without its unit.
    pub(super) fn value(&self) -> f64 {
        self.mantissa as f64 / 10f64.powi(self.scale.cast_signed())
    }

    /// The error for a unit that is not one of those expected.
    pub(super) fn unit_error(&self, expected: &'static str) -> QuantityError {
        if self.unit.is_empty() {
            QuantityError::NoUnit { text: self.text.to_owned(), expected }
        } else {
            QuantityError::UnknownUnit { unit: self.unit.to_owned(), text: self.text.to_owned(), expected }
        }
    }
}

/// Gives a type that has `FromStr` and `Display` its text form in scenario files and in the JSON Schema.
macro_rules! text_form {
    ($type:ident, $expected:expr, $pattern:expr) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $type;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                // `any`, not `str`: a bare number must be told that its unit is missing, not be read as text.
                deserializer.deserialize_any(Visitor)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $expected, "pattern": $pattern })
            }
        }
    };
}
pub(super) use text_form;
