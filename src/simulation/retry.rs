//! How long a client waits before it tries again.

use rand::RngExt;

use crate::random::RandomStream;
use crate::request::RequestName;
use crate::units::SimDuration;

/// Back-off before attempt `attempts + 1`: doubles each time, shortened by up to a quarter so that clients that failed together
/// do not come back together (the openai client's rule, `_base_client.py` `_calculate_retry_timeout`).
///
/// The jitter is keyed by (seed, request, attempt), so that one request's retries move nobody else's random numbers.
pub(super) fn delay(backoff: SimDuration, seed: u64, name: &RequestName, attempts: u32) -> SimDuration {
    let doubled = backoff.as_secs_f64() * 2f64.powi(attempts.saturating_sub(1).min(30).cast_signed());
    let jitter: f64 = RandomStream::new(seed, &format!("retry/{name}"), attempts).random();
    SimDuration::from_secs_f64(doubled * (1.0 - 0.25 * jitter))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn row(row: u32) -> RequestName {
        RequestName::Row { workload: "chat".into(), row }
    }

    #[test]
    fn doubles_and_stays_within_a_quarter_below() {
        let backoff = SimDuration::SECOND;
        for number in 0..200 {
            let first = delay(backoff, 1, &row(number), 1).as_secs_f64();
            let third = delay(backoff, 1, &row(number), 3).as_secs_f64();
            assert!((0.75..=1.0).contains(&first) && (3.0..=4.0).contains(&third), "{first} {third}");
            assert_eq!(delay(backoff, 1, &row(number), 1), delay(backoff, 1, &row(number), 1));
        }
        let spread: BTreeSet<_> = (0..200).map(|number| delay(backoff, 1, &row(number), 1)).collect();
        assert!(spread.len() > 190);
    }
}
