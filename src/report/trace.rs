//! `trace.json`: a run as Chrome trace events, which Perfetto opens.
//!
//! A process a placement holds its cluster, a track a node and a pod; a process a group holds its engine, a track a stage.
//! Times are microseconds with three decimals, which is every nanosecond.

mod cluster;
mod event;
mod group;
mod request;
mod window;

use std::io::{self, Write};

use self::event::Trace;
use super::groups::Groups;
use super::rows::simulated;
use crate::kubernetes::pod_name;
use crate::metrics::PlacementResult;

pub use window::TraceWindow;

/// Writes steps, requests and the cluster of every placement, as far as they are seen in `window`.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_trace(out: impl Write, results: &[PlacementResult], window: TraceWindow) -> io::Result<()> {
    let mut trace = Trace::begin(out)?;
    let mut process = 0;
    for (placement, simulated) in simulated(results) {
        process += 1;
        cluster::write(&mut trace, process, placement, simulated, window)?;
        let groups = Groups::of(&simulated.deployments);
        for group in 0..simulated.metrics.setup().groups {
            let (deployment, index) = groups.name(group);
            let title = format!("{placement} {}", pod_name(deployment, index as u32, 0));
            let seen = group::Seen::of(simulated, group, window);
            if !seen.is_empty() {
                process += 1;
                seen.write(&mut trace, process, &title, placement, simulated)?;
            }
        }
    }
    trace.end()
}
