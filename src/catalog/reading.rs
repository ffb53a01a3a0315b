//! From a fact in its source's unit to a number in the program's: bytes, bytes a second, seconds, operations a second.
//!
//! For `#[serde(deserialize_with = "...")]` on the fields of the rooms' own types, so that a user's catalogue may
//! state a bandwidth in `TB/s` or in `Gbit/s`, and one stated in seconds is refused.

use serde::{Deserialize, Deserializer, de::Error};

use super::Fact;

/// Units a fact may be stated in: name, size in the program's unit.
type Units = &'static [(&'static str, f64)];

const GIB: f64 = (1_u64 << 30) as f64;
const MIB: f64 = (1_u64 << 20) as f64;
const BYTES: Units =
    &[("B", 1.0), ("KiB", 1024.0), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("MiB", MIB), ("GiB", GIB)];
const BANDWIDTHS: Units = &[
    ("GB/s", 1e9),
    ("TB/s", 1e12),
    ("MB/s", 1e6),
    ("MiB/s", MIB),
    ("GiB/s", GIB),
    ("Gbit/s", 1e9 / 8.0),
    ("Gbps", 1e9 / 8.0),
];
const SECONDS: Units =
    &[("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0)];
const FLOPS: Units = &[("TFLOP/s", 1e12), ("PFLOP/s", 1e15), ("TOP/s", 1e12), ("GFLOP/s", 1e9)];

fn read<'de, D: Deserializer<'de>>(input: D, what: &str, units: Units) -> Result<f64, D::Error> {
    let Fact { value, unit, .. } = Fact::<f64>::deserialize(input)?;
    let Some((_, size)) = units.iter().find(|(name, _)| *name == unit) else {
        let known: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        return Err(D::Error::custom(format!(
            "`{value} {unit}` is not {what} (units: {})",
            known.join(", ")
        )));
    };
    if value.is_finite() && value >= 0.0 {
        Ok(value * size)
    } else {
        Err(D::Error::custom(format!("`{value} {unit}` is not {what}: it must be finite and not negative")))
    }
}

/// A size [B].
///
/// # Errors
/// If it is not a fact with a unit of memory.
pub fn fact_bytes<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    read(input, "a size", BYTES)
}

/// A data rate [B/s].
///
/// # Errors
/// If it is not a fact with a unit of bandwidth.
pub fn fact_bandwidth<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    read(input, "a bandwidth", BANDWIDTHS)
}

/// A duration [s].
///
/// # Errors
/// If it is not a fact with a unit of time.
pub fn fact_seconds<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    read(input, "a duration", SECONDS)
}

/// A rate of arithmetic [1/s].
///
/// # Errors
/// If it is not a fact with a unit of operations a second.
pub fn fact_flops<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    read(input, "a rate of arithmetic", FLOPS)
}

/// A count, ratio or version: the number as it stands.
///
/// # Errors
/// If it is not a fact whose value is a finite number of the type asked for.
pub fn fact_number<'de, T: Deserialize<'de>, D: Deserializer<'de>>(input: D) -> Result<T, D::Error> {
    Fact::<T>::deserialize(input).map(|fact| fact.value)
}
