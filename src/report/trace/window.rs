//! The part of a run that a trace shows.

use std::str::FromStr;

use crate::units::{SimDuration, SimTime};

/// From one instant to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceWindow {
    from: SimTime,
    to: SimTime,
}

impl TraceWindow {
    /// The whole run.
    pub const ALL: Self = Self { from: SimTime::ZERO, to: SimTime::MAX };

    /// Whether something that lasts from `start` to `end` is seen in it.
    pub(super) fn shows(&self, start: SimTime, end: SimTime) -> bool {
        start <= self.to && end >= self.from
    }
}

impl FromStr for TraceWindow {
    type Err = String;

    /// `FROM..TO`, either of which may be left out.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no part of a run: expected FROM..TO, such as 10m..12m or ..60s");
        let (from, to) = text.split_once("..").ok_or_else(wrong)?;
        let at = |text: &str, missing: SimTime| match text {
            "" => Ok(missing),
            text => text.parse().map(|at: SimDuration| SimTime::ZERO + at).map_err(|_| wrong()),
        };
        let window = Self { from: at(from, Self::ALL.from)?, to: at(to, Self::ALL.to)? };
        if window.from < window.to { Ok(window) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_end_may_be_left_out() {
        let at = |s| SimTime::ZERO + SimDuration::from_secs(s);
        let parsed = |text: &str| text.parse::<TraceWindow>();
        assert_eq!(parsed(".."), Ok(TraceWindow::ALL));
        assert_eq!(parsed("1m..90s"), Ok(TraceWindow { from: at(60), to: at(90) }));
        assert!(
            parsed("1m..").is_ok_and(|window| window.shows(at(0), at(60)) && !window.shows(at(0), at(59)))
        );
        assert!(
            parsed("..60s").is_ok_and(|window| window.shows(at(60), at(70)) && !window.shows(at(61), at(70)))
        );
        for text in ["", "1m", "2m..1m", "1m..1m", "a..b", "1..2"] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
