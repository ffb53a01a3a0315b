//! Which rows are kept out of a fit: 30 %, by a hash of what they measured.
//!
//! The same call always falls on the same side, so a row measured twice cannot be fitted and held out, and the order of
//! rows and files does not matter.

/// Of so many hundredths of all calls.
const HELD_OUT: u64 = 30;

/// Whether a call of `kernel` with these numbers is kept out.
pub(super) fn held_out(kernel: &str, numbers: &[u64]) -> bool {
    let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
    // FNV-1a, whose low bits alone are too regular: they are mixed once more.
    let hash = kernel.bytes().chain(bytes).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed >> 32) % 100 < HELD_OUT
}

#[cfg(test)]
mod tests {
    use super::held_out;

    #[test]
    fn three_in_ten_are_held_out_whatever_the_grid() {
        for step in [1_u64, 16, 1024] {
            let calls = (1..=100).flat_map(|m| (1..=100).map(move |n| [m * step, n * step, 4096]));
            let count = calls.filter(|call| held_out("gemm_bf16", call)).count();
            assert!((2700..=3300).contains(&count), "{count} of 10000 at step {step}");
        }
    }
}
