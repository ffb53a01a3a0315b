//! Many simulations at once, which Ctrl-C ends early.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use rayon::ThreadPool;

use crate::study::Monitor;

/// A monitor that Ctrl-C sets, and so many threads; one a core unless stated.
pub(super) fn watched(jobs: Option<u16>) -> io::Result<(Arc<Monitor>, ThreadPool)> {
    let monitor = Arc::new(Monitor::default());
    let handler = Arc::clone(&monitor);
    ctrlc::set_handler(move || handler.interrupted.store(true, Ordering::Relaxed))
        .map_err(io::Error::other)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.unwrap_or(0).into()).build();
    Ok((monitor, pool.map_err(io::Error::other)?))
}
