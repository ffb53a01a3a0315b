//! Small scenarios, simulated.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::{path::Path, sync::LazyLock};

use towtank::{
    catalog::Catalog,
    metrics::{KeepRows, Simulated},
    scenario::{Resolved, ScenarioFile},
    simulation::{Options, Watch, simulate},
};

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::builtin);

/// A scenario text, ready to be simulated.
pub(crate) fn resolved(text: &str, sets: &[&str]) -> Resolved {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    let file = ScenarioFile::parse("test.yaml", text, Path::new(""), &sets)
        .and_then(|file| file.supported().map(|()| file))
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    file.resolve(&CATALOG).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// One placement with all rows and steps.
pub(crate) fn run(resolved: &Resolved, placement: usize) -> Simulated {
    run_keeping(resolved, placement, true)
}

/// One placement with all rows, with or without steps.
pub(crate) fn run_keeping(resolved: &Resolved, placement: usize, steps: bool) -> Simulated {
    let (progress, interrupted) = (AtomicU64::new(0), AtomicBool::new(false));
    let watch = Watch { progress: &progress, interrupted: &interrupted };
    let options = Options {
        rows: KeepRows::All,
        timeline: true,
        events: true,
        steps,
        live: true,
        ..Options::figures(1.0)
    };
    let result = simulate(resolved, &resolved.placements[placement], &options, &watch).unwrap();
    result.simulated().unwrap_or_else(|| panic!("{:?}", result.status)).clone()
}
