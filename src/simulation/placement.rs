//! From a resolved placement to its answer: groups built, the world run, the figures gathered.

use thiserror::Error;

use super::{
    book::{Book, Keep},
    calendar::Calendar,
    calls::Calls,
    group::{Group, Usage},
    watch::Watch,
    world::{Traffic, World},
};
use crate::engine::{
    CaptureSizes, Engine, EngineConfig, Executor, ExecutorArg, Outputs, SchedulingPolicy, SchedulingPolicyArg,
};
use crate::metrics::{
    Availability, BenchInputs, CostInputs, DeploymentResult, EngineFigures, KeepRows, MemoryFigures,
    MetricsSetup, NodeTime, PlacementMetrics, PlacementResult, PlacementStatus, Simulated, WorkloadSetup,
};
use crate::routing::Router;
use crate::scenario::{Resolved, ResolvedDeployment, ResolvedPlacement};
use crate::timing::Timing;
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
    /// Lines of `steps.jsonl`.
    pub steps: bool,
}

impl Options {
    /// Figures only.
    pub const fn figures(rate_factor: f64) -> Self {
        Self { rate_factor, rows: KeepRows::None, timeline: false, events: false, steps: false }
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
        return Ok(PlacementResult { name, status: PlacementStatus::DoesNotFit { reason }, capacity: None });
    }
    let mut world = build(resolved, placement, options, watch);
    announce(&mut world.book, placement);
    let end = world.run().ok_or(Interrupted)?;
    world.abandon(end);
    let usages: Vec<Usage> = world.groups.iter().map(|group| group.usage(end)).collect();
    let mut first = 0;
    let mut deployments = Vec::new();
    for deployment in &placement.deployments {
        let groups = first..first + deployment.groups.len();
        first = groups.end;
        let engine = engine_figures(&world.groups[groups.clone()], &usages[groups], end);
        let memory = memory_figures(resolved, deployment);
        deployments.push(DeploymentResult {
            name: deployment.name.clone(),
            groups: deployment.groups.len(),
            engine,
            memory,
        });
    }
    let simulated = Simulated {
        end,
        deployments,
        cost: cost_inputs(placement, &usages, end),
        availability: Availability::always(),
        model_error: placement.model_error.clone(),
        bench: bench_inputs(resolved, placement, options),
        metrics: world.book.metrics,
    };
    Ok(PlacementResult { name, status: PlacementStatus::Ok(Box::new(simulated)), capacity: None })
}

fn build<'a>(
    resolved: &Resolved,
    placement: &ResolvedPlacement,
    options: &Options,
    watch: &'a Watch<'a>,
) -> World<'a, Timing> {
    let mut groups = Vec::new();
    let mut deployments = Vec::new();
    let mut max_model_len = Vec::new();
    for (index, deployment) in placement.deployments.iter().enumerate() {
        let config = engine_config(deployment);
        let timings: Vec<Timing> = deployment.timings.iter().map(Timing::new).collect();
        for group in &deployment.groups {
            let timing = timings[group.timing].clone();
            let stages = deployment.layout.pipeline_parallel;
            let mut group = Group::new(Engine::new(&config), timing, stages as usize);
            if options.steps {
                group.record_steps();
            }
            groups.push(group);
            deployments.push(index);
            max_model_len.push(config.max_model_len);
        }
    }
    let end = resolved.duration.map(|duration| SimTime::ZERO + duration);
    let traffic = resolved.workloads.iter().map(|workload| {
        let source = SourceOptions { seed: resolved.seed, rate_factor: options.rate_factor, end };
        Traffic::new(Source::new(&workload.class, source), workload.class.client)
    });
    let setup = MetricsSetup {
        workloads: resolved.workloads.iter().map(workload_setup).collect(),
        slo: Some(resolved.slo),
        warmup: SimTime::ZERO + resolved.warmup,
        groups: groups.len(),
        keep_rows: options.rows,
    };
    let keep = Keep { timeline: options.timeline, events: options.events };
    let timeline = options.timeline.then(|| sample_interval(resolved.duration));
    World {
        router: Router::new(&resolved.router, groups.len(), resolved.seed),
        traffic: traffic.collect(),
        seed: resolved.seed,
        book: Book::new(PlacementMetrics::new(setup), keep, deployments),
        watch,
        stop_at: if resolved.drain { None } else { end },
        timeline_every: timeline,
        scrape_every: resolved.router.scrape_interval(),
        calls: Calls::new(options.steps),
        calendar: Calendar::new(resolved.workloads.len()),
        out: Outputs::default(),
        now: SimTime::ZERO,
        groups,
        max_model_len,
    }
}

fn workload_setup(workload: &crate::scenario::ResolvedWorkload) -> WorkloadSetup {
    WorkloadSetup {
        name: workload.class.name.to_string(),
        slo: workload.slo,
        client_queue: workload.class.client.max_concurrency.is_some(),
    }
}

/// The cluster as it stands when the run begins.
fn announce(book: &mut Book, placement: &ResolvedPlacement) {
    for pool in &placement.pools {
        for node in 0..pool.nodes {
            book.cluster_event("node_ready", format!("{}-{node}", pool.name), SimTime::ZERO);
        }
    }
    for deployment in &placement.deployments {
        for (index, group) in deployment.groups.iter().enumerate() {
            for pod in &group.pods {
                book.cluster_event("pod_ready", pod.name.clone(), SimTime::ZERO);
            }
            book.cluster_event("group_ready", format!("{}-{index}", deployment.name), SimTime::ZERO);
        }
    }
}

fn engine_config(deployment: &ResolvedDeployment) -> EngineConfig {
    let engine = &deployment.engine;
    let memory = deployment.memory.as_ref().expect("a deployment that does not fit is not run");
    EngineConfig {
        family: engine.family(),
        version: engine.version,
        scheduling_policy: match engine.scheduling_policy {
            SchedulingPolicyArg::Fcfs => SchedulingPolicy::Fcfs,
            SchedulingPolicyArg::Priority => SchedulingPolicy::Priority,
        },
        max_num_seqs: engine.limits.max_num_seqs,
        max_num_batched_tokens: engine.limits.max_num_batched_tokens,
        max_model_len: engine.max_model_len,
        block_size: engine.block_size,
        num_gpu_blocks: memory.num_gpu_blocks,
        enable_chunked_prefill: engine.limits.enable_chunked_prefill,
        enable_prefix_caching: engine.enable_prefix_caching,
        long_prefill_token_threshold: engine.long_prefill_token_threshold,
        watermark: engine.watermark,
        async_scheduling: engine.async_scheduling,
        pipeline_parallel_size: deployment.layout.pipeline_parallel,
        executor: match engine.executor {
            ExecutorArg::Ray => Executor::Ray,
            ExecutorArg::Uni | ExecutorArg::Mp => Executor::Mp,
        },
        num_scheduler_steps: engine.num_scheduler_steps,
        capture_sizes: CaptureSizes::of(engine.capture_sizes.clone()),
        max_seq_len_to_capture: engine.max_seq_len_to_capture,
    }
}

fn engine_figures(groups: &[Group<Timing>], usages: &[Usage], end: SimTime) -> EngineFigures {
    let mut figures = EngineFigures::default();
    let (mut used, mut batches) = (0u128, 0u64);
    let mut usable = 1;
    for group in groups {
        let stats = group.stats();
        figures.steps += stats.steps;
        figures.slow_steps += stats.slow_steps;
        figures.preemptions += stats.preemptions;
        figures.recomputed_tokens += stats.recomputed_tokens;
        figures.prefix_queries += stats.prefix_queries;
        figures.prefix_hits += stats.prefix_hits;
        figures.batch_size_max = figures.batch_size_max.max(stats.batch_max);
        usable = group.state().usable_blocks;
        figures.kv_usage_max = figures.kv_usage_max.max(f64::from(stats.used_blocks_max) / f64::from(usable));
        used += stats.used_blocks_sum;
        batches += stats.batch_sum;
    }
    if figures.steps > 0 {
        figures.kv_usage_mean = used as f64 / figures.steps as f64 / f64::from(usable);
        figures.batch_size_mean = batches as f64 / figures.steps as f64;
    }
    let stages = usages.first().map_or(0, |usage| usage.stage_busy.len());
    let span = (end - SimTime::ZERO).as_secs_f64() * groups.len() as f64;
    figures.stage_busy_fraction = (0..stages)
        .map(|stage| {
            let busy: SimDuration = usages.iter().map(|usage| usage.stage_busy[stage]).sum();
            if span > 0.0 { busy.as_secs_f64() / span } else { 0.0 }
        })
        .collect();
    figures
}

fn memory_figures(resolved: &Resolved, deployment: &ResolvedDeployment) -> MemoryFigures {
    let plan = deployment.memory.as_ref().expect("a deployment that does not fit is not run");
    let mean = resolved.mean_tokens();
    MemoryFigures {
        fits: true,
        weights_bytes_per_gpu: plan.weights_bytes_per_gpu(),
        other_bytes_per_gpu: plan.other_bytes_per_gpu().into_iter().max().unwrap_or(0),
        kv_cache_bytes_per_gpu: plan.kv_cache_bytes_per_gpu().into_iter().min().unwrap_or(0),
        num_gpu_blocks: plan.num_gpu_blocks,
        kv_cache_tokens: plan.kv_cache_tokens,
        max_full_length_sequences: plan.max_full_length_sequences,
        sequences_at_this_workload: mean.map(|mean| plan.kv_cache_tokens as f64 / mean),
    }
}

fn cost_inputs(placement: &ResolvedPlacement, usages: &[Usage], end: SimTime) -> CostInputs {
    let span = end - SimTime::ZERO;
    let mut node_time = NodeTime::default();
    let groups = placement.deployments.iter().flat_map(|deployment| {
        deployment.groups.iter().map(|group| group.pods.iter().map(|pod| pod.node.as_str()))
    });
    // A node that groups share is serving while any of them is; the longest of them is what is known without a clock.
    let mut serving = std::collections::BTreeMap::<&str, SimDuration>::new();
    for (nodes, usage) in groups.zip(usages) {
        for node in nodes {
            let longest = serving.entry(node).or_default();
            *longest = (*longest).max(usage.serving);
        }
    }
    for time in serving.values() {
        node_time.serving += *time;
        node_time.idle += span - *time;
    }
    for _ in serving.len()..placement.nodes() as usize {
        node_time.spare += span;
    }
    let prices = placement.pools.iter().map(|pool| &pool.price);
    CostInputs {
        nodes: placement.nodes(),
        gpus: placement.gpus(),
        usd_per_hour: placement.usd_per_hour(),
        price_date: prices.clone().map(|price| price.date.clone()).min().unwrap_or_default(),
        price_source: prices.map(|price| price.source.clone()).next().unwrap_or_default(),
        prefill: usages.iter().map(|usage| usage.prefill).sum(),
        decode: usages.iter().map(|usage| usage.decode).sum(),
        node_time,
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
