//! From a consistent scenario to its resolved form: catalogue look-ups, defaults, memory, pods on nodes.

mod agenda;
mod availability;
mod cluster;
mod engine;
mod failures;
mod model_error;
mod show;
mod startup;

use std::{borrow::Cow, fs};

use super::{
    DeploymentArgs, PlacementArgs, Resolved, ResolvedDeployment, ResolvedEngine, ResolvedPlacement,
    ResolvedPool, ResolvedWorkload, ScenarioError, ScenarioFile,
    check::most_nodes,
    names::layout,
    path::{field, item},
    rank_nodes,
};
use crate::catalog::{Catalog, CatalogError};
use crate::engine::{Family, MemoryFacts, MemoryInputs, check_world_size, plan_memory};
use crate::hardware::{DEFAULT_REGION, Gpu, NetworkKind, Provisioning};
use crate::metrics::ServerBuckets;
use crate::model::{Architecture, Layout, Precision};
use crate::routing::RouterConfig;
use crate::timing::{Group, Multipliers, TimingInputs};
use crate::workload::{Class, WorkloadError};

/// Runs of a scenario without traffic that does not say how many.
const REPLICATIONS: u32 = 20;

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
        let placements = placements.collect::<Result<Vec<_>, _>>()?;
        self.failures_can_be_held(&placements)?;
        self.availability_can_be_judged(&placements)?;
        let nothing_fails = placements.iter().all(|placement| placement.failures.is_empty());
        if scenario.rare_events.is_some() && !placements.is_empty() && nothing_fails {
            let message = "nothing fails at random: state `failures` (`failures: catalogue`)";
            return Err(self.error("rare_events", message));
        }
        if scenario.find_rate && !workloads.iter().any(|workload| workload.class.has_rate()) {
            return Err(self.error("find_rate", "no workload has an arrival rate that could be searched"));
        }
        Ok(Resolved {
            name: scenario.name.clone(),
            description: scenario.description.clone(),
            seed: scenario.seed,
            duration: scenario.duration,
            warmup: scenario.warmup,
            drain: scenario.drain,
            replications: self.replications(),
            rare_events: scenario.rare_events,
            find_rate: scenario.find_rate,
            slo: scenario.slo.unwrap_or_default(),
            calibrated_on: Multipliers::calibrated_on(catalog)
                .map_err(|error| self.error("calibration", error.to_string()))?,
            workloads,
            server_buckets: ServerBuckets::read(catalog)
                .map_err(|error| self.error("", error.to_string()))?,
            router: router.map_err(|error| self.error("router", error.to_string()))?,
            placements,
        })
    }

    /// Runs of a scenario without traffic.
    fn replications(&self) -> u32 {
        self.scenario.replications.unwrap_or(REPLICATIONS)
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
        for (index, args) in placement.deployments.iter().enumerate() {
            let at = item(&field(at, "deployments"), index);
            deployments.push(self.resolve_deployment(catalog, (placement, args), &pools, &at)?);
        }
        let (cluster, warm) = self.cluster(catalog, placement, &pools, &deployments, at)?;
        if cluster.deployments.iter().all(|deployment| deployment.slots == 0) {
            let at = item(&field(at, "deployments"), 0);
            let message = "no deployment of this placement has a group: nothing would serve";
            return Err(self.error(&field(&at, "leaderworkerset.replicas"), message));
        }
        let mut slot = 0;
        for (deployment, spec) in deployments.iter_mut().zip(&cluster.deployments) {
            (deployment.replicas, deployment.slots) = (spec.replicas, spec.slots);
            // Groups that do not stand anywhere yet are taken to have a node a pod.
            let nodes = warm.nodes_of_slot(slot).unwrap_or_else(|| (0..spec.size as usize).collect());
            deployment.timing = deployment.timing.placed(&rank_nodes(&nodes, spec.gpus_per_pod), 1.0);
            slot += spec.slots as usize;
        }
        let model_error = model_error::of(catalog, &pools, &deployments, workloads)
            .map_err(|error| self.error(at, error.to_string()))?;
        Ok(ResolvedPlacement {
            name: placement.name.clone(),
            failures: self.failures(catalog, placement, at)?,
            agenda: self.agenda(placement, &cluster)?,
            pools,
            deployments,
            cluster,
            model_error,
        })
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
        engine::check_quantization(&checkpoint, &args.engine)
            .map_err(|why| self.error(&field(at, "engine.quantization"), why))?;
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
        let timing = timing_inputs(catalog, (&engine, &model, layout), &pools[pool])
            .map_err(|error| self.error(&field(at, "engine"), error.to_string()))?;
        Ok(ResolvedDeployment {
            name: args.name.clone(),
            pool,
            layout,
            engine,
            memory,
            size,
            model,
            startup,
            replicas: 0,
            slots: 0,
            timing,
            hpa: self.hpa(catalog, args, at)?,
        })
    }
}

/// What decides the timing of a group, all of it on one node.
fn timing_inputs(
    catalog: &Catalog,
    (engine, model, layout): (&ResolvedEngine, &Architecture, Layout),
    pool: &ResolvedPool,
) -> Result<TimingInputs, CatalogError> {
    let kv_cache: Precision = engine.kv_cache_dtype.precision(model.dtype);
    TimingInputs::new(
        catalog,
        &Group {
            model,
            layout,
            kv_cache,
            engine: engine.family().name(),
            version: engine.version,
            vllm_rules: engine.family().vllm_rules(engine.version),
            executor: engine.executor_kind(),
            enforce_eager: engine.enforce_eager,
            machine: &pool.machine,
            network: pool.network,
            nodes: &vec![0; layout.gpus() as usize],
        },
    )
}
