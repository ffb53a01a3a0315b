//! From replications to what they say.

use super::{
    ComparedMetric, ComparedPlacement, Comparison, ComparisonHead, CountedWarning, Difference, FixedFigures,
    MeanOfRuns, Measured, PrecisionReached, Replication, Verdict, Widest,
};
use crate::confidence::{CONFIDENCE, Estimate};
use crate::report::{Band, Better, Figures, Metric, PlacementSummary, Status};

impl Replication {
    /// A figure of the `placement`-th placement.
    pub fn value(&self, metric: Metric, placement: usize) -> Option<f64> {
        metric.value(&self.placements[placement])
    }

    /// A figure of the `placement`-th placement over all replications that have it. A cost is that of a rate: where that was not
    /// met in one of them there is none, since the mean over the others would be that of the easy ones.
    pub fn values(replications: &[Self], metric: Metric, placement: usize) -> Vec<f64> {
        let values: Vec<f64> = replications.iter().filter_map(|runs| runs.value(metric, placement)).collect();
        if metric.is_cost() && values.len() < replications.len() { Vec::new() } else { values }
    }
}

impl Comparison {
    /// What replications of a scenario say.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(head: &ComparisonHead<'_>, replications: &[Replication]) -> Self {
        let first = &replications.first().expect("a replication").placements;
        let placements =
            (0..first.len()).map(|index| compared(index, replications)).collect::<Vec<ComparedPlacement>>();
        let metrics: Vec<_> = Metric::all().filter_map(|metric| of_metric(metric, replications)).collect();
        let fits = |placement: &&ComparedPlacement| placement.status == Status::Ok;
        let baseline = head.baseline.map(str::to_owned);
        Self {
            towtank_version: env!("CARGO_PKG_VERSION"),
            scenario: head.scenario.to_owned(),
            description: head.description.map(str::to_owned),
            seed: head.seed,
            calibrated_on: head.calibrated_on.map(str::to_owned),
            replications: replications.len(),
            confidence: CONFIDENCE,
            precision: head.precision.map(|(relative, reached)| PrecisionReached {
                relative,
                reached,
                widest: widest(&metrics),
            }),
            baseline: baseline.or_else(|| placements.iter().find(fits).map(|first| first.name.clone())),
            placements,
            metrics,
        }
    }
}

/// What all replications say of one placement, figures left out.
fn compared(index: usize, replications: &[Replication]) -> ComparedPlacement {
    let runs: Vec<&PlacementSummary> = replications.iter().map(|runs| &runs.placements[index]).collect();
    let mut warnings: Vec<CountedWarning> = Vec::new();
    for warning in runs.iter().flat_map(|run| &run.warnings) {
        match warnings.iter_mut().find(|known| known.kind == warning.kind) {
            Some(known) => known.replications += 1,
            None => warnings.push(CountedWarning {
                kind: warning.kind,
                text: warning.text.clone(),
                replications: 1,
            }),
        }
    }
    let first = runs[0];
    ComparedPlacement {
        name: first.name.clone(),
        status: first.status,
        reason: first.reason.clone(),
        slo_met: first.slo_met.map(|_| runs.iter().filter(|run| run.slo_met == Some(true)).count()),
        warnings,
        fixed: first.figures.as_ref().map(fixed),
    }
}

fn fixed(figures: &Figures) -> FixedFigures {
    let memory = || figures.deployments.iter().map(|deployment| &deployment.memory);
    FixedFigures {
        nodes: figures.cost.nodes,
        gpus: figures.cost.gpus,
        usd_per_hour: figures.cost.usd_per_hour,
        weights_bytes_per_gpu: memory()
            .flat_map(|memory| memory.weights_bytes_per_gpu.iter().copied())
            .max()
            .unwrap_or_default(),
        kv_cache_tokens: memory().map(|memory| memory.kv_cache_tokens).collect(),
        sequences_at_this_workload: memory().map(|memory| memory.sequences_at_this_workload).collect(),
        model_error: figures.model_error.clone(),
    }
}

/// A figure of all placements; `None` if no placement has it.
fn of_metric(metric: Metric, replications: &[Replication]) -> Option<ComparedMetric> {
    let placements = &replications[0].placements;
    let measured: Vec<(usize, Measured)> = (0..placements.len())
        .filter_map(|index| {
            let estimate = Estimate::of(&Replication::values(replications, metric, index))?;
            let error = model_error(metric, &placements[index], &estimate);
            let mean = MeanOfRuns::new(&estimate, Band::new(estimate.half_width, error));
            Some((index, Measured { placement: placements[index].name.clone(), mean }))
        })
        .collect();
    let mut differences = Vec::new();
    for (place, first) in measured.iter().enumerate() {
        for second in &measured[place + 1..] {
            differences.extend(difference(metric, replications, first, second));
        }
    }
    let measured: Vec<Measured> = measured.into_iter().map(|(_, measured)| measured).collect();
    (!measured.is_empty()).then(|| ComparedMetric {
        metric: metric.key(),
        name: metric.name(),
        better: match metric.better() {
            Better::Lower => "lower",
            Better::Higher => "higher",
        },
        deciding: Metric::DECIDING.contains(&metric),
        best: best(metric, &measured, &differences),
        placements: measured,
        differences,
    })
}

/// How far the model may have a mean wrong, in its own unit.
fn model_error(metric: Metric, placement: &PlacementSummary, estimate: &Estimate) -> Option<f64> {
    let error = metric.model_error(&placement.figures.as_ref()?.model_error)?;
    Some(error * estimate.mean.abs())
}

/// The second placement's figure less the first's, over the replications in which both have it.
fn difference(
    metric: Metric,
    replications: &[Replication],
    (first, one): &(usize, Measured),
    (second, other): &(usize, Measured),
) -> Option<Difference> {
    let pair = |runs: &Replication| Some(runs.value(metric, *second)? - runs.value(metric, *first)?);
    let estimate = Estimate::of(&replications.iter().filter_map(pair).collect::<Vec<_>>())?;
    let errors = [one, other].map(|measured| measured.mean.band.model_error);
    let band = Band::of_difference(estimate.half_width, errors);
    let tie_by = band.tie(estimate.mean);
    let less = estimate.mean < 0.0;
    let verdict = match (tie_by, metric.better()) {
        (Some(_), _) => Verdict::Tie,
        (None, Better::Lower) if less => Verdict::Better,
        (None, Better::Higher) if !less => Verdict::Better,
        (None, _) => Verdict::Worse,
    };
    let of = one.mean.mean;
    Some(Difference {
        placements: [one.placement.clone(), other.placement.clone()],
        mean: MeanOfRuns::new(&estimate, band),
        relative: (of != 0.0).then(|| estimate.mean / of),
        verdict,
        tie_by,
    })
}

impl ComparedMetric {
    /// What `placement` is next to `other`, and the difference that says so; its mean is `placement`'s less `other`'s if the
    /// factor is 1, the opposite if it is -1.
    pub fn against(&self, placement: &str, other: &str) -> Option<(&Difference, f64)> {
        self.differences.iter().find_map(|difference| match &difference.placements {
            [first, second] if first == other && second == placement => Some((difference, 1.0)),
            [first, second] if first == placement && second == other => Some((difference, -1.0)),
            _ => None,
        })
    }
}

/// The placement with the best mean and those that tie with it, in file order.
fn best(metric: Metric, measured: &[Measured], differences: &[Difference]) -> Vec<String> {
    let order = |one: &&Measured, other: &&Measured| {
        let order = one.mean.mean.total_cmp(&other.mean.mean);
        if metric.better() == Better::Lower { order } else { order.reverse() }
    };
    let Some(leader) = measured.iter().min_by(order) else { return Vec::new() };
    let ties = |placement: &str| {
        differences.iter().any(|difference| {
            let [first, second] = &difference.placements;
            let names = [first.as_str(), second.as_str()];
            difference.verdict == Verdict::Tie
                && names.contains(&placement)
                && names.contains(&leader.placement.as_str())
        })
    };
    let names = measured.iter().map(|measured| &measured.placement);
    names.filter(|name| **name == leader.placement || ties(name)).cloned().collect()
}

/// The deciding figure that is known worst.
fn widest(metrics: &[ComparedMetric]) -> Option<Widest> {
    let relative = |measured: &Measured| {
        let half = measured.mean.band.sampling_error?;
        (measured.mean.mean != 0.0).then(|| half / measured.mean.mean.abs())
    };
    let deciding = metrics.iter().filter(|metric| metric.deciding);
    let all = deciding.flat_map(|metric| {
        metric.placements.iter().filter_map(move |measured| {
            Some(Widest {
                metric: metric.metric.clone(),
                placement: measured.placement.clone(),
                relative: relative(measured)?,
            })
        })
    });
    all.reduce(|worst, other| if other.relative > worst.relative { other } else { worst })
}
