//! What no simulation of a candidate can beat.
//!
//! In a steady state that serves as much as it can, each step carries `b` answers under way and as many prompt tokens as
//! `b` answer tokens bring along. Memory bounds `b` (the KV cache holds prompt and half the answer of each, on average), and
//! so do `max_num_seqs` and the token budget; the kernels say how long the step takes; Little's law turns the slo on the TPOT
//! into another bound: a step that takes longer than the threshold misses it. Everything else is left out in favour of the
//! candidate: host time, launches, chunk boundaries, queueing, and prompts where a prefix cache may hold them.

use super::{candidates::Spec, demand::mean_lengths};
use crate::batch::{Batch, Chunk, GraphMode};
use crate::metrics::{LatencyMetric, Statistic};
use crate::report::plan::Floor;
use crate::scenario::{Resolved, ResolvedDeployment};
use crate::timing::Timing;

/// From one batch size tried to the next.
const STRIDE: f64 = 1.05;
/// The bound is taken to be this much better than worked out, for what means hide.
const SLACK: f64 = 1.1;

/// Most requests a second that one group can serve within the slo; 0 where it can serve none.
pub(super) fn most_per_group(resolved: &Resolved) -> f64 {
    let deployment = &resolved.placements[0].deployments[0];
    let Ok(memory) = &deployment.memory else { return 0.0 };
    let mut timing = Timing::new(&deployment.timing);
    let (input, output) = mean_lengths(&resolved.workloads);
    let cached = deployment.engine.enable_prefix_caching
        && resolved.workloads.iter().any(|workload| workload.class.shares_prefixes());
    let steady = Steady { input: if cached { 0.0 } else { input }, context: input + output / 2.0, output };
    let limits = deployment.engine.limits;
    let stages = deployment.layout.pipeline_parallel;
    let own_tokens = if cached { output / 2.0 } else { steady.context };
    let resident = (memory.kv_cache_tokens as f64 / own_tokens).min(f64::from(limits.max_num_seqs));
    let budget = f64::from(limits.max_num_batched_tokens) / (1.0 + steady.input / output);
    let most = (resident * SLACK / f64::from(stages)).min(budget).max(1.0);
    let limit_ms = tpot_limit_ms(resolved);
    let mut best: f64 = 0.0;
    let mut batch = 1.0;
    loop {
        let decodes = f64::floor(batch);
        let times = steady.stages(&mut timing, deployment, decodes as u32);
        let token_ms: f64 = times.iter().sum::<f64>() * 1e3;
        if limit_ms.is_none_or(|limit| token_ms <= limit * SLACK) {
            let slowest = times.iter().copied().fold(0.0, f64::max);
            best = best.max(decodes / output / slowest);
        }
        if batch >= most {
            return best * SLACK;
        }
        batch = (batch * STRIDE).max(batch + 1.0).min(most);
    }
}

/// The bound as groups and money; none where no group can serve anything.
pub(super) fn floor(spec: &Spec, per_group: f64, planned: f64) -> Option<Floor> {
    (per_group > 0.0).then(|| {
        let groups = ((planned / per_group).ceil() as u32).max(1);
        Floor { requests_per_s_per_group: per_group, groups, usd_per_month: spec.usd_per_month(groups) }
    })
}

/// The tightest threshold on the TPOT that a mean step must stay below too [ms]. A median says nothing about a mean.
fn tpot_limit_ms(resolved: &Resolved) -> Option<f64> {
    let bounds =
        resolved.slo.thresholds().into_iter().filter(|threshold| {
            threshold.metric == LatencyMetric::Tpot && threshold.statistic != Statistic::P50
        });
    bounds.map(|threshold| threshold.limit.as_millis_f64()).reduce(f64::min)
}

/// The mean request of a steady state [tokens].
struct Steady {
    /// Prompt to compute.
    input: f64,
    /// Tokens an answer under way attends to, on average.
    context: f64,
    /// Answer.
    output: f64,
}

impl Steady {
    /// Time of each stage for a step with so many answers under way [s].
    fn stages(&self, timing: &mut Timing, deployment: &ResolvedDeployment, decodes: u32) -> Vec<f64> {
        let prompt = (f64::from(decodes) * self.input / self.output).floor() as u32;
        let context = (f64::from(decodes) * self.context) as u64;
        // As many whole prompts as there are, and a rest: by the mean of squares, no mix of lengths is cheaper.
        let whole = (self.input as u32).max(1);
        let mut prefills = vec![Chunk { tokens: whole, context: 0 }; (prompt / whole) as usize];
        if !prompt.is_multiple_of(whole) {
            prefills.push(Chunk { tokens: prompt % whole, context: 0 });
        }
        let batch = Batch {
            tokens: decodes + prompt,
            padded_tokens: decodes + prompt,
            graph: GraphMode::Full,
            decodes,
            decode_context: context,
            decode_context_blocks: context,
            prefills,
            sampled_rows: decodes,
            continues: false,
        };
        let stages = 0..deployment.layout.pipeline_parallel as usize;
        stages.map(|stage| timing.stage(stage, &batch).as_secs_f64()).collect()
    }
}
