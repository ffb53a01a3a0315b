//! A maximum with a round corner.

/// The larger of two times where they differ much, and more than it where they are alike, because what runs at once is
/// in each other's way: `(one^p + other^p)^(1/p)`.
pub(super) fn smooth_max(one: f64, other: f64, exponent: f64) -> f64 {
    let (small, large) = if one < other { (one, other) } else { (other, one) };
    if small <= 0.0 {
        return large;
    }
    large * (1.0 + (small / large).powf(exponent)).powf(exponent.recip())
}

#[cfg(test)]
mod tests {
    use super::smooth_max;

    #[test]
    fn alike_adds_up_and_different_does_not() {
        for (one, other, exponent, expected) in
            [(3.0, 4.0, 2.0, 5.0), (4.0, 3.0, 1.0, 7.0), (0.0, 4.0, 3.0, 4.0), (0.0, 0.0, 2.0, 0.0)]
        {
            assert!((smooth_max(one, other, exponent) - expected).abs() < 1e-12, "{one} {other} {exponent}");
        }
    }
}
