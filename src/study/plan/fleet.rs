//! A candidate with a number of groups, as a scenario of its own under the planned demand.
//!
//! What is simulated is what the scenario's text says when it is read again, so that the emitted one gives the same figures.

use std::path::{Path, PathBuf};

use super::{candidates::Spec, uptime::Uptime};
use crate::catalog::Catalog;
use crate::metrics::{KeepRows, Simulated, SloArgs};
use crate::report::plan::Limit;
use crate::scenario::{
    EventArgs, FailuresArgs, PlanArgs, Resolved, Scenario, ScenarioError, ScenarioFile, StartArg,
};
use crate::simulation::{Interrupted, Options};
use crate::study::{Monitor, find_rate::limited_by, run::simulated_or_refused};
use crate::units::SimDuration;
use crate::workload::{LengthsArgs, WorkloadArgs};

/// Most groups of a candidate unless stated.
const MAX_GROUPS: u32 = 64;
/// Most spare groups unless stated, each as many as a node holds.
const MAX_SPARE_GROUPS: u32 = 2;
/// Most requests that may go without an answer [fraction].
const MOST_UNANSWERED: f64 = 0.01;

/// What all candidates have in common.
pub(super) struct Ground<'a> {
    pub(super) args: &'a PlanArgs,
    pub(super) catalog: &'a Catalog,
    pub(super) monitor: &'a Monitor,
    /// Directory that paths of models are relative to.
    base_dir: &'a Path,
    /// The scenario under the planned demand, without placements.
    scenario: Scenario,
    /// Part of the time that all groups which the slo needs must be ready.
    pub(super) availability: Option<f64>,
}

/// Why a candidate with so many groups has no run.
#[derive(Clone, Debug)]
pub(super) enum NoRun {
    /// vLLM or the scenario's checks refuse it.
    Refused(String),
    /// Somebody stopped the search.
    Interrupted,
}

impl From<Interrupted> for NoRun {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl From<ScenarioError> for NoRun {
    fn from(error: ScenarioError) -> Self {
        let problem = error.problem();
        Self::Refused(problem.message.clone())
    }
}

/// How a run came out.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// The run.
    pub(super) simulated: Simulated,
    /// The first thing that keeps it from being good enough.
    pub(super) limited_by: Option<String>,
}

impl<'a> Ground<'a> {
    /// The scenario of `file` with `workloads` in the place of its own.
    pub(super) fn new(
        file: &'a ScenarioFile,
        args: &'a PlanArgs,
        workloads: Vec<WorkloadArgs<SloArgs>>,
        catalog: &'a Catalog,
        monitor: &'a Monitor,
    ) -> Self {
        let mut scenario = file.scenario.clone();
        let classes = scenario.workloads.iter().map(|workload| workload.slo);
        let stated = classes.chain([scenario.slo]).filter_map(|slo| slo?.availability);
        let availability = stated.reduce(f64::max);
        if let Some(slo) = &mut scenario.slo {
            slo.availability = None;
        }
        scenario.plan = None;
        scenario.start = StartArg::Warm;
        scenario.placements = Vec::new();
        scenario.timeline = Vec::new();
        scenario.rare_events = None;
        scenario.find_rate = false;
        scenario.workloads = workloads;
        scenario.calibration = scenario.calibration.map(|path| absolute(&file.base_dir, &path));
        for workload in &mut scenario.workloads {
            if let Some(trace) = &mut workload.trace {
                trace.file = absolute(&file.base_dir, &trace.file);
            }
            match &mut workload.lengths {
                Some(
                    LengthsArgs::Prometheus { prometheus: path } | LengthsArgs::Dataset { dataset: path, .. },
                ) => {
                    *path = absolute(&file.base_dir, path);
                }
                Some(LengthsArgs::Preset(_) | LengthsArgs::Each { .. }) | None => {}
            }
        }
        Self { args, catalog, monitor, base_dir: &file.base_dir, scenario, availability }
    }

    /// The thresholds of the scenario and its workloads, as the file states them.
    pub(super) fn limits(&self) -> Vec<Limit> {
        let of = |workload: Option<&str>, slo: Option<SloArgs>| {
            let thresholds = slo.map(|slo| slo.thresholds()).unwrap_or_default();
            let workload = workload.map(str::to_owned);
            thresholds.into_iter().map(move |threshold| Limit {
                workload: workload.clone(),
                name: threshold.name(),
                limit: threshold.limit.as_millis_f64(),
            })
        };
        let availability =
            self.availability.map(|limit| Limit { workload: None, name: "availability".to_owned(), limit });
        let classes = self.scenario.workloads.iter().flat_map(|class| of(Some(&class.name), class.slo));
        of(None, self.scenario.slo).chain(availability).chain(classes).collect()
    }

    /// Most groups of a candidate.
    pub(super) fn most_groups(&self) -> u32 {
        self.args.max_groups.unwrap_or(MAX_GROUPS)
    }

    /// Spare groups that `groups` groups need for the availability of the slo, and whether those are enough.
    pub(super) fn spare_groups(&self, spec: &Spec, groups: u32, uptime: Option<Uptime>) -> (u32, bool) {
        let Some((target, uptime)) = self.availability.zip(uptime) else { return (0, true) };
        let per_node = spec.candidate.groups_per_node;
        let most = self.args.max_spare_groups.unwrap_or(MAX_SPARE_GROUPS * per_node);
        let enough = (0..=most).find(|spare| uptime.ready(groups, groups + spare, per_node) >= target);
        (enough.unwrap_or(most), enough.is_some())
    }

    /// Whether anything fails at random.
    pub(super) fn fails(&self) -> bool {
        self.scenario.failures != FailuresArgs::default()
    }

    /// The text of the scenario in which `spec` has so many groups and nothing fails at random.
    pub(super) fn text(&self, spec: &Spec, groups: u32) -> String {
        let scenario = Scenario { failures: FailuresArgs::default(), ..self.with(spec, groups) };
        to_text(&scenario)
    }

    fn with(&self, spec: &Spec, groups: u32) -> Scenario {
        let mut placement = spec.placement(self.args, groups);
        for deployment in &mut placement.deployments {
            let path = absolute(self.base_dir, Path::new(&deployment.model));
            if path.exists() {
                deployment.model = path.display().to_string();
            }
        }
        Scenario { placements: vec![placement], ..self.scenario.clone() }
    }

    /// The scenario of a text, resolved.
    pub(super) fn resolve_text(&self, text: &str) -> Result<Resolved, NoRun> {
        Ok(ScenarioFile::parse("plan", text, Path::new(""), &[])?.resolve(self.catalog)?)
    }

    /// The same resolved.
    pub(super) fn resolved(&self, spec: &Spec, groups: u32) -> Result<Resolved, NoRun> {
        self.resolve_text(&self.text(spec, groups))
    }

    /// The same with the scenario's random failures.
    pub(super) fn failing(&self, spec: &Spec, groups: u32) -> Result<Resolved, NoRun> {
        self.resolve_text(&to_text(&self.with(spec, groups)))
    }

    /// The same with something that somebody does to it, over a longer time.
    pub(super) fn struck(
        &self,
        spec: &Spec,
        groups: u32,
        event: EventArgs,
        duration: SimDuration,
    ) -> Result<Resolved, NoRun> {
        let failures = FailuresArgs::default();
        let (duration, timeline) = (Some(duration), vec![event]);
        self.resolve_text(&to_text(&Scenario { duration, failures, timeline, ..self.with(spec, groups) }))
    }

    /// Arrivals end here, if they do not end by themselves.
    pub(super) fn duration(&self) -> Option<SimDuration> {
        self.scenario.duration
    }

    /// Requests before it are not measured.
    pub(super) fn warmup(&self) -> SimDuration {
        self.scenario.warmup
    }

    /// Simulates so many groups at `factor` times the planned demand.
    pub(super) fn run(&self, spec: &Spec, groups: u32, factor: f64) -> Result<Outcome, NoRun> {
        self.judge(&self.resolved(spec, groups)?, &Options::figures(factor))
    }

    /// Simulates the only placement of `resolved` and holds it against the slo.
    pub(super) fn judge(&self, resolved: &Resolved, options: &Options) -> Result<Outcome, NoRun> {
        let placement = &resolved.placements[0];
        let simulated =
            simulated_or_refused(self.monitor, resolved, placement, options)?.map_err(NoRun::Refused)?;
        let limited_by = unanswered(&simulated).or_else(|| limited_by(placement, &simulated));
        Ok(Outcome { simulated, limited_by })
    }

    /// The same demand with other answer lengths.
    pub(super) fn with_output_scaled(&self, factor: f64) -> Self {
        let mut scenario = self.scenario.clone();
        for workload in &mut scenario.workloads {
            workload.token_scale.output *= factor;
        }
        Self { scenario, ..*self }
    }

    /// The same under other random numbers.
    pub(super) fn with_seed(&self, seed: u64) -> Self {
        Self { scenario: Scenario { seed, ..self.scenario.clone() }, ..*self }
    }

    pub(super) fn seed(&self) -> u64 {
        self.scenario.seed
    }
}

/// Rows of the timeline too.
pub(super) const fn with_timeline(factor: f64) -> Options {
    Options { timeline: true, rows: KeepRows::None, ..Options::figures(factor) }
}

/// Whether too many requests were refused, failed or given up for the latencies of the others to count.
fn unanswered(simulated: &Simulated) -> Option<String> {
    let requests = simulated.metrics.overall().requests;
    if requests.arrived == 0 {
        return Some("no request was measured".to_owned());
    }
    let share = (requests.failed + requests.rejected) as f64 / requests.arrived as f64;
    (share > MOST_UNANSWERED).then(|| format!("{:.1} % of the requests are not answered", share * 100.0))
}

fn to_text(scenario: &Scenario) -> String {
    serde_saphyr::to_string(scenario).expect("a scenario can be written")
}

/// A path that means the same from any directory.
fn absolute(base_dir: &Path, path: &Path) -> PathBuf {
    let path = base_dir.join(path);
    path.canonicalize().unwrap_or(path)
}
