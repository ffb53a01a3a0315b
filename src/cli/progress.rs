//! The progress bar on stderr; off when stderr is not a terminal.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::study::Monitor;
use crate::units::{SimDuration, SimTime};

/// What the bar counts.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    all: usize,
    unit: &'static str,
    done: fn(&Monitor) -> &AtomicU64,
}

impl Counted {
    /// So many placements.
    pub(super) fn placements(all: usize) -> Self {
        Self { all, unit: "placements", done: |monitor| &monitor.placements }
    }

    /// So many candidates of a plan.
    pub(super) fn candidates(all: usize) -> Self {
        Self { unit: "candidates", ..Self::placements(all) }
    }

    /// So many points of a sweep.
    pub(super) fn points(all: usize) -> Self {
        Self { all, unit: "points", done: |monitor| &monitor.points }
    }
}

/// Draws what a [`Monitor`] says ten times a second until it is finished.
pub(super) struct Progress {
    bar: ProgressBar,
    done: Arc<AtomicBool>,
    painter: Option<thread::JoinHandle<()>>,
}

impl Progress {
    pub(super) fn start(quiet: bool, name: &str, monitor: &Arc<Monitor>, counted: Counted) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(counted.all as u64) };
        let template = format!("{{prefix}} [{{bar:30}}] {{pos}}/{{len}} {}, {{msg}}", counted.unit);
        bar.set_style(ProgressStyle::with_template(&template).expect("the template is well-formed"));
        bar.set_prefix(name.to_owned());
        let done = Arc::new(AtomicBool::new(false));
        let painter = (!bar.is_hidden()).then(|| {
            let (bar, done, monitor) = (bar.clone(), Arc::clone(&done), Arc::clone(monitor));
            let before = (counted.done)(&monitor).load(Ordering::Relaxed);
            thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let now = SimTime::from_nanos(monitor.now.load(Ordering::Relaxed));
                    let seconds = SimDuration::from_secs((now - SimTime::ZERO).as_nanos() / 1_000_000_000);
                    let simulations = monitor.simulations.load(Ordering::Relaxed);
                    bar.set_position((counted.done)(&monitor).load(Ordering::Relaxed) - before);
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
