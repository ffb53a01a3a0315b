//! How the numbers of a weight matrix are stored.

use super::Precision;

/// Format of a weight matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WeightFormat {
    /// One number after the other.
    Plain(Precision),
    /// Integers of 4 bits with scales; the arithmetic is that of the activations.
    Int4(Int4),
}

/// Integers of 4 bits, of which those of one group share a scale (AWQ, GPTQ, `pack-quantized` of compressed-tensors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Int4 {
    /// Inputs of an output that share a scale; all of them where it is `None`.
    pub group_size: Option<u32>,
    /// Each group also has a zero point of 4 bits.
    pub zero_points: bool,
}

/// Bytes of a scale: 16 bits, like the activations.
const SCALE: u64 = 2;

impl WeightFormat {
    /// 8-bit floats.
    pub const FP8: Self = Self::Plain(Precision::Fp8);

    /// Bytes of a matrix, scales of 4-bit weights included; those of FP8 weights are left out.
    pub(super) const fn bytes(self, matrix: Matrix) -> u64 {
        match self {
            Self::Plain(precision) => matrix.numbers() * precision.bytes(),
            Self::Int4(int4) => int4.bytes(matrix),
        }
    }
}

impl Int4 {
    /// Bytes of a number of a large matrix, with its part of scale and zero point.
    pub fn bytes_per_number(self) -> f64 {
        let group = SCALE as f64 + if self.zero_points { 0.5 } else { 0.0 };
        0.5 + self.group_size.map_or(0.0, |size| group / f64::from(size))
    }

    const fn bytes(self, matrix: Matrix) -> u64 {
        let groups = match self.group_size {
            Some(size) => matrix.outputs * matrix.inputs.div_ceil(size as u64),
            None => matrix.outputs,
        };
        let zero_points = if self.zero_points { groups.div_ceil(2) } else { 0 };
        matrix.numbers().div_ceil(2) + groups * SCALE + zero_points
    }
}

/// Shape of a weight matrix, or of one GPU's part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Matrix {
    /// Numbers it puts out for a token.
    pub(super) outputs: u64,
    /// Numbers it takes in.
    pub(super) inputs: u64,
}

impl Matrix {
    pub(super) const fn numbers(self) -> u64 {
        self.outputs * self.inputs
    }
}
