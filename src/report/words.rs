//! Numbers in words: as few digits as say something.

use crate::units::SimDuration;

/// A round number at a tick of an axis.
pub(super) fn tick(value: f64) -> String {
    let size = value.abs();
    if size >= 0.999_999e9 {
        format!("{}G", plain(value / 1e9))
    } else if size >= 0.999_999e6 {
        format!("{}M", plain(value / 1e6))
    } else if size >= 0.999_999e4 {
        format!("{}k", plain(value / 1e3))
    } else {
        plain(value)
    }
}

/// A number without the digits that floating point adds.
fn plain(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Three digits that count, thousands apart.
pub(super) fn figure(value: f64) -> String {
    let size = value.abs();
    let places = match size {
        _ if size == 0.0 || size >= 99.95 => 0,
        _ if size >= 9.995 => 1,
        _ if size >= 0.9995 => 2,
        _ => (2.0 - size.log10().floor()).clamp(3.0, 6.0) as usize,
    };
    fixed(value, places)
}

/// How many of something: digits behind the point only where a mean has them.
pub(super) fn count(value: f64) -> String {
    if value.fract() == 0.0 { fixed(value, 0) } else { figure(value) }
}

/// So many places, thousands apart.
pub(super) fn fixed(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, rest) = digits.split_once('.').map_or((digits, String::new()), |(w, r)| (w, format!(".{r}")));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

/// What stands for something that is not known.
pub(super) const DASH: &str = "–";

/// What is known, or a dash.
pub(super) fn or_dash(value: Option<f64>, words: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| DASH.to_owned(), words)
}

/// An amount of money: cents where they matter.
pub(super) fn usd(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 1_000.0 => 0,
        size if size >= 0.995 || size == 0.0 => 2,
        size => (1.0 - size.log10().floor()).clamp(2.0, 6.0) as usize,
    };
    let amount = fixed(value.abs(), places);
    if value < 0.0 { format!("-${amount}") } else { format!("${amount}") }
}

/// A duration in milliseconds, or in seconds from ten of them on.
pub(super) fn latency(ms: f64) -> String {
    if ms >= 10_000.0 { format!("{} s", figure(ms / 1e3)) } else { format!("{} ms", figure(ms)) }
}

/// A share in whole percent, with a digit where it is small.
pub(super) fn share(part: f64) -> String {
    let percent = 100.0 * part;
    if percent > 0.0 && percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// A share in percent, with two digits of what it lacks to all, and how far it may be off.
pub(super) fn percent(share: f64, interval: Option<[f64; 2]>) -> String {
    let percent = 100.0 * share;
    let lacking = 100.0 - percent;
    let digits = if lacking > 0.0 { (1.0 - lacking.log10()).ceil().clamp(3.0, 9.0) as usize } else { 0 };
    match interval {
        // An end that could go no further is nearer than the other.
        Some([low, high]) => {
            let half = (share - low).max(high - share);
            format!("{percent:.digits$} ± {:.digits$}", 100.0 * half)
        }
        None => format!("{percent:.digits$}"),
    }
}

/// A time in its two largest units.
pub(super) fn span(seconds: f64) -> String {
    let s = SimDuration::from_secs_f64(seconds).as_secs_f64().round() as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..86_400 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_few_digits_as_say_something() {
        assert_eq!([0.0, 0.15, 2_500.0, 20_000.0, 1.5e6].map(tick), ["0", "0.15", "2500", "20k", "1.5M"]);
        assert_eq!(
            [0.0, 0.001_234, 0.4567, 9.999, 45.67, 12_345.6].map(figure),
            ["0", "0.00123", "0.457", "10.0", "45.7", "12,346"]
        );
        assert_eq!(
            [0.0, 0.001_23, 0.57, 138.054, 193_793.1, -4.0].map(usd),
            ["$0.00", "$0.0012", "$0.57", "$138.05", "$193,793", "-$4.00"]
        );
        assert_eq!([950.0, 12_345.0].map(latency), ["950 ms", "12.3 s"]);
        assert_eq!([0.0, 0.034, 0.5, 1.0].map(share), ["0 %", "3.4 %", "50 %", "100 %"]);
    }
}
