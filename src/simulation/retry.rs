//! How long a client waits before it tries again.

use crate::{request::RequestName, units::SimDuration};

/// Back-off before attempt `attempts + 1`: doubles each time, shortened by up to a quarter so that clients that failed together
/// do not come back together (the openai client's rule, `_base_client.py` `_calculate_retry_timeout`).
///
/// The jitter is keyed by (seed, request, attempt), so that one request's retries move nobody else's random numbers.
pub(super) fn delay(backoff: SimDuration, seed: u64, name: &RequestName, attempts: u32) -> SimDuration {
    let doubled = backoff.as_secs_f64() * 2f64.powi(attempts.saturating_sub(1).min(30).cast_signed());
    SimDuration::from_secs_f64(doubled * (1.0 - 0.25 * unit(seed, name, attempts)))
}

/// A number in [0, 1) from the key: FNV-1a over its text, finished with splitmix64.
fn unit(seed: u64, name: &RequestName, attempts: u32) -> f64 {
    let text = format!("{seed}/{name}/{attempts}");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_and_stays_within_a_quarter_below() {
        let backoff = SimDuration::from_secs(1);
        for row in 0..200 {
            let name = RequestName::Row { workload: "chat".into(), row };
            let first = delay(backoff, 1, &name, 1).as_secs_f64();
            let third = delay(backoff, 1, &name, 3).as_secs_f64();
            assert!((0.75..=1.0).contains(&first) && (3.0..=4.0).contains(&third), "{first} {third}");
            assert_eq!(delay(backoff, 1, &name, 1), delay(backoff, 1, &name, 1));
        }
        let spread: std::collections::BTreeSet<_> = (0..200)
            .map(|row| delay(backoff, 1, &RequestName::Row { workload: "chat".into(), row }, 1))
            .collect();
        assert!(spread.len() > 190);
    }
}
