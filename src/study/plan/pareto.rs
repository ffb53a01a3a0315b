//! Order and fronts of what was simulated.

use super::candidates::Spec;
use crate::report::plan::{Candidate, Figures, Verdict};

/// Those that meet the slo by price, fewer GPUs first among equals; then the rest as it was.
pub(super) fn ranked(mut specs: Vec<Spec>) -> Vec<Spec> {
    let key = |spec: &Spec| {
        let candidate = &spec.candidate;
        let figures = candidate.figures.filter(|_| candidate.verdict == Verdict::MeetsSlo);
        figures.map_or((f64::INFINITY, u32::MAX), |figures| (figures.usd_per_month, figures.gpus))
    };
    specs.sort_by(|a, b| {
        let (a, b) = (key(a), key(b));
        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
    });
    specs
}

/// The candidates that no other beats in both of two figures of which more is better; by the second, the largest first.
fn front(candidates: &[Candidate], of: impl Fn(&Figures) -> Option<(f64, f64)>) -> Vec<String> {
    let meets = candidates.iter().filter(|candidate| candidate.verdict == Verdict::MeetsSlo);
    let mut points: Vec<(f64, f64, &str)> = meets
        .filter_map(|candidate| {
            let (x, y) = of(candidate.figures.as_ref()?)?;
            Some((x, y, candidate.name.as_str()))
        })
        .collect();
    points.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.total_cmp(&a.0)));
    let mut best = f64::NEG_INFINITY;
    points.retain(|(x, ..)| {
        let kept = *x > best;
        best = best.max(*x);
        kept
    });
    points.into_iter().map(|(.., name)| name.to_owned()).collect()
}

/// Tokens a second a GPU against tokens a second a user.
pub(super) fn throughput(candidates: &[Candidate]) -> Vec<String> {
    front(candidates, |figures| {
        Some((figures.output_tokens_per_s_per_gpu, figures.output_tokens_per_s_per_user?))
    })
}

/// Price against TTFT p95.
pub(super) fn cost(candidates: &[Candidate]) -> Vec<String> {
    front(candidates, |figures| Some((-figures.ttft_p95_ms?, -figures.usd_per_month)))
}

/// Those behind the first that meet the slo and cost no more than `usd_per_month`.
pub(super) fn ties(candidates: &[Candidate], usd_per_month: f64) -> Vec<String> {
    let meets = candidates.iter().skip(1).filter(|candidate| candidate.verdict == Verdict::MeetsSlo);
    let near = meets
        .filter(|candidate| candidate.figures.is_some_and(|figures| figures.usd_per_month <= usd_per_month));
    near.map(|candidate| candidate.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str, per_gpu: f64, per_user: f64) -> Candidate {
        let figures = Figures {
            groups: 1,
            spare_groups: 0,
            nodes: 1,
            gpus: 8,
            usd_per_month: 1.0,
            ttft_p95_ms: None,
            tpot_p95_ms: None,
            output_tokens_per_s_per_gpu: per_gpu,
            output_tokens_per_s_per_user: Some(per_user),
            usd_per_million_total_tokens_at_planned_rate: None,
            availability: None,
        };
        Candidate {
            name: name.to_owned(),
            machine: String::new(),
            network: String::new(),
            model: String::new(),
            tensor_parallel_size: 1,
            pipeline_parallel_size: 1,
            max_num_seqs: None,
            max_num_batched_tokens: None,
            nodes_per_group: 1,
            groups_per_node: 1,
            usd_per_node_hour: 1.0,
            verdict: Verdict::MeetsSlo,
            reason: None,
            floor: None,
            figures: Some(figures),
        }
    }

    #[test]
    fn the_front_leaves_out_what_another_beats_or_equals() {
        let all = [
            candidate("dominated", 9.0, 9.0),
            candidate("fast", 5.0, 30.0),
            candidate("dense", 20.0, 5.0),
            candidate("middle", 10.0, 10.0),
            candidate("twin", 10.0, 10.0),
        ];
        assert_eq!(throughput(&all), ["fast", "middle", "dense"]);
    }
}
