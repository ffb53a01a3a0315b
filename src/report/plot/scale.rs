//! Scales: from values to places on an axis, with ticks at round numbers.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::report::words::tick;

/// Decades from which on a scale has a tick only at powers of ten.
const DECADES: f64 = 2.6;

/// An axis: what it shows, in which unit, from where to where.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Scale {
    /// What it shows, with the unit in brackets.
    pub(in crate::report) label: String,
    ends: (f64, f64),
    ticks: Vec<f64>,
    logarithmic: bool,
}

impl Scale {
    /// From 0 to a round number of at least `most`; without values, to 1.
    pub(in crate::report) fn linear(label: impl Into<String>, most: f64) -> Self {
        let most = if most > 0.0 && most.is_finite() { most } else { 1.0 };
        let step = step(most, 5.0);
        let end = (most / step - 1e-9).ceil() * step;
        Self { label: label.into(), ends: (0.0, end), ticks: ticks(0.0, end, step), logarithmic: false }
    }

    /// From below the least of some values to above the most of them, not from 0.
    pub(in crate::report) fn around(label: impl Into<String>, values: impl Iterator<Item = f64>) -> Self {
        let (least, most) =
            values.fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        if least >= most {
            return Self::linear(label, most);
        }
        let step = step(most - least, 4.0);
        let (from, to) = ((least / step).floor() * step, (most / step).ceil() * step);
        Self { label: label.into(), ends: (from, to), ticks: ticks(from, to, step), logarithmic: false }
    }

    /// From 0 to exactly `end`.
    pub(in crate::report) fn until(label: impl Into<String>, end: f64) -> Self {
        let end = if end > 0.0 { end } else { 1.0 };
        Self {
            label: label.into(),
            ends: (0.0, end),
            ticks: ticks(0.0, end, step(end, 6.0)),
            logarithmic: false,
        }
    }

    /// Logarithmic where values differ by much, else from 0: such that latencies of all kinds can be read.
    pub(in crate::report) fn of_latencies(
        label: impl Into<String>,
        values: impl Iterator<Item = f64>,
    ) -> Self {
        let positive = values.filter(|value| *value > 0.0);
        let (least, most) = positive
            .fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        if most <= 12.0 * least { Self::linear(label, most) } else { Self::logarithmic(label, least, most) }
    }

    /// From about `least` to about `most`, both above 0.
    fn logarithmic(label: impl Into<String>, least: f64, most: f64) -> Self {
        let ends = (least * 0.96, most * 1.04);
        let (from, to) = (ends.0.log10(), ends.1.log10());
        let factors: &[f64] = if to - from > DECADES { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let ticks = (from.floor() as i32..=to.ceil() as i32)
            .flat_map(|decade| factors.iter().map(move |factor| factor * 10_f64.powi(decade)))
            .filter(|tick| (ends.0..=ends.1).contains(tick))
            .collect();
        Self { label: label.into(), ends, ticks, logarithmic: true }
    }

    /// Which part of the axis lies before a value.
    pub(in crate::report) fn part(&self, value: f64) -> f64 {
        let place = |value: f64| if self.logarithmic { value.log10() } else { value };
        let (from, to) = self.ends;
        (place(value.clamp(from, to)) - place(from)) / (place(to) - place(from))
    }

    /// The ticks.
    pub(in crate::report) fn ticks(&self) -> &[f64] {
        &self.ticks
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        from + (self.part(*value) * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.ends.0..self.ends.1
    }
}

impl ValueFormatter<f64> for Scale {
    fn format(value: &f64) -> String {
        tick(*value)
    }
}

/// 1, 2 or 5 times a power of ten, such that about `count` of it make `span`.
fn step(span: f64, count: f64) -> f64 {
    let raw = span / count;
    let power = 10_f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= raw * 0.999).unwrap_or(10.0);
    factor * power
}

fn ticks(from: f64, to: f64, step: f64) -> Vec<f64> {
    let count = ((to - from) / step + 1e-6).floor() as usize;
    (0..=count).map(|index| from + index as f64 * step).collect()
}

/// A time axis in the unit that suits its length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::report) struct Clock {
    seconds: f64,
    unit: &'static str,
    end_s: f64,
}

impl Clock {
    /// For a run that ends at `end_s`.
    pub(in crate::report) fn until(end_s: f64) -> Self {
        let (seconds, unit) = match end_s {
            _ if end_s < 180.0 => (1.0, "s"),
            _ if end_s < 3.0 * 3600.0 => (60.0, "min"),
            _ if end_s < 3.0 * 86_400.0 => (3600.0, "h"),
            _ => (86_400.0, "d"),
        };
        Self { seconds, unit, end_s }
    }

    /// Its axis.
    pub(in crate::report) fn scale(&self) -> Scale {
        Scale::until(format!("time [{}]", self.unit), self.at(self.end_s))
    }

    /// An instant in its unit.
    pub(in crate::report) fn at(&self, seconds: f64) -> f64 {
        seconds / self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> Vec<String> {
        scale.ticks().iter().map(Scale::format).collect()
    }

    #[test]
    fn ticks_stand_at_round_numbers() {
        assert_eq!(labels(&Scale::linear("", 0.83)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&Scale::linear("", 0.0)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&Scale::until("", 2_439.9)), ["0", "500", "1000", "1500", "2000"]);
        assert_eq!(labels(&Scale::of_latencies("", [30.0, 900.0].into_iter())), ["50", "100", "200", "500"]);
        assert_eq!(
            labels(&Scale::of_latencies("", [3.0, 90_000.0].into_iter())),
            ["10", "100", "1000", "10k"]
        );
        assert_eq!(labels(&Scale::of_latencies("", [40.0, 90.0].into_iter()))[0], "0");
    }

    #[test]
    fn a_clock_counts_in_what_suits_its_length() {
        assert_eq!(Clock::until(120.0).scale().label, "time [s]");
        assert!((Clock::until(1_800.0).at(1_800.0) - 30.0).abs() < 1e-9);
        assert_eq!(Clock::until(31_536_000.0).scale().label, "time [d]");
    }
}
