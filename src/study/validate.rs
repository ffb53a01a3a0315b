//! Published measurements held against predictions.
//!
//! Each [`Row`] becomes a scenario as far as its source says how it was measured; rows of the same run share one simulation.
//! What a row does not say is filled by rule, the same for every row: prompts share nothing, the smallest machine of the
//! catalogue that has the GPUs, 500 requests, ten rounds of a closed loop. A row that cannot be predicted says why. Rows that
//! are no measurement of what an engine does ([`incomparable`](comparable::incomparable)) are left out by rule, whatever a
//! prediction would have been.

mod campaign;
mod comparable;
mod engine;
mod fit;
mod frontend;
mod groups;
mod metric;
mod orderings;
mod prediction;
mod reading;
mod row;
mod setup;
mod subject;
mod traffic;
mod words;

use serde::Serialize;

use self::campaign::Campaign;
use super::Monitor;
use crate::catalog::Catalog;
use crate::simulation::Interrupted;

pub use fit::{FitError, FitOptions, Fitted, KindErrors, Parameter, fit_rows};
pub use groups::Group;
pub use orderings::{Ordering, Orderings};
pub use prediction::{Labels, Prediction};
pub use row::{MeasurementsError, Row};

/// All rows and what their errors say together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// Every row, in file order.
    pub rows: Vec<Prediction>,
    /// Their errors, summed up.
    pub groups: Vec<Group>,
    /// Whether predictions order configurations as they were measured.
    pub orderings: Orderings,
}

/// Predicts every row.
///
/// # Errors
/// If somebody stops it.
pub fn validate(catalog: &Catalog, rows: &[Row], monitor: &Monitor) -> Result<Validation, Interrupted> {
    let campaign = Campaign::new(catalog, rows);
    let rows = campaign.predict(catalog, monitor)?;
    let (groups, orderings) = (groups::of(&rows), orderings::of(&campaign.measured(&rows)));
    Ok(Validation { rows, groups, orderings })
}
