//! Names that the catalogue must know: machines, models, regions; and what follows from them alone.

use std::fs;

use super::{DeploymentArgs, ScenarioError, ScenarioFile, path::field};
use crate::catalog::{Catalog, suggestion};
use crate::hardware::{Machine, NetworkKind, NodePoolArgs, PriceError, hourly_price};
use crate::model::{Architecture, Layout};

impl ScenarioFile {
    /// The machine of a pool; its network must be one that the machine has.
    pub(super) fn machine(
        &self,
        catalog: &Catalog,
        pool: &NodePoolArgs,
        at: &str,
    ) -> Result<Machine, ScenarioError> {
        let read = Machine::read(catalog, &pool.machine);
        let machine = read.map_err(|error| self.error(&field(at, "machine"), error.to_string()))?;
        let network = pool.network.unwrap_or(NetworkKind::Gvnic);
        if machine.offers(network) {
            return Ok(machine);
        }
        let names: Vec<&str> = machine.networks.iter().map(|network| network.name()).collect();
        let message = format!("`{}` has no {network}; its networks: {}", pool.machine, names.join(", "));
        Err(self.error(&field(at, "network"), message))
    }

    /// The price of a node of a pool.
    pub(super) fn price(
        &self,
        catalog: &Catalog,
        pool: &NodePoolArgs,
        at: &str,
    ) -> Result<crate::hardware::HourlyPrice, ScenarioError> {
        hourly_price(catalog, &pool.price_query()).map_err(|error| {
            let name = match &error {
                PriceError::UnknownMachine { .. } | PriceError::BadEntry { .. } => "machine",
                PriceError::UnknownRegion { .. } => "region",
                PriceError::NoCommitment { .. } => "commitment",
                PriceError::BadDiscount { .. } => "discount",
                _ => "provisioning",
            };
            let text = error.to_string();
            let text = text.strip_prefix(&format!("{name}: ")).unwrap_or(&text).to_owned();
            let known =
                catalog.section("prices").ok().and_then(|section| section.get(&pool.machine)?.as_object());
            let near = match (&error, known) {
                (PriceError::UnknownRegion { region, .. }, Some(regions)) => {
                    suggestion(region, regions.keys().map(String::as_str))
                }
                _ => String::new(),
            };
            self.error(&field(at, name), text + &near)
        })
    }

    /// The model of a deployment: a file, or a directory with a `config.json`, if there is one of that name or it looks like
    /// one, else a name.
    pub(super) fn architecture(
        &self,
        catalog: &Catalog,
        deployment: &DeploymentArgs,
        at: &str,
    ) -> Result<Architecture, ScenarioError> {
        self.model(catalog, &deployment.model, &field(at, "model"))
    }

    /// A model by its name in the catalogue, or the path of its `config.json` or of the directory that holds it; an error is
    /// about the field `at`.
    ///
    /// # Errors
    /// If there is no such model, or its architecture is not simulated.
    pub fn model(&self, catalog: &Catalog, name: &str, at: &str) -> Result<Architecture, ScenarioError> {
        let mut path = self.base_dir.join(name);
        // vLLM's own way to name a checkpoint on a disk.
        if path.join("config.json").is_file() {
            path.push("config.json");
        }
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let read = if is_json || path.is_file() {
            let text = fs::read_to_string(&path)
                .map_err(|error| self.error(at, format!("`{name}` cannot be read: {error}")))?;
            Architecture::from_config(name, &text)
        } else {
            Architecture::read(catalog, name)
        };
        read.map_err(|error| self.error(at, error.to_string()))
    }
}

/// How a deployment cuts its model.
pub(super) fn layout(deployment: &DeploymentArgs) -> Layout {
    Layout {
        tensor_parallel: deployment.engine.tensor_parallel_size.unwrap_or(1),
        pipeline_parallel: deployment.engine.pipeline_parallel_size.unwrap_or(1),
    }
}
