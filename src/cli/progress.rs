//! The progress bar on stderr; off when stderr is not a terminal.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::study::Monitor;
use crate::units::{SimDuration, SimTime};

/// Draws what a [`Monitor`] says ten times a second until it is finished.
pub(super) struct Progress {
    bar: ProgressBar,
    done: Arc<AtomicBool>,
    painter: Option<thread::JoinHandle<()>>,
}

impl Progress {
    /// Of a scenario of which so many placements are to be simulated, replications counted apart.
    pub(super) fn start(quiet: bool, scenario: &str, placements: usize, monitor: &Arc<Monitor>) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(placements as u64) };
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} placements, {msg}");
        bar.set_style(style.expect("the template is well-formed"));
        bar.set_prefix(scenario.to_owned());
        let done = Arc::new(AtomicBool::new(false));
        let painter = (!bar.is_hidden()).then(|| {
            let (bar, done, monitor) = (bar.clone(), Arc::clone(&done), Arc::clone(monitor));
            let placements_before = monitor.placements.load(Ordering::Relaxed);
            thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let now = SimTime::from_nanos(monitor.now.load(Ordering::Relaxed));
                    let seconds = SimDuration::from_secs((now - SimTime::ZERO).as_nanos() / 1_000_000_000);
                    let simulations = monitor.simulations.load(Ordering::Relaxed);
                    bar.set_position(monitor.placements.load(Ordering::Relaxed) - placements_before);
                    bar.set_message(format!("{simulations} simulations, at {seconds}"));
                    thread::sleep(Duration::from_millis(100));
                }
            })
        });
        Self { bar, done, painter }
    }

    /// Takes the bar away.
    pub(super) fn finish(self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(painter) = self.painter {
            painter.join().expect("the painter does not panic");
        }
        self.bar.finish_and_clear();
    }
}
