//! A `vllm serve` command line on a machine, in place of a scenario file.

use std::path::Path;

use clap::Args;
use serde_json::{Map, Value};

use super::{CliError, fit::vllm_serve, output};
use crate::catalog::Catalog;
use crate::hardware::{Machine, hourly_price, stand_in_price};
use crate::scenario::{Resolved, ScenarioError, ScenarioFile};

/// The machine and the command.
#[derive(Args)]
pub(super) struct CommandOptions {
    /// Machine type of the nodes, instead of a scenario
    #[arg(long, requires = "command")]
    machine: Option<String>,
    /// Nodes that one engine spans [default: the command's `--nnodes`, or 1]
    #[arg(long, requires = "machine", value_parser = clap::value_parser!(u32).range(1..))]
    nodes: Option<u32>,
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
    /// catalogue says, or what stands in for it, unless a price is given. As it would stand in a file, and resolved. Errors
    /// speak of flags.
    pub(super) fn resolve(
        &self,
        base: Map<String, Value>,
        usd_per_node_hour: Option<f64>,
        sets: &[String],
        catalog: &Catalog,
    ) -> Result<(ScenarioFile, Resolved), CliError> {
        let command = vllm_serve::read(&self.command)?;
        let nodes = self.nodes.or(command.nodes).unwrap_or(1);
        for remark in command.remarks(nodes) {
            output::remark(&format!("note: {remark}"));
        }
        let machine = self.machine.as_deref().unwrap_or_default();
        let text = vllm_serve::scenario(machine, nodes, self.vllm_version.as_deref(), command, base);
        let in_flags = |error: ScenarioError| vllm_serve::in_flags(&error);
        let mut file = ScenarioFile::parse("vllm serve", &text, Path::new(""), sets).map_err(in_flags)?;
        for pool in file.scenario.placements.iter_mut().flat_map(|placement| &mut placement.node_pools) {
            pool.usd_per_node_hour = pool.usd_per_node_hour.or(usd_per_node_hour);
            if hourly_price(catalog, &pool.price_query()).is_err()
                && Machine::read(catalog, &pool.machine).is_ok()
            {
                let (usd, of) = stand_in_price(catalog, &pool.price_query());
                pool.usd_per_node_hour = Some(usd);
                let what = "the catalogue has no price for this region and provisioning";
                output::remark(&format!("note: {}: {what}; {of} is taken, ${usd} an hour", pool.machine));
            }
        }
        file.supported().map_err(in_flags)?;
        let resolved = file.resolve(catalog).map_err(in_flags)?;
        Ok((file, resolved))
    }
}
