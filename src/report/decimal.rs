//! Decimals made from whole nanoseconds.

use crate::units::{SimDuration, SimTime};

/// Nanoseconds in units of 10^`drop` ns, halves up, with `places` digits behind the point.
fn fixed(ns: u128, drop: u32, places: u32) -> String {
    let unit = 10_u128.pow(drop);
    let units = ns / unit + u128::from(ns % unit >= unit.div_ceil(2) && unit > 1);
    let one = 10_u128.pow(places);
    format!("{}.{:0width$}", units / one, units % one, width = places as usize)
}

/// Seconds with 6 places.
pub(super) fn seconds(at: SimTime) -> String {
    fixed(at.as_nanos().into(), 3, 6)
}

/// Seconds with 9 places, which is every nanosecond.
pub(super) fn exact_seconds(at: SimTime) -> String {
    fixed(at.as_nanos().into(), 0, 9)
}

/// Microseconds with 3 places, which is every nanosecond.
pub(super) fn micros(duration: SimDuration) -> String {
    fixed(duration.as_nanos().into(), 0, 3)
}

/// A sum of nanoseconds in seconds with 9 places.
pub(super) fn exact_seconds_sum(ns: u128) -> String {
    fixed(ns, 0, 9)
}

/// Milliseconds with 3 places; nothing where there is no duration.
pub(super) fn millis(duration: Option<SimDuration>) -> String {
    duration.map_or_else(String::new, |duration| fixed(duration.as_nanos().into(), 3, 3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a decimal says in units of its last digit.
    fn read(text: &str, places: usize) -> u64 {
        let (whole, rest) = text.split_once('.').unwrap();
        assert_eq!(rest.len(), places, "{text}");
        format!("{whole}{rest}").parse().unwrap()
    }

    proptest! {
        #[test]
        fn decimals_parse_back(ns in 0_u64..1_000_000_000_000_000_000) {
            prop_assert_eq!(read(&exact_seconds(SimTime::from_nanos(ns)), 9), ns);
            let nearest = (ns + 500) / 1_000;
            prop_assert_eq!(read(&seconds(SimTime::from_nanos(ns)), 6), nearest);
            prop_assert_eq!(read(&millis(Some(SimDuration::from_nanos(ns))), 3), nearest);
        }
    }

    #[test]
    fn nothing_is_written_as_nothing() {
        assert_eq!(millis(None), "");
        assert_eq!(millis(Some(SimDuration::ZERO)), "0.000");
    }
}
