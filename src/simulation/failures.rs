//! When random faults happen.
//!
//! Every component of a [`FailureProcess`] is a renewal process with two streams of its own, one for the times between
//! failures and one for repairs: no component moves the faults of another, and placements that share components share
//! their faults. A time between failures takes one random number, turned into time by the inverse of the distribution, so
//! that processes with other means or shapes have the same faults earlier or later.
//!
//! Components start new at time 0. An exponential process does not know its age, so for it that is the long run already.
//! With a shape below 1 the first failures come early, with one above 1 late and nearly together.
//!
//! Limits: a component that somebody replaces before it is repaired keeps its process; the next failure counts from the end
//! of the repair, not from the replacement.

use std::{cmp::Reverse, collections::BinaryHeap};

use rand_distr::{Distribution, StandardNormal, Weibull};

use crate::random::RandomStream;
use crate::scenario::{FailureProcess, FaultKind, RepairTime};
use crate::units::{SimDuration, SimTime};

/// Something breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fault {
    /// When, or when the warning is given.
    pub(super) at: SimTime,
    /// What happens.
    pub(super) kind: FaultKind,
    /// Ordinal of what it happens to, among components of its sort.
    pub(super) component: u32,
    /// It happens so long after `at`; until then there is only the warning.
    pub(super) notice: SimDuration,
    /// It lasts so long from then on, unless somebody replaces what is broken.
    pub(super) repair: SimDuration,
    /// What is left of the bandwidth [fraction].
    pub(super) slowed: f64,
}

/// A process and the distribution of its times between failures [s].
#[derive(Clone, Debug)]
struct Law {
    process: FailureProcess,
    gaps: Weibull<f64>,
}

/// One thing that fails.
#[derive(Clone, Debug)]
struct Life {
    /// Index of its law.
    law: usize,
    gaps: RandomStream,
    repairs: RandomStream,
}

/// The next failure of a life, in the order in which failures happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: SimTime,
    kind: FaultKind,
    component: u32,
    /// Index of the life.
    life: usize,
}

/// All random faults of a placement, earliest first; at one instant by kind, then by component.
#[derive(Clone, Debug)]
pub(super) struct FailureProcesses {
    laws: Vec<Law>,
    lives: Vec<Life>,
    due: BinaryHeap<Reverse<Due>>,
}

impl FailureProcesses {
    /// The faults of `processes`, each over the components whose ordinals `components` gives; two processes of one kind
    /// must not have a component in common.
    pub(super) fn new<I: IntoIterator<Item = u32>>(
        processes: &[FailureProcess],
        components: impl Fn(&FailureProcess) -> I,
        seed: u64,
    ) -> Self {
        let laws: Vec<Law> = processes.iter().copied().map(Law::new).collect();
        let mut all = Self { laws, lives: Vec::new(), due: BinaryHeap::new() };
        for (law, process) in processes.iter().enumerate() {
            let kind = process.kind;
            let gaps = format!("failures/{}/gaps", kind.name());
            let repairs = format!("failures/{}/repairs", kind.name());
            for component in components(process) {
                let gaps = RandomStream::new(seed, &gaps, component);
                let repairs = RandomStream::new(seed, &repairs, component);
                all.lives.push(Life { law, gaps, repairs });
                all.renew(all.lives.len() - 1, kind, component, SimTime::ZERO);
            }
        }
        all
    }

    /// When the next fault is, if anything can fail at all.
    pub(super) fn next(&self) -> Option<SimTime> {
        self.due.peek().map(|Reverse(due)| due.at)
    }

    /// Takes the next fault.
    ///
    /// # Panics
    /// If nothing can fail.
    pub(super) fn pop(&mut self) -> Fault {
        let Reverse(Due { at, kind, component, life }) = self.due.pop().expect("something can fail");
        let Life { law, repairs, .. } = &mut self.lives[life];
        let fault = self.laws[*law].process.fault(at, component, repairs);
        self.renew(life, kind, component, at.saturating_add(fault.notice).saturating_add(fault.repair));
        fault
    }

    /// Draws the next failure of a life that is as new at `from`.
    fn renew(&mut self, life: usize, kind: FaultKind, component: u32, from: SimTime) {
        let Life { law, gaps, .. } = &mut self.lives[life];
        let at = from.saturating_add(duration(self.laws[*law].gaps.sample(gaps)));
        self.due.push(Reverse(Due { at, kind, component, life }));
    }
}

impl Law {
    fn new(process: FailureProcess) -> Self {
        // The mean of a Weibull distribution is its scale times Gamma(1 + 1 / shape).
        let scale_s = process.mean.as_secs_f64() / libm::tgamma(1.0 + 1.0 / process.shape);
        let gaps = Weibull::new(scale_s, process.shape).expect("a resolved process has a mean and a shape");
        Self { process, gaps }
    }
}

impl FailureProcess {
    /// A failure of this process; how long it lasts is drawn.
    pub(super) fn fault(&self, at: SimTime, component: u32, repairs: &mut RandomStream) -> Fault {
        let repair = draw_repair(self.repair, repairs);
        Fault { at, kind: self.kind, component, notice: self.notice, repair, slowed: self.slowed }
    }
}

fn draw_repair(time: RepairTime, rng: &mut RandomStream) -> SimDuration {
    match time {
        RepairTime::Fixed(time) => time,
        RepairTime::Lognormal { p50, sigma } => {
            let normal: f64 = StandardNormal.sample(rng);
            duration(p50.as_secs_f64() * (sigma * normal).exp())
        }
    }
}

/// `drawn_s` as a duration; beyond what time can hold, longer than any run.
fn duration(drawn_s: f64) -> SimDuration {
    const LONGER_THAN_ANY_RUN_S: f64 = 1e10;
    SimDuration::from_secs_f64(drawn_s.min(LONGER_THAN_ANY_RUN_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 1;
    const HOUR: SimDuration = SimDuration::from_secs(3600);

    fn process(kind: FaultKind) -> FailureProcess {
        let repair = RepairTime::Fixed(SimDuration::ZERO);
        let notice = SimDuration::ZERO;
        FailureProcess {
            kind,
            per: kind.per(),
            pool: None,
            mean: HOUR,
            shape: 1.0,
            notice,
            repair,
            slowed: 0.0,
        }
    }

    fn faults(processes: &[FailureProcess], components: u32, seed: u64) -> FailureProcesses {
        FailureProcesses::new(processes, |_| 0..components, seed)
    }

    fn take(mut faults: FailureProcesses, number: usize) -> Vec<Fault> {
        (0..number).map(|_| faults.pop()).collect()
    }

    /// The first failure of each of many components, sorted [h].
    fn first_failures(shape: f64, seed: u64) -> Vec<f64> {
        const COMPONENTS: u32 = 20_000;
        let mut all = faults(&[FailureProcess { shape, ..process(FaultKind::Gpu) }], COMPONENTS, seed);
        let mut seen = vec![false; COMPONENTS as usize];
        let mut times = Vec::new();
        while times.len() < seen.len() {
            let fault = all.pop();
            if !std::mem::replace(&mut seen[fault.component as usize], true) {
                times.push(fault.at.as_secs_f64() / 3600.0);
            }
        }
        times
    }

    /// Four standard errors of a fraction near `p` among `n`: a right law misses it once in 16,000 times.
    fn four_sigma(p: f64, n: usize) -> f64 {
        4.0 * (p * (1.0 - p) / n as f64).sqrt()
    }

    #[test]
    fn times_between_failures_have_the_stated_mean_and_shape() {
        // Gamma(1 + 1 / shape) where it has a closed form, and the coefficient of variation of the distribution.
        let pi = std::f64::consts::PI;
        for (shape, gamma, variation) in
            [(0.5, 2.0, 5f64.sqrt()), (1.0, 1.0, 1.0), (2.0, pi.sqrt() / 2.0, (4.0 / pi - 1.0).sqrt())]
        {
            let times = first_failures(shape, SEED);
            let n = times.len();
            let mean = times.iter().sum::<f64>() / n as f64;
            assert!((mean - 1.0).abs() < 4.0 * variation / (n as f64).sqrt(), "shape {shape}: mean {mean} h");
            for hours in [0.1, 0.5, 1.0, 2.0] {
                let failed = times.partition_point(|time| *time <= hours) as f64 / n as f64;
                let law = 1.0 - (-(hours * gamma).powf(shape)).exp();
                assert!(
                    (failed - law).abs() < four_sigma(law, n),
                    "shape {shape}, {hours} h: {failed}, {law}"
                );
            }
        }
    }

    #[test]
    fn failures_come_at_the_rate_that_is_expected() {
        let repair = RepairTime::Lognormal { p50: SimDuration::from_secs(1200), sigma: 0.8 };
        let notice = SimDuration::from_secs(600);
        for shape in [0.7, 1.0, 3.0] {
            let process = FailureProcess { shape, notice, repair, ..process(FaultKind::Spot) };
            let span = SimDuration::from_secs(400 * 3600);
            let mut all = faults(&[process], 100, SEED);
            let mut count = 0;
            while all.next().is_some_and(|at| at < SimTime::ZERO + span) {
                all.pop();
                count += 1;
            }
            // Some 25,000 failures: a per cent and a half are more than two standard errors for any of the shapes.
            let expected = process.expected(100, span);
            assert!((f64::from(count) / expected - 1.0).abs() < 0.015, "shape {shape}: {count}, {expected}");
        }
    }

    #[test]
    fn repairs_are_lognormal() {
        let (p50, sigma) = (SimDuration::from_secs(1200), 1.893);
        let repair = RepairTime::Lognormal { p50, sigma };
        assert!((repair.mean_s() / p50.as_secs_f64() - 6.0).abs() < 0.01);
        let all = faults(&[FailureProcess { repair, ..process(FaultKind::Node) }], 1000, SEED);
        let over_p50 = |fault: &Fault| fault.repair.as_secs_f64() / p50.as_secs_f64();
        let mut logs: Vec<f64> = take(all, 20_000).iter().map(|fault| over_p50(fault).ln()).collect();
        logs.sort_by(f64::total_cmp);
        let below = |z: f64| logs.partition_point(|log| *log <= z * sigma) as f64 / logs.len() as f64;
        // The normal distribution at 0, -1 and 2 standard deviations.
        for (z, law) in [(0.0, 0.5), (-1.0, 0.158_655), (2.0, 0.977_250)] {
            assert!((below(z) - law).abs() < four_sigma(law, logs.len()), "at {z}: {}", below(z));
        }
    }

    #[test]
    fn the_next_failure_counts_from_the_end_of_the_repair() {
        let repaired = FailureProcess {
            notice: SimDuration::from_secs(30),
            repair: RepairTime::Fixed(HOUR),
            ..process(FaultKind::Node)
        };
        let at = |process| take(faults(&[process], 1, SEED), 50).into_iter().map(|fault| fault.at);
        let away = SimDuration::from_secs(3630);
        for (number, (with, without)) in at(repaired).zip(at(process(FaultKind::Node))).enumerate() {
            let past: SimDuration = (0..number).map(|_| away).sum();
            assert_eq!(with, without + past);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_faults_and_a_copy_goes_on_alike() {
        let repair = RepairTime::Lognormal { p50: HOUR, sigma: 1.0 };
        let process = FailureProcess { repair, ..process(FaultKind::Gpu) };
        let first = take(faults(&[process], 16, SEED), 200);
        assert_eq!(first, take(faults(&[process], 16, SEED), 200));
        assert_ne!(first, take(faults(&[process], 16, SEED + 1), 200));
        assert!(first.is_sorted_by_key(|fault| fault.at));
        let mut begun = faults(&[process], 16, SEED);
        begun.pop();
        assert_eq!(take(begun.clone(), 199), first[1..]);
    }

    #[test]
    fn neither_a_further_component_nor_a_further_kind_moves_the_faults_of_others() {
        let (gpu, node) = (process(FaultKind::Gpu), process(FaultKind::Node));
        let end = SimTime::ZERO + SimDuration::from_secs(100 * 3600);
        let until = |mut all: FailureProcesses| {
            let mut found = Vec::new();
            while all.next().is_some_and(|at| at < end) {
                found.push(all.pop());
            }
            found.retain(|fault| fault.kind == FaultKind::Gpu && fault.component < 8);
            found
        };
        let few = until(faults(&[gpu], 8, SEED));
        assert!(few.len() > 600);
        assert_eq!(until(faults(&[gpu], 9, SEED)), few);
        assert_eq!(until(faults(&[node, gpu], 8, SEED)), few);
    }

    #[test]
    fn a_process_of_half_the_mean_has_the_same_failures_in_half_the_time() {
        let slow = take(faults(&[process(FaultKind::Gpu)], 4, SEED), 100);
        let half = SimDuration::from_secs(1800);
        let fast = take(faults(&[FailureProcess { mean: half, ..process(FaultKind::Gpu) }], 4, SEED), 100);
        for (slow, fast) in slow.iter().zip(&fast) {
            assert_eq!(slow.component, fast.component);
            assert!(slow.at.as_nanos().abs_diff(2 * fast.at.as_nanos()) <= 200, "{} {}", slow.at, fast.at);
        }
    }

    #[test]
    fn faults_at_one_instant_come_by_kind_and_then_by_component() {
        // Never within the life of the clock, so all at its end.
        let mean = SimDuration::from_secs(18_000_000_000);
        let never = |kind| FailureProcess { mean, shape: 20.0, ..process(kind) };
        let kinds = [FaultKind::Hang, FaultKind::Node, FaultKind::Gpu];
        let order: Vec<_> = take(faults(&kinds.map(never), 3, SEED), 9)
            .into_iter()
            .map(|fault| (fault.kind, fault.component))
            .collect();
        assert!(order.is_sorted() && order[0] == (FaultKind::Node, 0), "{order:?}");
    }

    #[test]
    fn where_nothing_can_fail_there_is_no_next_fault() {
        assert_eq!(faults(&[], 8, SEED).next(), None);
        assert_eq!(faults(&[process(FaultKind::Node)], 0, SEED).next(), None);
    }
}
