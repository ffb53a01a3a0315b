//! From what was measured to what is said.

use super::{
    CapacitySummary, CostSummary, DeploymentSummary, EngineSummary, Figures, MeanMax, PlacementSummary,
    Status, Summary, SummaryHead, TrafficSummary, Window, WorkloadSummary, ties::ties,
};
use crate::metrics::{
    ClassMetrics, DeploymentResult, PlacementResult, PlacementStatus, Served, Simulated, SloCheck, Standing,
    Warning, WarningKind, warnings,
};

impl Summary {
    /// What a run says.
    pub fn new(head: &SummaryHead<'_>, results: &[PlacementResult]) -> Self {
        let placements: Vec<_> =
            results.iter().map(|result| PlacementSummary::new(head.has_slo, result)).collect();
        Self {
            towtank_version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: head.scenario.to_owned(),
            seed: head.seed,
            calibrated_on: head.calibrated_on.map(str::to_owned),
            ties: ties(&placements),
            placements,
        }
    }
}

impl PlacementSummary {
    /// What a run of one placement says; `has_slo` if the scenario or a workload states an slo.
    pub fn new(has_slo: bool, result: &PlacementResult) -> Self {
        match &result.status {
            PlacementStatus::DoesNotFit { reason } => Self {
                name: result.name.clone(),
                status: Status::DoesNotFit,
                reason: Some(reason.clone()),
                slo_met: has_slo.then_some(false),
                slo: Vec::new(),
                warnings: Vec::new(),
                figures: None,
            },
            PlacementStatus::Ok(simulated) => {
                let slo = simulated.slo_checks();
                Self {
                    name: result.name.clone(),
                    status: Status::Ok,
                    reason: None,
                    slo_met: has_slo.then(|| slo.iter().all(|check| check.met)),
                    warnings: all_warnings(simulated),
                    figures: Some(figures(simulated, &slo, result)),
                    slo,
                }
            }
        }
    }
}

fn all_warnings(simulated: &Simulated) -> Vec<Warning> {
    let mut all = warnings(&simulated.metrics);
    let error = &simulated.model_error;
    if error.class != Standing::Interpolated {
        all.push(Warning {
            kind: WarningKind::OutsideValidatedGround,
            text: format!("outside validated ground: {}", error.reasons.join("; ")),
        });
    }
    all
}

fn figures(simulated: &Simulated, slo: &[SloCheck], result: &PlacementResult) -> Figures {
    let capacity = result.capacity.as_ref();
    let metrics = &simulated.metrics;
    let setup = metrics.setup();
    let overall = metrics.overall();
    let window = Window::new(setup.warmup, overall.last_end, simulated.end);
    let gpus = simulated.cost.gpus;
    let recomputed = simulated.deployments.iter().map(|deployment| deployment.engine.recomputed_tokens).sum();
    let client_queue = setup.workloads.iter().any(|workload| workload.client_queue);
    let workloads = setup.workloads.iter().enumerate().map(|(index, workload)| {
        let own = |check: &&SloCheck| check.workload.as_ref() == Some(&workload.name);
        WorkloadSummary {
            name: workload.name.clone(),
            slo_met: workload.slo.is_some().then(|| slo.iter().filter(own).all(|check| check.met)),
            traffic: TrafficSummary::new(metrics.class(index), window, gpus, workload.client_queue, None),
        }
    });
    Figures {
        traffic: TrafficSummary::new(&overall, window, gpus, client_queue, Some(recomputed)),
        capacity: capacity.map(CapacitySummary::new),
        deployments: simulated.deployments.iter().map(deployment).collect(),
        cost: CostSummary::new(&simulated.cost, simulated.end, &served(&overall), capacity),
        model_error: simulated.model_error.clone(),
        availability: simulated.availability.clone(),
        rare_events: result.rare_events.clone(),
        workloads: workloads.collect(),
    }
}

fn served(class: &ClassMetrics) -> Served {
    Served {
        input_tokens: class.tokens.input as f64,
        output_tokens: class.tokens.output as f64,
        good_requests: class.good as f64,
    }
}

fn deployment(result: &DeploymentResult) -> DeploymentSummary {
    let engine = &result.engine;
    let looked_up = engine.prefix_queries > 0;
    DeploymentSummary {
        name: result.name.clone(),
        engine: EngineSummary {
            steps: engine.steps,
            preemptions: engine.preemptions,
            prefix_cache_hit_rate: looked_up
                .then(|| engine.prefix_hits as f64 / engine.prefix_queries as f64),
            kv_cache_usage: MeanMax { mean: engine.kv_usage_mean, max: engine.kv_usage_max },
            batch_size: MeanMax { mean: engine.batch_size_mean, max: f64::from(engine.batch_size_max) },
            stage_busy_fraction: engine.stage_busy_fraction.clone(),
            slow_steps: engine.slow_steps,
        },
        memory: result.memory.clone(),
    }
}
