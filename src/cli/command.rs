//! A `vllm serve` command line on a machine, in place of a scenario file.

use std::path::Path;

use clap::Args;
use serde_json::{Map, Value};

use super::{CliError, fit::vllm_serve};
use crate::catalog::Catalog;
use crate::scenario::{Resolved, ScenarioError, ScenarioFile};

/// The machine and the command.
#[derive(Args)]
pub(super) struct CommandOptions {
    /// Machine type of the nodes, instead of a scenario
    #[arg(long, requires = "command")]
    machine: Option<String>,
    /// Nodes that one engine spans
    #[arg(long, default_value_t = 1, requires = "machine", value_parser = clap::value_parser!(u32).range(1..))]
    nodes: u32,
    /// Release of vLLM, for `--machine`
    #[arg(long, requires = "machine")]
    vllm_version: Option<String>,
    /// The command, such as `vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 8192`
    #[arg(last = true, requires = "machine", value_name = "COMMAND")]
    command: Vec<String>,
}

impl CommandOptions {
    /// Whether a machine was named.
    pub(super) fn is_given(&self) -> bool {
        self.machine.is_some()
    }

    /// The scenario `base`, an object without placements, with the command's engine as its only one; the nodes cost what the
    /// catalogue says unless a price is given. As it would stand in a file, and resolved. Errors speak of flags.
    pub(super) fn resolve(
        &self,
        base: Map<String, Value>,
        usd_per_node_hour: Option<f64>,
        sets: &[String],
        catalog: &Catalog,
    ) -> Result<(ScenarioFile, Resolved), CliError> {
        let machine = self.machine.as_deref().unwrap_or_default();
        let version = self.vllm_version.as_deref();
        let text =
            vllm_serve::scenario(machine, self.nodes, version, &self.command, base, usd_per_node_hour)?;
        let file = ScenarioFile::parse("vllm serve", &text, Path::new(""), sets);
        let resolved = file.and_then(|file| {
            file.supported()?;
            let resolved = file.resolve(catalog)?;
            Ok((file, resolved))
        });
        Ok(resolved.map_err(|error: ScenarioError| vllm_serve::in_flags(&error))?)
    }
}
