//! Open-loop arrival processes.
//!
//! A renewal process runs in operational time, in which one arrival is due a unit; the rate, its curve and the on phases map
//! that time to seconds. So every rate sees the same gaps, scaled: two rates compare on common random numbers, and the
//! gaps keep their coefficient of variation under any curve.

use rand::RngExt;
use rand_distr::{Distribution, Exp1, Gamma};

use super::{
    curve::{Pieces, RateCurve},
    think::Think,
};
use crate::random::RandomStream;
use crate::units::SimTime;

/// Later than any run [s]: arrivals there do not exist.
const END_OF_TIME_S: f64 = 1e10;

/// When requests, or conversations, arrive.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// A renewal process, possibly modulated.
    Renewal(Renewal),
    /// All at time 0.
    AllAtOnce,
    /// Users who send, wait and think.
    ClosedLoop {
        /// How many.
        users: u32,
        /// Between an answer and the next request.
        think: Think,
    },
}

/// Independent gaps at a rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Renewal {
    /// Mean rate over all time, before `curve` [1/s].
    pub rate_per_s: f64,
    /// The gaps.
    pub gaps: Gaps,
    /// Mean lengths of on and off phases [s].
    pub phases: Option<(f64, f64)>,
    /// Factor over time.
    pub curve: Option<RateCurve>,
}

/// Gaps with mean 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gaps {
    /// All the same.
    Constant,
    /// Exponential.
    Exponential,
    /// Gamma with this shape, as `vllm bench serve` draws them: `np.random.gamma(shape=burstiness, scale=1 / (rate *
    /// burstiness))` (vllm/benchmarks/serve.py).
    Gamma(f64),
}

impl Gaps {
    fn sampler(self) -> Sampler {
        match self {
            Self::Constant => Sampler::Constant,
            Self::Exponential => Sampler::Exponential,
            Self::Gamma(shape) => {
                Sampler::Gamma(Gamma::new(shape, 1.0 / shape).expect("a validated burstiness is a shape"))
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Sampler {
    Constant,
    Exponential,
    Gamma(Gamma<f64>),
}

impl Sampler {
    fn draw(&self, rng: &mut RandomStream) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Exponential => Exp1.sample(rng),
            Self::Gamma(gamma) => gamma.sample(rng),
        }
    }
}

/// The instants of a renewal process, in order.
#[derive(Clone, Debug)]
pub(super) struct Instants {
    sampler: Sampler,
    rng: RandomStream,
    /// Arrivals a second while on, at factor 1 [1/s].
    rate_per_s: f64,
    /// Factor on operational time, so that the last of a fixed number of arrivals comes at its expected time.
    stretch: f64,
    /// Operational time of the last arrival, before stretching.
    elapsed: f64,
    warp: Option<Warp>,
}

impl Instants {
    /// `count`: how many arrivals there will be, if the process ends by count. Then operational time is stretched so that
    /// the last arrival comes after exactly `count` units, as `vllm bench serve` does without a ramp-up; with on and off
    /// phases it is not, since their length is given.
    pub(super) fn new(
        process: &Renewal,
        seed: u64,
        ordinal: u16,
        rate_factor: f64,
        count: Option<u32>,
    ) -> Self {
        let sampler = process.gaps.sampler();
        let rng = RandomStream::new(seed, "workload/gaps", u32::from(ordinal));
        let stretch = match count {
            Some(count) if process.phases.is_none() => {
                let mut ahead = rng.clone();
                let total: f64 = (0..count).map(|_| sampler.draw(&mut ahead)).sum();
                if total > 0.0 { f64::from(count) / total } else { 1.0 }
            }
            _ => 1.0,
        };
        let share_on = process.phases.map_or(1.0, |(on_s, off_s)| on_s / (on_s + off_s));
        let warped = process.curve.is_some() || process.phases.is_some();
        let warp = warped
            .then(|| Warp::new(process, RandomStream::new(seed, "workload/phases", u32::from(ordinal))));
        let rate_per_s = process.rate_per_s * rate_factor / share_on;
        Self { sampler, rng, rate_per_s, stretch, elapsed: 0.0, warp }
    }
}

impl Iterator for Instants {
    type Item = SimTime;
    fn next(&mut self) -> Option<SimTime> {
        let gap = self.sampler.draw(&mut self.rng);
        self.elapsed += gap;
        let at_s = match &mut self.warp {
            None => self.elapsed * self.stretch / self.rate_per_s,
            Some(warp) => warp.advance(gap * self.stretch / self.rate_per_s)?,
        };
        (at_s < END_OF_TIME_S).then(|| SimTime::from_nanos((at_s * 1e9).round() as u64))
    }
}

/// Turns seconds at the full rate into seconds of the run, piece by piece of the curve and phase by phase.
#[derive(Clone, Debug)]
struct Warp {
    now_s: f64,
    pieces: Option<Pieces>,
    piece_end_s: f64,
    factor: f64,
    phases: Option<(f64, f64)>,
    phase_end_s: f64,
    on: bool,
    rng: RandomStream,
}

impl Warp {
    fn new(process: &Renewal, mut rng: RandomStream) -> Self {
        // In the long run on and off phases alternate for ever, so the run starts in either with the share it has.
        let on = process.phases.is_none_or(|(on_s, off_s)| rng.random::<f64>() * (on_s + off_s) < on_s);
        let mut warp = Self {
            now_s: 0.0,
            pieces: process.curve.as_ref().map(RateCurve::pieces),
            piece_end_s: f64::INFINITY,
            factor: 1.0,
            phases: process.phases,
            phase_end_s: f64::INFINITY,
            on,
            rng,
        };
        warp.next_piece();
        warp.next_phase();
        warp
    }

    fn next_piece(&mut self) {
        if let Some((end_s, factor)) = self.pieces.as_mut().and_then(Iterator::next) {
            (self.piece_end_s, self.factor) = (end_s, factor);
        }
    }

    /// Draws how long the phase that starts now lasts.
    fn next_phase(&mut self) {
        if let Some((on_s, off_s)) = self.phases {
            let mean_s = if self.on { on_s } else { off_s };
            self.phase_end_s = self.now_s + mean_s * Distribution::<f64>::sample(&Exp1, &mut self.rng);
        }
    }

    /// The instant [s] by which `work_s` seconds at the full rate have passed since the last one; `None` if never.
    fn advance(&mut self, mut work_s: f64) -> Option<f64> {
        loop {
            let end_s = self.piece_end_s.min(self.phase_end_s);
            let speed = if self.on { self.factor } else { 0.0 };
            if speed > 0.0 {
                let room_s = (end_s - self.now_s).max(0.0) * speed;
                if work_s <= room_s {
                    self.now_s += work_s / speed;
                    return Some(self.now_s);
                }
                work_s -= room_s;
            }
            if end_s > END_OF_TIME_S {
                return None;
            }
            self.now_s = self.now_s.max(end_s);
            if self.phase_end_s <= self.piece_end_s {
                self.on = !self.on;
                self.next_phase();
            } else {
                self.next_piece();
            }
        }
    }
}
