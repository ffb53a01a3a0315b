//! What an hour of a machine costs.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::catalog::{Catalog, Fact, suggestion};

/// Region that prices are taken from unless another is stated; the region of Google's own multi-host tutorials.
pub const DEFAULT_REGION: &str = "us-central1";

/// How the machines are obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provisioning {
    /// On demand, at list price.
    Standard,
    /// Preemptible at any time.
    Spot,
    /// Dynamic Workload Scheduler flex-start.
    FlexStart,
    /// A reservation: list price, or a commitment's.
    Reservation,
}

/// A committed-use discount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, schemars::JsonSchema)]
pub enum Commitment {
    /// One year.
    #[serde(rename = "1y")]
    OneYear,
    /// Three years.
    #[serde(rename = "3y")]
    ThreeYears,
}

impl fmt::Display for Provisioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "standard",
            Self::Spot => "spot",
            Self::FlexStart => "flex-start",
            Self::Reservation => "reservation",
        })
    }
}

/// What is to be priced.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceQuery<'a> {
    /// Machine type.
    pub machine: &'a str,
    /// Region.
    pub region: &'a str,
    /// How it is obtained.
    pub provisioning: Provisioning,
    /// Committed use, if any.
    pub commitment: Option<Commitment>,
    /// A negotiated discount, a fraction off the price, 0 to below 1.
    pub discount: f64,
    /// The user's own price of a machine [USD/h]; the catalogue is not asked then, and `discount` does not apply.
    pub usd_per_node_hour: Option<f64>,
}

/// A price with where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct HourlyPrice {
    /// Price of one machine [USD/h].
    pub usd_per_hour: f64,
    /// Date of the price.
    pub date: String,
    /// Where it was read.
    pub source: String,
    /// Remembered rather than read.
    pub recalled: bool,
}

/// Why there is no price.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PriceError {
    /// No prices for that machine.
    #[error("machine: the catalogue has no price of `{machine}`{suggestion}; set usd_per_node_hour")]
    UnknownMachine {
        /// What was asked for.
        machine: String,
        /// Nearest priced machine.
        suggestion: String,
    },
    /// No prices in that region.
    #[error(
        "region: the catalogue has no price of `{machine}` in `{region}` (it has {known}); set usd_per_node_hour"
    )]
    UnknownRegion {
        /// Machine type.
        machine: String,
        /// What was asked for.
        region: String,
        /// Regions with a price.
        known: String,
    },
    /// Not obtained that way there.
    #[error(
        "provisioning: the catalogue has no {wanted} price of `{machine}` in `{region}` (it has {known}); \
         set usd_per_node_hour"
    )]
    UnknownTerms {
        /// Machine type.
        machine: String,
        /// Region.
        region: String,
        /// What was asked for.
        wanted: String,
        /// Terms with a price.
        known: String,
    },
    /// Terms that exclude each other.
    #[error("commitment: {provisioning} machines have no commitment price")]
    NoCommitment {
        /// How the machine is obtained.
        provisioning: String,
    },
    /// A discount outside 0 to 1.
    #[error("discount: {discount} must be at least 0 and below 1")]
    BadDiscount {
        /// What was given.
        discount: String,
    },
    /// A price entry that is no price.
    #[error("prices `{machine}`: {region}: {reason}")]
    BadEntry {
        /// Machine type.
        machine: String,
        /// Region.
        region: String,
        /// What is wrong.
        reason: String,
    },
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// The key of a price entry the terms ask for.
fn terms(query: &PriceQuery<'_>) -> Result<&'static str, PriceError> {
    match (query.provisioning, query.commitment) {
        (Provisioning::Standard | Provisioning::Reservation, None) => Ok("standard"),
        (Provisioning::Standard | Provisioning::Reservation, Some(Commitment::OneYear)) => {
            Ok("commitment-1y")
        }
        (Provisioning::Standard | Provisioning::Reservation, Some(Commitment::ThreeYears)) => {
            Ok("commitment-3y")
        }
        (Provisioning::Spot, None) => Ok("spot"),
        (Provisioning::FlexStart, None) => Ok("flex-start"),
        (provisioning, Some(_)) => Err(PriceError::NoCommitment { provisioning: provisioning.to_string() }),
    }
}

/// Price of one machine for an hour, GPUs, CPU, memory and local SSD together.
///
/// # Errors
/// If the catalogue has no such price; the message names what it has.
pub fn hourly_price(catalog: &Catalog, query: &PriceQuery<'_>) -> Result<HourlyPrice, PriceError> {
    if !(0.0..1.0).contains(&query.discount) {
        return Err(PriceError::BadDiscount { discount: query.discount.to_string() });
    }
    let wanted = terms(query)?;
    if let Some(usd_per_hour) = query.usd_per_node_hour {
        let source = "the scenario's usd_per_node_hour".to_owned();
        return Ok(HourlyPrice { usd_per_hour, date: String::new(), source, recalled: false });
    }
    let machine = query.machine.to_owned();
    let region = query.region.to_owned();
    let section = catalog.section("prices").ok();
    let Some(regions) = section.and_then(|section| section.get(query.machine)) else {
        let known = section.into_iter().flat_map(|section| section.keys().map(String::as_str));
        let suggestion = suggestion(query.machine, known);
        return Err(PriceError::UnknownMachine { machine, suggestion });
    };
    let Some(entry) = regions.get(query.region) else {
        let known = names(regions).join(", ");
        return Err(PriceError::UnknownRegion { machine, region, known });
    };
    let Some(price) = entry.get(wanted) else {
        let known = names(entry).join(", ");
        return Err(PriceError::UnknownTerms { machine, region, wanted: wanted.to_owned(), known });
    };
    let bad =
        |reason: String| PriceError::BadEntry { machine: machine.clone(), region: region.clone(), reason };
    let fact: Fact<f64> = serde_json::from_value(price.clone()).map_err(|error| bad(error.to_string()))?;
    if fact.unit != "USD/h" {
        return Err(bad(format!("{wanted}: `{}` is not USD/h", fact.unit)));
    }
    if !fact.value.is_finite() || fact.value < 0.0 {
        return Err(bad(format!("{wanted}: {} is not a price", fact.value)));
    }
    Ok(HourlyPrice {
        usd_per_hour: fact.value * (1.0 - query.discount),
        date: fact.date,
        source: fact.source,
        recalled: fact.recalled,
    })
}

/// A price for a machine whose own the catalogue does not have, and what it really is: on demand in the default region, else
/// the most alike that there is, else nothing.
pub fn stand_in_price(catalog: &Catalog, query: &PriceQuery<'_>) -> (f64, String) {
    let regions = catalog.section("prices").ok().and_then(|section| section.get(query.machine));
    let regions = [query.region, DEFAULT_REGION].into_iter().chain(regions.map(names).unwrap_or_default());
    let regions: Vec<&str> = regions.collect();
    for provisioning in [Provisioning::Standard, Provisioning::FlexStart, Provisioning::Spot] {
        for region in &regions {
            let other = PriceQuery {
                machine: query.machine,
                region,
                provisioning,
                commitment: None,
                discount: 0.0,
                usd_per_node_hour: None,
            };
            if let Ok(price) = hourly_price(catalog, &other) {
                return (price.usd_per_hour, format!("the {provisioning} price in {region}"));
            }
        }
    }
    (0.0, "nothing".to_owned())
}
