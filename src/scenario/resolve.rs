//! From a consistent scenario to its resolved form: catalogue look-ups, defaults, memory, pods on nodes.

mod engine;
mod failures;
mod model_error;
mod show;
mod startup;

use std::{borrow::Cow, fs};

use super::{
    DeploymentArgs, PlacementArgs, Resolved, ResolvedDeployment, ResolvedGroup, ResolvedPlacement,
    ResolvedPool, ResolvedWorkload, ScenarioError, ScenarioFile,
    check::most_nodes,
    names::{DEFAULT_REGION, layout},
    path::{field, item},
};
use crate::catalog::Catalog;
use crate::engine::{Family, MemoryFacts, MemoryInputs, check_world_size, plan_memory};
use crate::hardware::{Gpu, NetworkKind, Provisioning};
use crate::kubernetes::{GroupPlacement, PodDemand, PoolNodes, place};
use crate::model::Precision;
use crate::routing::RouterConfig;
use crate::timing::{Group, Multipliers, TimingInputs};
use crate::workload::{Class, WorkloadError};

/// Most requests one run can hold: their ordinals and records must fit in memory.
const MOST_REQUESTS: f64 = 1e8;

impl ScenarioFile {
    /// Fills every default and looks up every name. A placement whose model does not fit its GPUs is no error: its
    /// deployment says so.
    ///
    /// # Errors
    /// If a name is unknown, a trace cannot be read, vLLM would refuse the arguments, or pods find no node.
    pub fn resolve(&self, catalog: &Catalog) -> Result<Resolved, ScenarioError> {
        let scenario = &self.scenario;
        let catalog = &*self.calibrated(catalog)?;
        let router = RouterConfig::resolve(&scenario.router, catalog);
        let workloads = self.resolve_workloads(catalog)?;
        let placements = scenario.placements.iter().enumerate().map(|(index, placement)| {
            self.resolve_placement(catalog, placement, &workloads, &item("placements", index))
        });
        let placements = placements.collect::<Result<_, _>>()?;
        if scenario.find_rate && !workloads.iter().any(|workload| workload.class.has_rate()) {
            return Err(self.error("find_rate", "no workload has an arrival rate that could be searched"));
        }
        Ok(Resolved {
            name: scenario.name.clone(),
            seed: scenario.seed,
            duration: scenario.duration,
            warmup: scenario.warmup,
            drain: scenario.drain,
            find_rate: scenario.find_rate,
            slo: scenario.slo.unwrap_or_default(),
            calibrated_on: Multipliers::calibrated_on(catalog)
                .map_err(|error| self.error("calibration", error.to_string()))?,
            workloads,
            router: router.map_err(|error| self.error("router", error.to_string()))?,
            placements,
        })
    }

    /// The catalogue with the scenario's own calibration laid over it.
    fn calibrated<'a>(&self, catalog: &'a Catalog) -> Result<Cow<'a, Catalog>, ScenarioError> {
        let Some(file) = &self.scenario.calibration else { return Ok(Cow::Borrowed(catalog)) };
        let path = self.base_dir.join(file);
        let wrong = |message: String| self.error("calibration", message);
        let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        let mut catalog = catalog.clone();
        let name = file.display().to_string();
        catalog.extend(&name, &text).map_err(|error| wrong(error.to_string()))?;
        Ok(Cow::Owned(catalog))
    }

    fn resolve_workloads(&self, catalog: &Catalog) -> Result<Vec<ResolvedWorkload>, ScenarioError> {
        let mut resolved = Vec::new();
        for (index, args) in self.scenario.workloads.iter().enumerate() {
            let at = item("workloads", index);
            let ordinal = u16::try_from(index).map_err(|_| self.error(&at, "more than 65536 workloads"))?;
            let class = Class::resolve(args, ordinal, &self.base_dir, catalog).map_err(|error| {
                let at = match &error {
                    WorkloadError::Missing { field: name, .. }
                    | WorkloadError::Pointless { field: name, .. }
                    | WorkloadError::Value { field: name, .. }
                    | WorkloadError::Catalog { field: name, .. } => field(&at, name),
                    WorkloadError::Trace { .. } | WorkloadError::File { .. } => field(&at, "trace.file"),
                    _ => at.clone(),
                };
                self.error(&at, error.to_string())
            })?;
            let expected = class.expected(self.scenario.duration);
            let span = self.scenario.duration.map_or(0.0, crate::units::SimDuration::as_secs_f64);
            let drawn = expected.requests_per_s.unwrap_or_default() * span;
            let counted = class.num_prompts.map_or(f64::INFINITY, f64::from);
            if drawn.min(counted) > MOST_REQUESTS {
                let message =
                    format!("about {drawn:.1e} requests in {span} s: a run holds at most {MOST_REQUESTS:e}");
                return Err(self.error(&field(&at, "arrivals"), message));
            }
            resolved.push(ResolvedWorkload { class, expected, slo: args.slo });
        }
        Ok(resolved)
    }

    fn resolve_placement(
        &self,
        catalog: &Catalog,
        placement: &PlacementArgs,
        workloads: &[ResolvedWorkload],
        at: &str,
    ) -> Result<ResolvedPlacement, ScenarioError> {
        let mut pools = Vec::new();
        for (index, pool) in placement.node_pools.iter().enumerate() {
            let at = item(&field(at, "node_pools"), index);
            let machine = self.machine(catalog, pool, &at)?;
            let gpu = Gpu::read(catalog, &machine.gpu);
            let storage = self.storage(catalog, pool, &machine, &at)?;
            pools.push(ResolvedPool {
                name: pool.name.clone(),
                gpu: gpu.map_err(|error| self.error(&field(&at, "machine"), error.to_string()))?,
                machine,
                nodes: most_nodes(pool.nodes),
                network: pool.network.unwrap_or(NetworkKind::Gvnic),
                region: pool.region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned()),
                provisioning: pool.provisioning.unwrap_or(Provisioning::Standard),
                commitment: pool.commitment,
                discount: pool.discount.unwrap_or(0.0),
                price: self.price(catalog, pool, &at)?,
                storage,
            });
        }
        let mut deployments = Vec::new();
        let mut demands = Vec::new();
        for (index, args) in placement.deployments.iter().enumerate() {
            let at = item(&field(at, "deployments"), index);
            let deployment = self.resolve_deployment(catalog, (placement, args), &pools, &at)?;
            demands.push(PodDemand {
                deployment: deployment.name.clone(),
                pool: deployment.pool,
                groups: args.leaderworkerset.replicas.unwrap_or(1),
                size: deployment.size,
                gpus_per_pod: deployment.layout.gpus() / deployment.size,
            });
            deployments.push(deployment);
        }
        if demands.iter().all(|demand| demand.groups == 0) {
            let at = item(&field(at, "deployments"), 0);
            let message = "no deployment of this placement has a group: nothing would serve";
            return Err(self.error(&field(&at, "leaderworkerset.replicas"), message));
        }
        let nodes: Vec<PoolNodes> = pools.iter().map(pool_nodes).collect();
        let groups = place(&nodes, &demands).map_err(|error| {
            let at = item(&field(at, "deployments"), error.demand());
            self.error(&field(&at, "leaderworkerset"), error.to_string())
        })?;
        for group in groups {
            let deployment = &mut deployments[group.deployment];
            let pool = &pools[deployment.pool];
            let at = item(&field(at, "deployments"), group.deployment);
            add_group(catalog, deployment, pool, group)
                .map_err(|error| self.error(&field(&at, "engine"), error.to_string()))?;
        }
        let model_error = model_error::of(catalog, &pools, &deployments, workloads)
            .map_err(|error| self.error(at, error.to_string()))?;
        let failures = self.failures(catalog, placement, at)?;
        Ok(ResolvedPlacement { name: placement.name.clone(), pools, deployments, failures, model_error })
    }

    fn resolve_deployment(
        &self,
        catalog: &Catalog,
        (placement, args): (&PlacementArgs, &DeploymentArgs),
        pools: &[ResolvedPool],
        at: &str,
    ) -> Result<ResolvedDeployment, ScenarioError> {
        let pool = pools.iter().position(|pool| pool.name == args.node_pool);
        let pool = pool.expect("the file's checks found the pool");
        let layout = layout(args);
        let size = args.leaderworkerset.leader_worker_template.as_ref().and_then(|template| template.size);
        let size = size.unwrap_or(1);
        let checkpoint = self.architecture(catalog, args, at)?;
        layout
            .check(&checkpoint)
            .map_err(|error| self.error(&field(at, "engine.tensor_parallel_size"), error.to_string()))?;
        let model = engine::as_loaded(checkpoint, &args.engine);
        let gpu = &pools[pool].gpu;
        let local_gpus = layout.gpus() / size;
        let engine =
            self.resolve_engine(catalog, &args.engine, &model, gpu, local_gpus, &field(at, "engine"))?;
        let facts = MemoryFacts::read(catalog).map_err(|error| self.error(at, error.to_string()))?;
        let inputs = MemoryInputs {
            facts: &facts,
            model: &model,
            gpu,
            family: engine.family(),
            version: engine.version,
            layout,
            gpu_memory_utilization: engine.gpu_memory_utilization,
            kv_cache_dtype: engine.kv_cache_dtype,
            max_model_len: engine.max_model_len,
            max_num_seqs: engine.limits.max_num_seqs,
            max_num_batched_tokens: engine.limits.max_num_batched_tokens,
            block_size: engine.block_size,
            num_gpu_blocks_override: engine.num_gpu_blocks_override,
            captured_sizes: engine.capture_sizes.len() as u32,
        };
        // vLLM looks at the world size before it touches a GPU; MPI starts a rank wherever it is told to.
        let spans = engine.executor_stated || engine.family() == Family::TensorRtLlm;
        let memory =
            check_world_size(engine.version, layout, local_gpus, spans).and_then(|()| plan_memory(&inputs));
        let stated = placement.startup.as_ref();
        let startup = startup::startup(catalog, stated, &engine, &model, layout, size, &pools[pool].storage)
            .map_err(|error| self.error(at, error.to_string()))?;
        Ok(ResolvedDeployment {
            name: args.name.clone(),
            pool,
            layout,
            engine,
            memory,
            size,
            model,
            startup,
            groups: Vec::new(),
            timings: Vec::new(),
        })
    }
}

fn pool_nodes(pool: &ResolvedPool) -> PoolNodes {
    PoolNodes { name: pool.name.clone(), nodes: pool.nodes, gpus_per_node: pool.machine.gpus }
}

/// Adds a placed group; its timing depends on which ranks share a node, not on which node that is.
fn add_group(
    catalog: &Catalog,
    deployment: &mut ResolvedDeployment,
    pool: &ResolvedPool,
    placed: GroupPlacement,
) -> Result<(), crate::catalog::CatalogError> {
    let mut order: Vec<u32> = Vec::new();
    let mut nodes: Vec<u32> = Vec::new();
    for pod in &placed.pods {
        let known = order.iter().position(|node| *node == pod.node_index);
        let number = known.unwrap_or_else(|| {
            order.push(pod.node_index);
            order.len() - 1
        });
        nodes.extend(std::iter::repeat_n(number as u32, pod.gpus as usize));
    }
    let known = deployment
        .timings
        .iter()
        .position(|timing| timing.stages.iter().flat_map(|stage| &stage.nodes).eq(nodes.iter()));
    let timing = if let Some(timing) = known {
        timing
    } else {
        deployment.timings.push(timing_inputs(catalog, deployment, pool, &nodes)?);
        deployment.timings.len() - 1
    };
    deployment.groups.push(ResolvedGroup { pods: placed.pods, timing });
    Ok(())
}

fn timing_inputs(
    catalog: &Catalog,
    deployment: &ResolvedDeployment,
    pool: &ResolvedPool,
    nodes: &[u32],
) -> Result<TimingInputs, crate::catalog::CatalogError> {
    let engine = &deployment.engine;
    let kv_cache: Precision = engine.kv_cache_dtype.precision(deployment.model.dtype);
    TimingInputs::new(
        catalog,
        &Group {
            model: &deployment.model,
            layout: deployment.layout,
            kv_cache,
            engine: engine.family().name(),
            version: engine.version,
            vllm_rules: engine.family().vllm_rules(engine.version),
            executor: engine.executor_kind(),
            enforce_eager: engine.enforce_eager,
            machine: &pool.machine,
            network: pool.network,
            nodes,
        },
    )
}
