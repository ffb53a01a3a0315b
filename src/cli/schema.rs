//! `towtank schema`: the JSON Schema of the scenario file, from the very types that parse it.

use super::{CliError, output};
use crate::scenario::Scenario;

/// Prints the schema.
pub(super) fn schema() -> Result<(), CliError> {
    let schema = schemars::schema_for!(Scenario);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    Ok(output::print(&(text + "\n"))?)
}
