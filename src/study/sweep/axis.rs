//! What varies: a field and the values it takes, as typed on a command line.
//!
//! `PATH=VALUES`: the path is that of `--set`; the values stand between commas, and each is a value as after `--set` or a
//! range. `1..10:3` adds (1, 4, 7, 10), `1..16:x2` multiplies (1, 2, 4, 8, 16); both ends belong to it, and a unit stands at
//! the end of each: `0.5/s..2/s:0.5/s`. Commas and dots inside brackets, braces and quotes are the value's own.

use super::SweepError;
use crate::document::path::halves;

/// A field and the values it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Where it is, as `--set` has it.
    pub path: String,
    /// At least one.
    pub values: Vec<String>,
}

/// Values of one range at most: more are a mistake.
const MOST_VALUES: u64 = 10_000;

const RANGE: &str = "expected a range such as 1..10:1, 1..64:x2 or 0.5/s..2/s:0.5/s";

impl Axis {
    /// Reads `PATH=VALUES`.
    ///
    /// # Errors
    /// If there is no path, no value, or a range that cannot be walked.
    pub fn parse(text: &str) -> Result<Self, SweepError> {
        let wrong = |reason: String| SweepError::Axis { text: text.to_owned(), reason };
        let expected = || wrong("expected PATH=VALUES, such as warmup=1m,2m or PATH=1..10:1".to_owned());
        let (path, list) = halves(text).ok_or_else(expected)?;
        let mut values = Vec::new();
        for item in split_list(list) {
            if item.is_empty() {
                return Err(wrong("a value is empty; quote an empty text".to_owned()));
            }
            match Range::parse(item).map_err(&wrong)? {
                Some(range) => values.extend(range.values().map_err(&wrong)?),
                None => values.push(item.to_owned()),
            }
        }
        Ok(Self { path: path.trim().to_owned(), values })
    }
}

/// Splits at commas that stand in no brackets, braces or quotes.
fn split_list(text: &str) -> Vec<&str> {
    let (mut items, mut start, mut depth) = (Vec::new(), 0, 0_i32);
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match c {
            '"' | '\'' if quote.is_none() => quote = Some(c),
            c if quote == Some(c) => quote = None,
            _ if quote.is_some() => {}
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(text[start..].trim());
    items
}

/// A decimal number as it was typed: `digits / 10^places`, and its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Quantity {
    digits: u64,
    places: u32,
    unit: String,
}

impl Quantity {
    fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || number.ends_with('.') || fraction.contains('.') {
            return None;
        }
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { digits, places: fraction.len() as u32, unit: unit.trim().to_owned() })
    }

    /// The digits with that many places behind the point.
    fn scaled(&self, places: u32) -> Option<u64> {
        self.digits.checked_mul(10_u64.checked_pow(places - self.places)?)
    }
}

enum Step {
    Add(Quantity),
    Multiply(u64),
}

struct Range {
    from: Quantity,
    to: Quantity,
    step: Step,
}

impl Range {
    /// `None` if that is no range but a value: its ends are not both numbers.
    fn parse(item: &str) -> Result<Option<Self>, String> {
        let Some((from, rest)) = item.split_once("..") else { return Ok(None) };
        let (to, step) = rest.split_once(':').map_or((rest, None), |(to, step)| (to, Some(step)));
        let (Some(from), Some(to)) = (Quantity::parse(from), Quantity::parse(to)) else { return Ok(None) };
        let Some(step) = step else { return Err(format!("`{item}` has no step: {RANGE}")) };
        let step = if let Some(factor) = step.strip_prefix('x') {
            let factor = factor.parse().ok().filter(|factor| *factor > 1);
            factor.map(Step::Multiply).ok_or_else(|| {
                format!("`{item}`: `{step}` is not a factor: expected a whole number above 1, as in x2")
            })?
        } else {
            let added = Quantity::parse(step).filter(|added| added.digits > 0);
            added.map(Step::Add).ok_or_else(|| format!("`{item}`: `{step}` is not a step: {RANGE}"))?
        };
        let unit_of_step = match &step {
            Step::Add(added) => &added.unit,
            Step::Multiply(_) => &from.unit,
        };
        if from.unit != to.unit || from.unit != *unit_of_step {
            return Err(format!("`{item}` has several units: {RANGE}"));
        }
        Ok(Some(Self { from, to, step }))
    }

    /// From the first end to the last value that is not above the other.
    fn values(&self) -> Result<Vec<String>, String> {
        let Self { from, to, step } = self;
        let added = if let Step::Add(added) = step { added.places } else { 0 };
        let places = from.places.max(to.places).max(added);
        let scaled = |quantity: &Quantity| quantity.scaled(places).ok_or("a number is too large".to_owned());
        let (from_scaled, to_scaled) = (scaled(from)?, scaled(to)?);
        if from_scaled > to_scaled || (from_scaled == 0 && matches!(step, Step::Multiply(_))) {
            return Err(format!("a range goes up, and one that multiplies begins above 0: {RANGE}"));
        }
        let next: Box<dyn Fn(u64) -> Option<u64>> = match step {
            Step::Add(added) => {
                let added = scaled(added)?;
                Box::new(move |value| value.checked_add(added))
            }
            Step::Multiply(factor) => Box::new(move |value| value.checked_mul(*factor)),
        };
        let walk = std::iter::successors(Some(from_scaled), |value| next(*value));
        let values: Vec<u64> =
            walk.take_while(|value| *value <= to_scaled).take(MOST_VALUES as usize + 1).collect();
        if values.len() as u64 > MOST_VALUES {
            return Err(format!("a range has more than {MOST_VALUES} values"));
        }
        Ok(values.into_iter().map(|value| format!("{}{}", decimal(value, places), from.unit)).collect())
    }
}

/// `digits / 10^places` without needless zeros.
fn decimal(digits: u64, places: u32) -> String {
    let one = 10_u64.pow(places);
    let (whole, fraction) = (digits / one, digits % one);
    let text = format!("{whole}.{fraction:0width$}", width = places as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(list: &str) -> String {
        match Axis::parse(&format!("a[b=c].d={list}")) {
            Ok(axis) => {
                assert_eq!(axis.path, "a[b=c].d");
                axis.values.join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn lists_and_ranges_are_walked() {
        for (list, walked) in [
            ("1", "1"),
            ("1, 2,5", "1 2 5"),
            ("1..10:3", "1 4 7 10"),
            ("1..9:3,20", "1 4 7 20"),
            ("1..16:x2", "1 2 4 8 16"),
            ("0.5/s..2/s:0.5/s", "0.5/s 1/s 1.5/s 2/s"),
            ("0.1..0.35:0.1", "0.1 0.2 0.3"),
            ("100..100:7", "100"),
            ("0..20:10", "0 10 20"),
            ("512MiB..2048MiB:x2", "512MiB 1024MiB 2048MiB"),
            ("../a.csv,x..y", "../a.csv x..y"),
            ("{fixed: 1},{uniform: [1, 2]}", "{fixed: 1} {uniform: [1, 2]}"),
            ("\"a,b\",'c,1..2'", "\"a,b\" 'c,1..2'"),
        ] {
            assert_eq!(values(list), walked, "{list}");
        }
    }

    #[test]
    fn what_cannot_be_walked_is_said() {
        for (list, reason) in [
            ("", "a value is empty"),
            ("1,,2", "a value is empty"),
            ("1..5", "`1..5` has no step: expected a range such as 1..10:1"),
            ("1..5:0", "`0` is not a step"),
            ("1..5:x1", "`x1` is not a factor"),
            ("1..5:x1.5", "`x1.5` is not a factor"),
            ("1..5:two", "`two` is not a step"),
            ("5..1:1", "a range goes up"),
            ("0..8:x2", "one that multiplies begins above 0"),
            ("1/s..5/min:1/s", "has several units"),
            ("1/s..5/s:1", "has several units"),
            ("1..99999:1", "more than 10000 values"),
        ] {
            assert!(values(list).contains(reason), "{list}: {}", values(list));
        }
        assert!(Axis::parse("seed").unwrap_err().to_string().starts_with("seed: expected PATH=VALUES"));
    }
}
