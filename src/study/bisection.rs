//! The highest load that still meets a condition.

/// Where the search ended, as multiples of the offered load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bracket {
    /// Highest multiple tried that met the condition; `None` if none did.
    pub(super) meets: Option<f64>,
    /// Lowest multiple tried that did not; `None` if the load could not be made high enough.
    pub(super) fails: Option<f64>,
}

/// Ratio of the two sides at which the search ends: the answer is known to 2 %.
const PRECISION: f64 = 1.02;
/// The load is doubled or halved at most this often to find a bracket.
const DOUBLINGS: u32 = 12;

/// Brackets by doubling from 1, then bisects geometrically. The condition is taken to be monotone, which common random
/// numbers make nearly true: every trial sees the same requests, only closer together.
pub(super) fn search<E>(mut meets: impl FnMut(f64) -> Result<bool, E>) -> Result<Bracket, E> {
    let first = meets(1.0)?;
    let factor: f64 = if first { 2.0 } else { 0.5 };
    let mut edge = 1.0;
    let mut bracket = None;
    for _ in 0..DOUBLINGS {
        let next = edge * factor;
        if meets(next)? != first {
            bracket = Some(if first { (edge, next) } else { (next, edge) });
            break;
        }
        edge = next;
    }
    let Some((mut low, mut high)) = bracket else {
        return Ok(if first {
            Bracket { meets: Some(edge), fails: None }
        } else {
            Bracket { meets: None, fails: Some(edge) }
        });
    };
    while high / low > PRECISION {
        let middle = (low * high).sqrt();
        if meets(middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(Bracket { meets: Some(low), fails: Some(high) })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn find(threshold: f64) -> (Bracket, u32) {
        let mut trials = 0;
        let bracket = search(|scale| {
            trials += 1;
            Ok::<_, Infallible>(scale <= threshold)
        });
        (bracket.unwrap(), trials)
    }

    #[test]
    fn finds_the_edge_to_two_percent_from_either_side() {
        for threshold in [0.013, 0.7, 1.0, 1.3, 57.0] {
            let (Bracket { meets: Some(low), fails: Some(high) }, trials) = find(threshold) else {
                panic!("no bracket around {threshold}");
            };
            assert!(low <= threshold && threshold < high && high / low <= 1.02, "{threshold}: {low}..{high}");
            assert!(trials <= 22, "{trials} trials for {threshold}");
        }
    }

    #[test]
    fn says_when_there_is_no_edge() {
        assert_eq!(find(1e9).0, Bracket { meets: Some(4096.0), fails: None });
        assert_eq!(find(0.0).0, Bracket { meets: None, fails: Some(1.0 / 4096.0) });
    }
}
