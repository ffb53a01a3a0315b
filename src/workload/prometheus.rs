//! Metrics as a server exposes them: Prometheus' text format, or `OpenMetrics`.
//!
//! What `curl server:8000/metrics` answers is read as it is. Only what a workload can be made of is looked at: histograms
//! and counters, summed over all label sets (engines, models, replicas in one file). Of a series that stands there twice
//! the later sample counts.

use std::collections::BTreeMap;

use super::args::bucket_bound;
use super::histogram::{Histogram, Tail};

/// Samples by name and labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metrics {
    samples: BTreeMap<String, BTreeMap<Vec<Label>, f64>>,
}

/// Name and value.
type Label = (String, String);

/// Why a text is not metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Line, counted from 1.
    pub(super) line: usize,
    /// What was found, and what was expected.
    pub(super) reason: String,
}

impl Metrics {
    /// Reads a text, comments skipped.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let mut metrics = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let expected = "expected a sample such as vllm:request_success_total{model_name=\"m\"} 42";
            let (name, labels, value) = sample(line)
                .ok_or_else(|| Malformed { line: number, reason: format!("`{line}`: {expected}") })?;
            metrics.samples.entry(name).or_default().insert(labels, value);
        }
        Ok(metrics)
    }

    /// The sum of a counter; `None` if there is none of that name.
    pub(super) fn total(&self, name: &str) -> Option<f64> {
        self.samples.get(name).map(|series| series.values().sum())
    }

    /// A histogram, all its series added up, and what lay above the largest bounds; `None` if there is none of that name.
    ///
    /// # Errors
    /// If a bound is none, counts fall from bucket to bucket, or a series does not say how many it counted in all.
    pub(super) fn histogram(&self, name: &str) -> Result<Option<(Histogram, Option<Tail>)>, String> {
        let Some(samples) = self.samples.get(&format!("{name}_bucket")) else { return Ok(None) };
        let mut series: BTreeMap<Vec<Label>, Vec<(f64, f64)>> = BTreeMap::new();
        for (labels, count) in samples {
            let (bounds, others): (Vec<Label>, Vec<Label>) =
                labels.iter().cloned().partition(|(label, _)| label == "le");
            let bound = bounds.first().map_or("", |(_, bound)| bound);
            let bound = bucket_bound(bound).ok_or_else(|| {
                format!("`{bound}` is not the upper bound of a bucket, such as 512 or +Inf")
            })?;
            series.entry(others).or_default().push((bound, *count));
        }
        let of = |labels: &Vec<Label>, suffix: &str| {
            self.samples.get(&format!("{name}_{suffix}"))?.get(labels).copied()
        };
        let mut histograms = Vec::new();
        for (labels, mut buckets) in series {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            rising(&buckets)?;
            if buckets.last().is_none_or(|(bound, _)| bound.is_finite()) {
                let count = of(&labels, "count").ok_or(
                    "neither a bucket `+Inf` nor `_count` says how many are longer than its largest bound",
                )?;
                buckets.push((f64::INFINITY, count));
                rising(&buckets)?;
            }
            let sum = of(&labels, "sum").filter(|sum| sum.is_finite());
            histograms.push(Histogram { buckets, sum });
        }
        Ok(Some(Histogram::merged(&histograms)))
    }
}

fn rising(buckets: &[(f64, f64)]) -> Result<(), String> {
    if buckets.is_sorted_by(|a, b| a.1 <= b.1) {
        Ok(())
    } else {
        Err("counts are cumulative and must not fall from bucket to bucket".to_owned())
    }
}

/// Name, labels and value of a line; time stamp and exemplar behind them are left out.
fn sample(line: &str) -> Option<(String, Vec<Label>, f64)> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))?;
    let (name, mut rest) = line.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        (labels, rest) = read_labels(inside)?;
    }
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some((name.to_owned(), labels, value))
}

/// The labels up to the closing brace, sorted, and what follows it.
fn read_labels(mut rest: &str) -> Option<(Vec<Label>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(behind) = rest.strip_prefix('}') {
            labels.sort();
            return Some((labels, behind));
        }
        let (label, behind) = rest.split_once("=\"")?;
        let (value, behind) = quoted(behind)?;
        labels.push((label.trim().to_owned(), value));
        rest = behind;
    }
}

/// A label's value up to its closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            plain => value.push(plain),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_and_later_samples_count() {
        let text = "# HELP a Of things.\n# TYPE a counter\na_total{engine=\"0\",m=\"x, \\\"y\\\"}\"} 3 1700000000\n\
                    a_total{m=\"x, \\\"y\\\"}\",engine=\"0\"} 5\na_total{engine=\"1\",} 1e1\n\nb 1 # {id=\"1\"} 2\n# EOF\n";
        let metrics = Metrics::parse(text).unwrap();
        assert_eq!((metrics.total("a_total"), metrics.total("b")), (Some(15.0), Some(1.0)));
        assert_eq!(metrics.total("a"), None);
    }

    #[test]
    fn buckets_of_one_bound_are_one() {
        let text = "h_bucket{le=\"8.0\",e=\"0\"} 1\nh_bucket{le=\"8\",e=\"1\"} 2\nh_bucket{le=\"+Inf\",e=\"0\"} 4\n\
                    h_count{e=\"1\"} 3\nh_sum{e=\"0\"} 30\nh_sum{e=\"1\"} 20\n";
        let (histogram, _) = Metrics::parse(text).unwrap().histogram("h").unwrap().unwrap();
        assert_eq!((histogram.buckets[0], histogram.buckets.last()), ((8.0, 3.0), Some(&(14.0, 7.0))));
        assert_eq!(histogram.sum, Some(50.0));
    }

    #[test]
    fn what_is_no_sample_is_named_by_its_line() {
        for text in ["a", "a{b=\"c\" 1", "a{b=c} 1", "9a 1", "a one", "{} 1"] {
            let error = Metrics::parse(&format!("# x\n{text}\n")).unwrap_err();
            assert_eq!(error.line, 2, "{text}");
            assert!(error.reason.starts_with(&format!("`{text}`: expected a sample")), "{}", error.reason);
        }
    }
}
