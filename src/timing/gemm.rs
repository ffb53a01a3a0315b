//! Time of one matrix product `y[m, n] = x[m, k] w[k, n]`.
//!
//! A floor, a term serial in `k` (one tile's loop), a per-row term where activations are quantised first, and a smooth
//! maximum of the time to move the bytes and the time to compute. A finer model gains nothing: five constants are as
//! close to the measured tables as interpolation between their rows.

/// Constants of one kind of product on one GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Gemm {
    /// Time of the smallest product [ns].
    pub floor: f64,
    /// Time per element of `k` [ns].
    pub serial: f64,
    /// Time per row of `x`, before the factor `1 + k / row_k` [ns].
    pub row: f64,
    /// `k` at which the per-row term has doubled.
    pub row_k: f64,
    /// Achieved memory bandwidth [B/ns].
    pub memory: f64,
    /// Achieved rate [FLOP/ns].
    pub compute: f64,
    /// Exponent of the smooth maximum.
    pub exponent: f64,
    /// Bytes of an element of `w`.
    pub weight_bytes: f64,
    /// Bytes of an element of `x`; `y` has two.
    pub activation_bytes: f64,
}

impl Gemm {
    /// Time of an `m` x `n` x `k` product [ns]; nothing for no rows.
    pub fn time(&self, m: f64, n: f64, k: f64) -> f64 {
        if m == 0.0 {
            return 0.0;
        }
        let bytes = n * k * self.weight_bytes + m * k * self.activation_bytes + 2.0 * m * n;
        let memory = bytes / self.memory;
        let compute = 2.0 * m * n * k / self.compute;
        let busy = (memory.powf(self.exponent) + compute.powf(self.exponent)).powf(self.exponent.recip());
        self.floor + self.serial * k + self.row * m * (1.0 + k / self.row_k) + busy
    }
}
