//! Distributions of token counts.

use std::sync::Arc;

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde::Deserialize;

use super::args::{LengthArgs, LengthForm, bucket_bound};
use crate::catalog::{Catalog, CatalogError, Fact};
use crate::random::RandomStream;

/// A distribution of whole numbers from 1, with the factor of another tokenizer.
#[derive(Clone, Debug, PartialEq)]
pub struct Length {
    form: Form,
    scale: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    Fixed(u32),
    Uniform {
        low: u32,
        high: u32,
    },
    /// Each as likely as the others.
    Rows(Arc<[u32]>),
    /// (probability, value), from probability 0 to 1, straight lines between.
    Quantiles(Arc<[(f64, f64)]>),
    /// Values above `max` are drawn again.
    Lognormal {
        mu: f64,
        sigma: f64,
        max: f64,
    },
}

/// Which side of a preset is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Input,
    Output,
}

/// An entry of the catalogue's `presets`: quantiles as (probability, tokens).
#[derive(Deserialize)]
struct Preset {
    input: Fact<Vec<(f64, f64)>>,
    output: Fact<Vec<(f64, f64)>>,
}

impl Length {
    /// A distribution in which every value is `tokens`.
    pub const fn fixed(tokens: u32) -> Self {
        Self { form: Form::Fixed(tokens), scale: 1.0 }
    }

    /// One of `rows`, which are not empty, times `scale`.
    pub(super) const fn rows(rows: Arc<[u32]>, scale: f64) -> Self {
        Self { form: Form::Rows(rows), scale }
    }

    /// What `args` means, after they were validated.
    pub(super) fn resolve(
        args: &LengthArgs,
        side: Side,
        scale: f64,
        catalog: &Catalog,
    ) -> Result<Self, CatalogError> {
        let form = match args {
            LengthArgs::Fixed(tokens) => Form::Fixed(*tokens),
            LengthArgs::Preset(name) => preset(name, side, catalog)?,
            LengthArgs::Drawn(form) => match &form.preset {
                Some(name) => preset(name, side, catalog)?,
                None => drawn(form),
            },
        };
        Ok(Self { form, scale })
    }

    /// One value.
    pub fn draw(&self, rng: &mut RandomStream) -> u32 {
        let value = match &self.form {
            Form::Fixed(tokens) => f64::from(*tokens),
            Form::Uniform { low, high } => f64::from(rng.random_range(*low..=*high)),
            Form::Rows(rows) => f64::from(rows[rng.random_range(0..rows.len())]),
            Form::Quantiles(points) => interpolate(points, rng.random()),
            Form::Lognormal { mu, sigma, max } => loop {
                let normal: f64 = StandardNormal.sample(rng);
                let value = (mu + sigma * normal).exp();
                if value <= *max {
                    break value;
                }
            },
        };
        // A cast from above the range gives its end: such a prompt is longer than any model takes.
        ((value * self.scale).round() as u32).max(1)
    }

    /// The mean, before rounding to whole numbers.
    pub fn mean(&self) -> f64 {
        let mean = match &self.form {
            Form::Fixed(tokens) => f64::from(*tokens),
            Form::Uniform { low, high } => f64::midpoint(f64::from(*low), f64::from(*high)),
            Form::Rows(rows) => rows.iter().map(|tokens| f64::from(*tokens)).sum::<f64>() / rows.len() as f64,
            Form::Quantiles(points) => {
                points.windows(2).map(|p| (p[1].0 - p[0].0) * f64::midpoint(p[0].1, p[1].1)).sum()
            }
            Form::Lognormal { mu, sigma, max } => truncated_lognormal_mean(*mu, *sigma, *max),
        };
        mean * self.scale
    }
}

fn preset(name: &str, side: Side, catalog: &Catalog) -> Result<Form, CatalogError> {
    let preset: Preset = catalog.entry("presets", name)?;
    let points = match side {
        Side::Input => preset.input.value,
        Side::Output => preset.output.value,
    };
    let sorted = points.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1);
    let whole = points.first().is_some_and(|p| p.0 <= 0.0) && points.last().is_some_and(|p| p.0 >= 1.0);
    if sorted && whole {
        Ok(Form::Quantiles(points.into()))
    } else {
        let reason = "quantiles must rise from probability 0 to 1".to_owned();
        Err(CatalogError::BadEntry { kind: "presets".to_owned(), name: name.to_owned(), reason })
    }
}

fn drawn(form: &LengthForm) -> Form {
    if let Some(tokens) = form.fixed {
        Form::Fixed(tokens)
    } else if let Some([low, high]) = form.uniform {
        Form::Uniform { low, high }
    } else if let Some(l) = form.lognormal {
        lognormal(l.p50, l.sigma, l.max)
    } else if let (Some(p50), Some(sigma)) = (form.p50, form.sigma) {
        lognormal(p50, sigma, form.max)
    } else if let Some(buckets) = &form.histogram {
        histogram(buckets.iter().filter_map(|(text, count)| Some((bucket_bound(text)?, *count))), form)
    } else {
        let mut points: Vec<_> = form.quantiles().map(|(q, value)| (q, f64::from(value))).collect();
        if form.min.is_none() {
            points.insert(0, (0.0, 1.0));
        }
        Form::Quantiles(points.into())
    }
}

fn lognormal(p50: u32, sigma: f64, max: Option<u32>) -> Form {
    Form::Lognormal { mu: f64::from(p50).ln(), sigma, max: max.map_or(f64::INFINITY, f64::from) }
}

/// Straight lines within a bucket, as `PromQL`'s `histogram_quantile`; what lies in the last, infinite bucket is spread up
/// to `max`, or put on the largest finite bound as there.
fn histogram(buckets: impl Iterator<Item = (f64, f64)>, form: &LengthForm) -> Form {
    let mut sorted: Vec<_> = buckets.collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total = sorted.last().map_or(0.0, |(_, count)| *count);
    let mut points = vec![(0.0, form.min.map_or(1.0, f64::from))];
    for (bound, count) in sorted {
        let last = points[points.len() - 1].1;
        let bound = if bound.is_finite() { bound } else { form.max.map_or(last, f64::from) };
        points.push((count / total, bound.max(last)));
    }
    Form::Quantiles(points.into())
}

/// The value at `probability` on the lines through `points`.
fn interpolate(points: &[(f64, f64)], probability: f64) -> f64 {
    let above = points.partition_point(|(q, _)| *q <= probability).clamp(1, points.len() - 1);
    let ((q0, v0), (q1, v1)) = (points[above - 1], points[above]);
    if q1 > q0 { v0 + (v1 - v0) * ((probability - q0) / (q1 - q0)).min(1.0) } else { v1 }
}

/// Mean of a lognormal distribution whose values above `max` are drawn again, by the midpoint rule over +-10 sigma.
fn truncated_lognormal_mean(mu: f64, sigma: f64, max: f64) -> f64 {
    if max.is_infinite() || sigma <= 0.0 {
        return (mu + sigma * sigma / 2.0).exp();
    }
    let (low, high) = (-10.0, ((max.ln() - mu) / sigma).min(10.0 + sigma));
    let steps = 4000;
    let width = (high - low) / f64::from(steps);
    let (mut weight, mut sum) = (0.0, 0.0);
    for step in 0..steps {
        let z = low + width * (f64::from(step) + 0.5);
        let density = (-z * z / 2.0).exp();
        weight += density;
        sum += density * (mu + sigma * z).exp();
    }
    sum / weight
}
