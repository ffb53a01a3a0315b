//! What each pod of a group reads of the checkpoint.

use crate::model::{Architecture, Layout, Stage, checkpoint_bytes};
use crate::units::Version;

/// Bytes each pod of a group of `size` holds of the checkpoint, leader first; `version` is vLLM's, whose layers go to
/// which stage depends on it.
///
/// Ranks fill pods in their order, so a pod holds whole stages or a part of one. Its ranks read a stage once between
/// them: they map the same files, and what one has read is in the page cache for the others.
pub fn weights(model: &Architecture, layout: Layout, version: Version, size: u32) -> Vec<u64> {
    let stages = Stage::all(model, layout, version);
    let (gpus, ranks) = (layout.gpus() / size, layout.tensor_parallel);
    let pod = |worker: u32| {
        let held = stages.iter().map(|stage| {
            let first = (worker * gpus).max(stage.index * ranks);
            let end = ((worker + 1) * gpus).min((stage.index + 1) * ranks);
            let shared = u64::from(end.saturating_sub(first));
            (checkpoint_bytes(model, stage).get() * shared).div_ceil(u64::from(ranks))
        });
        held.sum()
    };
    (0..size).map(pod).collect()
}
