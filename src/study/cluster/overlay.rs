//! A calibration as a catalogue file.

use serde_json::{Value, json};

use super::ClusterCalibration;
use crate::catalog::Fact;

impl ClusterCalibration {
    /// The calibration as a catalogue overlay, for `--catalog FILE` or a scenario's `calibration: FILE`.
    ///
    /// # Panics
    /// Never: facts are plain data.
    pub fn overlay(&self) -> Value {
        let facts = self.multipliers.map(|of| {
            let fact = Fact {
                value: of.value,
                unit: "ratio".to_owned(),
                source: format!("calibrated on {}", self.calibrated_on),
                date: self.date.clone(),
                low: None,
                high: None,
                recalled: false,
                note: (!of.identified).then(|| "not identified by these runs".to_owned()),
            };
            (of.name.to_owned(), serde_json::to_value(fact).expect("a fact is plain data"))
        });
        let mut cluster: serde_json::Map<String, Value> = facts.into_iter().collect();
        cluster.insert("calibrated_on".to_owned(), json!(self.calibrated_on));
        json!({"multipliers": {"cluster": cluster}})
    }
}
