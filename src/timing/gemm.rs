//! Time of one matrix product `y[m, n] = x[m, k] w[k, n]`.
//!
//! A floor, a term per row where activations are quantised first, and a smooth maximum of the time to move the bytes and
//! the time to compute. Computing goes tile by tile: multiprocessors that get no tile do nothing, so a product of few
//! tiles takes as long as one tile does, unless its `k` is split. How tiles are cut is the library's business
//! ([`Schedule`]), and most of what a roofline misses is there.

use super::maximum::smooth_max;

/// Rows and columns of the smallest tile.
const TILE: f64 = 64.0;
/// Rows and columns of the largest tile of vLLM's FP8 kernels.
const WIDE: f64 = 128.0;
/// Parts that cuBLAS cuts `k` into.
const SPLITS: [f64; 5] = [1.0, 2.0, 4.0, 8.0, 16.0];
/// Bytes of a partial sum.
const PARTIAL: f64 = 4.0;

/// Constants of one kind of product on one GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Gemm {
    /// Time of the smallest product [ns].
    pub floor: f64,
    /// Achieved memory bandwidth [B/ns].
    pub memory: f64,
    /// Achieved rate [FLOP/ns].
    pub compute: f64,
    /// Exponent of the smooth maximum.
    pub exponent: f64,
    /// How the product is cut.
    pub schedule: Schedule,
    /// Multiprocessors of the GPU.
    pub sms: f64,
    /// Bytes of an element of `w`.
    pub weight_bytes: f64,
    /// Bytes of an element of `x`; `y` has two.
    pub activation_bytes: f64,
}

/// How a library cuts a product into tiles.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// cuBLAS: tiles of 64 x 64, which stand for the best of its many, and `k` cut into as many parts as pay for adding
    /// the parts up. There may be any fraction of a wave beyond the first.
    Split {
        /// Start of adding up [ns].
        start: f64,
    },
    /// CUTLASS as vLLM drives it: the tile follows from the rows, 64 x 64 up to 64, 64 x 128 up to 128, 128 x 128 above
    /// (the steps of the measured times; `scaled_mm_sm90_fp8_dispatch.cuh`, recalled), waves are whole, and activations
    /// are quantised before.
    Rows {
        /// Time per row of `x` to quantise, before the factor `1 + k / row_k` [ns].
        row: f64,
        /// `k` at which the time per row has doubled.
        row_k: f64,
    },
}

impl Gemm {
    /// The same with `factor` of the time to quantise `x`.
    #[must_use]
    pub fn quantizing(&self, factor: f64) -> Self {
        let schedule = match self.schedule {
            Schedule::Rows { row, row_k } => Schedule::Rows { row: row * factor, row_k },
            Schedule::Split { start } => Schedule::Split { start },
        };
        Self { schedule, ..self.clone() }
    }

    /// Time of an `m` x `n` x `k` product [ns]; nothing for no rows.
    pub fn time(&self, m: f64, n: f64, k: f64) -> f64 {
        if m == 0.0 {
            return 0.0;
        }
        let bytes = n * k * self.weight_bytes + m * k * self.activation_bytes + 2.0 * m * n;
        let memory = bytes / self.memory;
        let busy = match self.schedule {
            Schedule::Split { start } => self.split(m, n, k, memory, start),
            Schedule::Rows { row, row_k } => self.rows(m, n, k, memory) + row * m * (1.0 + k / row_k),
        };
        self.floor + busy
    }

    /// The best of all splits.
    fn split(&self, m: f64, n: f64, k: f64, memory: f64, start: f64) -> f64 {
        let tiles = (m / TILE).ceil() * (n / TILE).ceil();
        let with = |parts: f64| {
            let waves = (tiles * parts / self.sms).max(1.0);
            let added = if parts > 1.0 { start + PARTIAL * m * n * parts / self.memory } else { 0.0 };
            smooth_max(memory, waves * self.tile(TILE, TILE, k / parts), self.exponent) + added
        };
        SPLITS.map(with).into_iter().fold(f64::INFINITY, f64::min)
    }

    fn rows(&self, m: f64, n: f64, k: f64, memory: f64) -> f64 {
        let (tall, wide) = match m {
            _ if m <= TILE => (TILE, TILE),
            _ if m <= WIDE => (TILE, WIDE),
            _ => (WIDE, WIDE),
        };
        let tiles = (m / tall).ceil() * (n / wide).ceil();
        smooth_max(memory, (tiles / self.sms).ceil() * self.tile(tall, wide, k), self.exponent)
    }

    /// Time of one tile on its multiprocessor [ns].
    fn tile(&self, tall: f64, wide: f64, k: f64) -> f64 {
        2.0 * tall * wide * k * self.sms / self.compute
    }
}
