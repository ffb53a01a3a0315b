//! What a GPU keeps up.
//!
//! Kernels are measured one at a time, for moments. A GPU that serves runs big products without a pause until its power limit
//! lowers the clock. How much is lost depends on the GPU and the format, not on the engine: one pair of numbers a GPU.

use serde::Deserialize;

use super::MEASURED_GPU;
use crate::catalog::{Catalog, CatalogError, Fact};
use crate::hardware::Gpu;

/// Rates of products while serving, as parts of those of isolated products.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sustained {
    /// With BF16 weights [ratio].
    pub bf16: f64,
    /// With FP8 weights [ratio].
    pub fp8: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    bf16: Fact<f64>,
    fp8: Fact<f64>,
}

impl Sustained {
    /// What a GPU keeps up; one that nobody has seen serving is taken to do as the H100 does.
    ///
    /// # Errors
    /// If the catalogue's entry is incomplete.
    pub fn of(catalog: &Catalog, gpu: &Gpu) -> Result<Self, CatalogError> {
        let seen = catalog.section("sustained")?.contains_key(&gpu.name);
        let entry: Entry = catalog.entry("sustained", if seen { &gpu.name } else { MEASURED_GPU })?;
        Ok(Self { bf16: entry.bf16.value, fp8: entry.fp8.value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_nobody_has_seen_serving_does_as_the_h100() {
        let catalog = Catalog::builtin();
        let of = |name: &str| Sustained::of(&catalog, &Gpu::read(&catalog, name).unwrap()).unwrap();
        assert_eq!(of("L4"), of(MEASURED_GPU));
        assert_ne!(of("H200-SXM-141GB"), of(MEASURED_GPU));
    }
}
