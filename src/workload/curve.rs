//! Factors on a rate over time.

use std::sync::Arc;

use serde::Deserialize;

use super::args::RateCurveArgs;
use crate::catalog::{Catalog, CatalogError, Fact};
use crate::units::SimDuration;

/// A piecewise constant factor on a rate: each factor holds from its time to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct RateCurve {
    /// (start [s], factor), ascending from 0.
    points: Arc<[(f64, f64)]>,
    /// After how long it repeats [s]; infinite when the last factor holds for ever.
    period_s: f64,
    /// Where in the curve time 0 is [s].
    start_s: f64,
}

/// An entry of the catalogue's `rate_curves`: one factor a step, from Monday midnight on.
#[derive(Deserialize)]
struct Entry {
    step_s: Fact<u32>,
    factors: Fact<Vec<f64>>,
}

impl RateCurve {
    /// What `args` means, after they were validated.
    pub(super) fn resolve(
        args: &RateCurveArgs,
        start: SimDuration,
        catalog: &Catalog,
    ) -> Result<Self, CatalogError> {
        let (points, period_s) = match args {
            RateCurveArgs::Points(points) => {
                (points.iter().map(|(at, factor)| (at.as_secs_f64(), *factor)).collect(), f64::INFINITY)
            }
            RateCurveArgs::Named(name) => {
                let entry: Entry = catalog.entry("rate_curves", name)?;
                let step_s = f64::from(entry.step_s.value);
                let factors = entry.factors.value;
                if step_s <= 0.0
                    || !factors.iter().any(|f| *f > 0.0)
                    || !factors.iter().all(|f| f.is_finite() && *f >= 0.0)
                {
                    let reason = "a curve needs a step and factors of at least 0, not all 0".to_owned();
                    let kind = "rate_curves".to_owned();
                    return Err(CatalogError::BadEntry { kind, name: name.clone(), reason });
                }
                let period_s = step_s * factors.len() as f64;
                (factors.into_iter().enumerate().map(|(i, f)| (step_s * i as f64, f)).collect(), period_s)
            }
        };
        Ok(Self { points, period_s, start_s: start.as_secs_f64() })
    }

    /// The same curve with time 0 so much later in it.
    pub(super) fn from(&self, offset: SimDuration) -> Self {
        Self { start_s: self.start_s + offset.as_secs_f64(), ..self.clone() }
    }

    /// The pieces from time 0 on: (end [s from time 0], factor), without end if the curve repeats.
    pub(super) fn pieces(&self) -> Pieces {
        let (offset_s, cycle) = if self.period_s.is_finite() {
            (self.start_s % self.period_s, (self.start_s / self.period_s).floor())
        } else {
            (self.start_s, 0.0)
        };
        let index = self.points.partition_point(|(at, _)| *at <= offset_s).max(1) - 1;
        Pieces { curve: self.clone(), index, cycle }
    }

    /// Mean factor over the first `window`; over a whole period, or the last factor, when there is none.
    pub fn mean(&self, window: Option<SimDuration>) -> f64 {
        let end_s = match window {
            Some(window) if window > SimDuration::ZERO => window.as_secs_f64(),
            _ if self.period_s.is_finite() => self.period_s,
            _ => return self.points[self.points.len() - 1].1,
        };
        let (mut from_s, mut sum) = (0.0, 0.0);
        for (to_s, factor) in self.pieces() {
            sum += factor * (to_s.min(end_s) - from_s).max(0.0);
            from_s = to_s;
            if from_s >= end_s {
                break;
            }
        }
        sum / end_s
    }
}

/// Walks a curve piece by piece; the state is a position in the table, so no rounding can lose or repeat a piece.
#[derive(Clone, Debug)]
pub(super) struct Pieces {
    curve: RateCurve,
    index: usize,
    cycle: f64,
}

impl Iterator for Pieces {
    type Item = (f64, f64);
    fn next(&mut self) -> Option<(f64, f64)> {
        let RateCurve { points, period_s, start_s } = &self.curve;
        let (_, factor) = points.get(self.index)?;
        self.index += 1;
        let end_s = match points.get(self.index) {
            Some((at, _)) if self.cycle > 0.0 => self.cycle * period_s + at - start_s,
            Some((at, _)) => at - start_s,
            None if period_s.is_finite() => {
                self.index = 0;
                self.cycle += 1.0;
                self.cycle * period_s - start_s
            }
            None => f64::INFINITY,
        };
        Some((end_s, *factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(period_s: f64, start_s: f64) -> RateCurve {
        RateCurve { points: [(0.0, 1.0), (10.0, 3.0), (15.0, 0.0)].into(), period_s, start_s }
    }

    #[test]
    fn pieces_start_in_the_middle_and_repeat() {
        let pieces: Vec<_> = curve(20.0, 52.0).pieces().take(5).collect();
        assert_eq!(pieces, [(3.0, 3.0), (8.0, 0.0), (18.0, 1.0), (23.0, 3.0), (28.0, 0.0)]);
        let pieces: Vec<_> = curve(20.0, 0.0).pieces().take(4).collect();
        assert_eq!(pieces, [(10.0, 1.0), (15.0, 3.0), (20.0, 0.0), (30.0, 1.0)]);
        let pieces: Vec<_> = curve(f64::INFINITY, 12.0).pieces().collect();
        assert_eq!(pieces, [(3.0, 3.0), (f64::INFINITY, 0.0)]);
    }

    #[test]
    fn the_mean_is_the_integral_over_the_window() {
        let mean = |curve: &RateCurve, window| curve.mean(Some(SimDuration::from_secs(window)));
        assert!((mean(&curve(20.0, 0.0), 20) - 25.0 / 20.0).abs() < 1e-12);
        assert!((mean(&curve(20.0, 52.0), 10) - (9.0 + 2.0) / 10.0).abs() < 1e-12);
        assert!((curve(20.0, 7.0).mean(None) - 25.0 / 20.0).abs() < 1e-12);
        assert!(curve(f64::INFINITY, 0.0).mean(None).abs() < 1e-12);
    }
}
