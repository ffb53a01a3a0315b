//! CUDA graphs: which batch sizes are captured, and how a batch is launched and padded.

use crate::batch::GraphMode;

/// Captured batch sizes in ascending order; empty under `enforce_eager`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureSizes {
    sizes: Vec<u32>,
}

impl CaptureSizes {
    /// No graphs at all.
    pub fn eager() -> Self {
        Self::default()
    }

    /// Stated by the user (`cudagraph_capture_sizes`).
    pub fn of(mut sizes: Vec<u32>) -> Self {
        sizes.sort_unstable();
        sizes.dedup();
        Self { sizes }
    }

    /// vLLM's own list up to `max` tokens: 1, 2, 4, then steps of 8 below 256 and of 16 above
    /// (`config/compilation.py`, `config/vllm.py` `_set_cudagraph_sizes`).
    pub fn up_to(max: u32) -> Self {
        let sizes = [1, 2, 4].into_iter().chain((8..256).step_by(8)).chain((256..=max.max(256)).step_by(16));
        Self::of(sizes.filter(|size| *size <= max).collect())
    }

    /// The sizes.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// How a batch of `tokens` is launched and how many tokens it then computes. A uniform decode batch fits one full
    /// graph, a mixed one the pieces between attention calls; larger batches run without a graph or padding.
    pub fn launch(&self, tokens: u32, uniform_decode: bool) -> (GraphMode, u32) {
        let place = self.sizes.partition_point(|size| *size < tokens);
        match self.sizes.get(place) {
            None => (GraphMode::Eager, tokens),
            Some(size) if uniform_decode => (GraphMode::Full, *size),
            Some(size) => (GraphMode::Piecewise, *size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vllm_captures_51_sizes_up_to_512() {
        let captured = CaptureSizes::up_to(512);
        assert_eq!(captured.sizes().len(), 51);
        assert_eq!(captured.launch(3, true), (GraphMode::Full, 4));
        assert_eq!(captured.launch(250, false), (GraphMode::Piecewise, 256));
        assert_eq!(captured.launch(513, true), (GraphMode::Eager, 513));
        assert_eq!(CaptureSizes::eager().launch(1, true), (GraphMode::Eager, 1));
    }
}
