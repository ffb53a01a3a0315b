//! What the user's own cluster says against the model: four factors on its times.

use serde::Deserialize;

use crate::batch::Batch;
use crate::catalog::{Catalog, CatalogError, Fact};

/// Factors on modelled times, 1 where nothing was calibrated [ratio]. With all of them at 1 every time is, to the bit, what
/// it is without them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Multipliers {
    /// Time the GPUs compute on prompts.
    pub prefill: f64,
    /// Time the GPUs compute on answers.
    pub decode: f64,
    /// Collectives and transfers between stages.
    pub network: f64,
    /// CPU time: engine core, workers, messages between them, launches.
    pub host: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    prefill: Fact<f64>,
    decode: Fact<f64>,
    network: Fact<f64>,
    host: Fact<f64>,
    calibrated_on: Option<String>,
}

/// The catalogue's entry.
fn entry(catalog: &Catalog) -> Result<Entry, CatalogError> {
    catalog.entry("multipliers", "cluster")
}

impl Multipliers {
    /// No change.
    pub const ONE: Self = Self { prefill: 1.0, decode: 1.0, network: 1.0, host: 1.0 };

    /// What the catalogue states: 1, unless a calibration lies over it.
    ///
    /// # Errors
    /// If the entry is incomplete, or a factor is not a positive number.
    pub fn of(catalog: &Catalog) -> Result<Self, CatalogError> {
        let entry = entry(catalog)?;
        let factor = |name: &str, fact: &Fact<f64>| {
            if fact.value.is_finite() && fact.value > 0.0 {
                return Ok(fact.value);
            }
            Err(CatalogError::BadEntry {
                kind: "multipliers".to_owned(),
                name: "cluster".to_owned(),
                reason: format!("`{name}` is {}: expected a factor above 0", fact.value),
            })
        };
        Ok(Self {
            prefill: factor("prefill", &entry.prefill)?,
            decode: factor("decode", &entry.decode)?,
            network: factor("network", &entry.network)?,
            host: factor("host", &entry.host)?,
        })
    }

    /// What the catalogue's factors were calibrated on and those that are not 1, in words; `None` where nothing was.
    ///
    /// # Errors
    /// If the entry is incomplete, or a factor is not a positive number.
    pub fn calibrated_on(catalog: &Catalog) -> Result<Option<String>, CatalogError> {
        let Self { prefill, decode, network, host } = Self::of(catalog)?;
        let factors = [("prefill", prefill), ("decode", decode), ("network", network), ("host", host)]
            .into_iter()
            .filter(|(_, factor)| factor.total_cmp(&1.0).is_ne())
            .map(|(name, factor)| format!("{name} x{factor:.3}"))
            .collect::<Vec<_>>()
            .join(", ");
        Ok(match (entry(catalog)?.calibrated_on, factors.is_empty()) {
            (Some(runs), false) => Some(format!("{runs} ({factors})")),
            (None, false) => Some(format!("runs that are not stated ({factors})")),
            (runs, true) => runs,
        })
    }

    /// Factor on the GPUs' computing for one batch that is not empty: the mean over its tokens.
    pub(super) fn compute(&self, batch: &Batch) -> f64 {
        let (decodes, tokens) = (f64::from(batch.decodes), f64::from(batch.tokens));
        (self.decode * decodes + self.prefill * (tokens - decodes)) / tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Chunk;

    #[test]
    fn computing_is_weighted_by_tokens() {
        let factors = Multipliers { prefill: 2.0, decode: 1.0, ..Multipliers::ONE };
        let chunk = Chunk { tokens: 30, context: 0 };
        let batch = Batch { tokens: 40, decodes: 10, prefills: vec![chunk], ..Batch::empty() };
        assert!((factors.compute(&batch) - 1.75).abs() < 1e-12);
        assert!((factors.compute(&Batch { tokens: 10, ..batch.clone() }) - 1.0).abs() < 1e-12);
        for (tokens, decodes) in [(1, 1), (7, 0), (8192, 3), (3_000_017, 1_000_003)] {
            let batch = Batch { tokens, decodes, ..Batch::empty() };
            assert!(Multipliers::ONE.compute(&batch).total_cmp(&1.0).is_eq(), "to the bit: {batch:?}");
        }
    }

    #[test]
    fn a_factor_is_a_positive_number() {
        let mut catalog = Catalog::builtin();
        assert_eq!(Multipliers::of(&catalog).unwrap(), Multipliers::ONE);
        assert_eq!(Multipliers::calibrated_on(&catalog).unwrap(), None);
        let half = r#"{"multipliers": {"cluster": {"decode": {"value": 0.5}}}}"#;
        catalog.extend("mine", half).unwrap();
        let said = Multipliers::calibrated_on(&catalog).unwrap();
        assert_eq!(said.as_deref(), Some("runs that are not stated (decode x0.500)"));
        catalog.extend("mine", r#"{"multipliers": {"cluster": {"host": {"value": 0}}}}"#).unwrap();
        let refused = Multipliers::of(&catalog).unwrap_err().to_string();
        assert!(refused.contains("`host` is 0: expected a factor above 0"), "{refused}");
    }
}
