//! From a resolved placement to its answer: groups built, the world run, the figures gathered.

use thiserror::Error;

use super::{
    autoscale::Autoscaler,
    backlog::Backlog,
    bill,
    book::{Book, Keep},
    calendar::Calendar,
    calls::Calls,
    fleet::Fleet,
    foundry::Foundry,
    slot::{Ended, Slot},
    watch::Watch,
    world::{Traffic, World},
};
use crate::engine::{Backend, Outputs};
use crate::metrics::{
    BenchInputs, DeploymentResult, EngineFigures, KeepRows, MemoryFigures, MetricsSetup, PlacementMetrics,
    PlacementResult, PlacementStatus, ServerLog, ServerSetup, Simulated, WorkloadSetup,
};
use crate::routing::Router;
use crate::scenario::{Resolved, ResolvedDeployment, ResolvedPlacement};
use crate::units::{SimDuration, SimTime};
use crate::workload::{Arrivals, Demand, Gaps, Renewal, Source, SourceOptions};

/// Somebody stopped the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("interrupted")]
pub struct Interrupted;

/// What to run, and what to keep of it.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Factor on every arrival rate.
    pub rate_factor: f64,
    /// Rows of `requests.csv`.
    pub rows: KeepRows,
    /// Rows of `timeline.csv`.
    pub timeline: bool,
    /// Lines of `events.jsonl`.
    pub events: bool,
    /// Every batch, for `steps.jsonl` and `trace.json`.
    pub steps: bool,
    /// What servers count of themselves, read as often as the timeline has rows.
    pub servers: bool,
    /// Something may happen to the cluster; otherwise every group is ready from the first second to the last.
    pub live: bool,
}

impl Options {
    /// Figures only.
    pub const fn figures(rate_factor: f64) -> Self {
        Self {
            rate_factor,
            rows: KeepRows::None,
            timeline: false,
            events: false,
            steps: false,
            servers: false,
            live: false,
        }
    }
}

/// The timeline has a row a group every second, or a thousand rows if that is fewer.
fn sample_interval(duration: Option<SimDuration>) -> SimDuration {
    let thousandth = duration.map_or(0, |duration| duration.as_nanos().div_ceil(1000));
    SimDuration::from_nanos(thousandth).max(SimDuration::SECOND)
}

/// Runs one placement.
///
/// # Errors
/// If `watch` says so.
pub fn simulate(
    resolved: &Resolved,
    placement: &ResolvedPlacement,
    options: &Options,
    watch: &Watch<'_>,
) -> Result<PlacementResult, Interrupted> {
    let name = placement.name.clone();
    if let Some(reason) = placement.does_not_fit() {
        return Ok(PlacementResult {
            name,
            status: PlacementStatus::DoesNotFit { reason },
            capacity: None,
            rare_events: None,
        });
    }
    let mut world = build(resolved, placement, options, watch);
    world.read_servers(SimTime::ZERO);
    let end = world.run().ok_or(Interrupted)?;
    if let Some(at) = world.book.last_reading(end) {
        world.read_servers(at);
    }
    world.abandon(end);
    world.fleet.cluster.close(end);
    let account = world.fleet.cluster.account();
    let ended: Vec<Vec<Ended>> = world.slots.iter().map(|slot| slot.close(end)).collect();
    let mut first = 0;
    let mut deployments = Vec::new();
    for deployment in &placement.deployments {
        let slots = first..first + deployment.slots as usize;
        first = slots.end;
        let engines: Vec<&Ended> = ended[slots].iter().flatten().collect();
        deployments.push(DeploymentResult {
            name: deployment.name.clone(),
            groups: deployment.slots as usize,
            engine: engine_figures(&engines, deployment, end),
            memory: memory_figures(resolved, placement, deployment),
        });
    }
    let simulated = Simulated {
        end,
        deployments,
        cost: bill::cost_inputs(placement, account, &ended, end),
        availability: bill::availability(account, &world.backlog.drains),
        model_error: placement.model_error.clone(),
        bench: bench_inputs(resolved, placement, options),
        metrics: world.book.metrics,
    };
    Ok(PlacementResult {
        name,
        status: PlacementStatus::Ok(Box::new(simulated)),
        capacity: None,
        rare_events: None,
    })
}

fn build<'a>(
    resolved: &Resolved,
    placement: &'a ResolvedPlacement,
    options: &Options,
    watch: &'a Watch<'a>,
) -> World<'a> {
    let (fleet, changes) = Fleet::new(placement, resolved.seed, options.live);
    let deployments: Vec<usize> = placement
        .deployments
        .iter()
        .enumerate()
        .flat_map(|(index, deployment)| std::iter::repeat_n(index, deployment.slots as usize))
        .collect();
    let end = resolved.duration.map(|duration| SimTime::ZERO + duration);
    let traffic = resolved.workloads.iter().map(|workload| {
        let source = SourceOptions { seed: resolved.seed, rate_factor: options.rate_factor, end };
        Traffic::new(Source::new(&workload.class, source), workload.class.client)
    });
    let setup = MetricsSetup {
        workloads: resolved.workloads.iter().map(workload_setup).collect(),
        slo: Some(resolved.slo),
        warmup: SimTime::ZERO + resolved.warmup,
        groups: deployments.len(),
        keep_rows: options.rows,
    };
    let keep = Keep { timeline: options.timeline, events: options.events };
    let autoscalers = autoscalers(placement, options.live);
    let live = options.live && placement.is_live();
    let mut router = Router::new(&resolved.router, deployments.len(), resolved.seed);
    // Groups enter the endpoints when the cluster says so.
    (0..deployments.len()).for_each(|slot| router.set_ready(slot, false));
    let mut metrics = PlacementMetrics::new(setup);
    metrics.servers = options.servers.then(|| server_log(resolved, placement));
    let mut world = World {
        placement,
        fleet,
        slots: vec![Slot::empty(); deployments.len()],
        deployments,
        foundry: Foundry::new(placement, options.steps),
        autoscale_every: autoscalers.first().map(|autoscaler| autoscaler.sync_period),
        autoscalers,
        router,
        traffic: traffic.collect(),
        seed: resolved.seed,
        book: Book::new(metrics, keep),
        watch,
        stop_at: if resolved.drain { None } else { end },
        timeline_every: options.timeline.then(|| sample_interval(resolved.duration)),
        scrape_every: resolved.router.scrape_interval(),
        live_until: live.then(|| end.unwrap_or(placement.last_action())),
        draining: 0,
        backlog: Backlog::default(),
        calls: Calls::new(options.steps),
        calendar: Calendar::new(resolved.workloads.len()),
        out: Outputs::default(),
        now: SimTime::ZERO,
    };
    world.take_in(changes);
    world
}

fn autoscalers(placement: &ResolvedPlacement, live: bool) -> Vec<Autoscaler> {
    let all = placement.deployments.iter().enumerate().filter_map(|(index, deployment)| {
        deployment.hpa.as_ref().filter(|_| live).map(|spec| Autoscaler::new(index, spec))
    });
    all.collect()
}

fn workload_setup(workload: &crate::scenario::ResolvedWorkload) -> WorkloadSetup {
    WorkloadSetup {
        name: workload.class.name.to_string(),
        slo: workload.slo,
        client_queue: workload.class.client.max_concurrency.is_some(),
    }
}

fn server_log(resolved: &Resolved, placement: &ResolvedPlacement) -> ServerLog {
    let setups = placement.deployments.iter().flat_map(|deployment| {
        let engine = &deployment.engine;
        let setup = ServerSetup {
            model: deployment.model.name.clone(),
            version: (engine.backend == Backend::Vllm).then_some(engine.version),
            max_model_len: engine.max_model_len,
        };
        std::iter::repeat_n(setup, deployment.slots as usize)
    });
    ServerLog::new(resolved.server_buckets.clone(), setups.collect())
}

/// What all engines of a deployment did, those that are gone included.
fn engine_figures(engines: &[&Ended], deployment: &ResolvedDeployment, end: SimTime) -> EngineFigures {
    let mut figures = EngineFigures::default();
    let (mut used, mut batches) = (0u128, 0u64);
    let mut usable = 1;
    for Ended { stats, usable_blocks, .. } in engines {
        figures.steps += stats.steps;
        figures.slow_steps += stats.slow_steps;
        figures.preemptions += stats.preemptions;
        figures.recomputed_tokens += stats.recomputed_tokens;
        figures.prefix_queries += stats.prefix_queries;
        figures.prefix_hits += stats.prefix_hits;
        figures.batch_size_max = figures.batch_size_max.max(stats.batch_max);
        usable = *usable_blocks;
        figures.kv_usage_max = figures.kv_usage_max.max(f64::from(stats.used_blocks_max) / f64::from(usable));
        used += stats.used_blocks_sum;
        batches += stats.batch_sum;
    }
    if figures.steps > 0 {
        figures.kv_usage_mean = used as f64 / figures.steps as f64 / f64::from(usable);
        figures.batch_size_mean = batches as f64 / figures.steps as f64;
    }
    let stages = deployment.layout.pipeline_parallel as usize;
    let span = (end - SimTime::ZERO).as_secs_f64() * f64::from(deployment.replicas.max(1));
    figures.stage_busy_fraction = (0..stages)
        .map(|stage| {
            let busy: SimDuration = engines.iter().map(|engine| engine.usage.stage_busy[stage]).sum();
            if span > 0.0 { busy.as_secs_f64() / span } else { 0.0 }
        })
        .collect();
    figures
}

fn memory_figures(
    resolved: &Resolved,
    placement: &ResolvedPlacement,
    deployment: &ResolvedDeployment,
) -> MemoryFigures {
    let plan = deployment.memory.as_ref().expect("a deployment that does not fit is not run");
    let mean = resolved.mean_tokens();
    MemoryFigures {
        fits: true,
        weights_bytes_per_gpu: plan.weights_bytes_per_gpu(),
        other_bytes_per_gpu: plan.other_bytes_per_gpu().into_iter().max().unwrap_or(0),
        kv_cache_bytes_per_gpu: plan.kv_cache_bytes_per_gpu().into_iter().min().unwrap_or(0),
        free_bytes_per_gpu: plan.stages.iter().map(|stage| stage.free.get()).collect(),
        gpu_bytes: placement.pools[deployment.pool].gpu.total_memory().get(),
        num_gpu_blocks: plan.num_gpu_blocks,
        kv_cache_tokens: plan.kv_cache_tokens,
        max_full_length_sequences: plan.max_full_length_sequences,
        sequences_at_this_workload: mean.map(|mean| plan.kv_cache_tokens as f64 / mean),
    }
}

fn bench_inputs(resolved: &Resolved, placement: &ResolvedPlacement, options: &Options) -> BenchInputs {
    let rates: Option<Vec<f64>> =
        resolved.workloads.iter().map(|workload| workload.expected.requests_per_s).collect();
    let clients = resolved.workloads.iter().map(|workload| workload.class.client.max_concurrency);
    BenchInputs {
        model_id: placement
            .deployments
            .first()
            .map(|deployment| deployment.model.name.clone())
            .unwrap_or_default(),
        request_rate: rates.map(|rates| rates.iter().sum::<f64>() * options.rate_factor),
        burstiness: burstiness(resolved),
        max_concurrency: clients.sum(),
    }
}

/// The shape of the Gamma gaps of the only class; vLLM's default where there is none, or no single one.
fn burstiness(resolved: &Resolved) -> f64 {
    let demand = match resolved.workloads.as_slice() {
        [workload] => Some(&workload.class.demand),
        _ => None,
    };
    if let Some(Demand::Generated(generated)) = demand
        && let Arrivals::Renewal(Renewal { gaps: Gaps::Gamma(shape), .. }) = generated.arrivals
    {
        shape
    } else {
        1.0
    }
}
