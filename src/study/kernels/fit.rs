//! One kernel's constants from its rows.

use std::collections::{BTreeMap, BTreeSet};

use super::calls::{Kernel, Row};
use super::formula::{Constants, Known};
use super::{KernelError, KernelReport};
use crate::accuracy::Accuracy;
use crate::least_squares;

/// Weight of staying at the catalogue's value, as a residual for a factor of e: nothing beside a hundred rows, and all
/// there is for a constant that no row can tell.
const BELIEF: f64 = 0.01;
/// Rows to fit for each constant.
const ROWS_PER_CONSTANT: usize = 2;
/// Where the ramp of a curve may end [MB]: its fit has a valley for each change of protocol.
const KNEES_MB: [f64; 3] = [0.3, 3.0, 30.0];
/// A constant that the catalogue has at zero starts here, in its own unit.
const LEAST: f64 = 0.01;
/// Digits of a constant that mean something.
const DIGITS: i32 = 4;

/// What came out for a kernel.
pub(super) struct Fitted {
    pub(super) kernel: Kernel,
    /// By number of GPUs, where that matters.
    pub(super) constants: BTreeMap<Option<u32>, Constants>,
    /// Which of the files had rows of it.
    pub(super) files: BTreeSet<usize>,
    pub(super) report: KernelReport,
}

impl Fitted {
    pub(super) fn of(kernel: Kernel, rows: &[Row], known: &Known<'_>) -> Result<Self, KernelError> {
        let mut groups: BTreeMap<Option<u32>, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            groups.entry(row.gpus()).or_default().push(row);
        }
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut constants = BTreeMap::new();
        for (gpus, rows) in groups {
            let (held_out, fitted): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.held_out);
            let had = known.constants(kernel, gpus).ok_or(KernelError::NoPeers)?;
            let needed = ROWS_PER_CONSTANT * had.numbers().len();
            if fitted.len() < needed || held_out.is_empty() {
                let kernel = gpus.map_or_else(
                    || kernel.name().to_owned(),
                    |gpus| format!("{} over {gpus} GPUs", kernel.name()),
                );
                let (fitted, held_out) = (fitted.len(), held_out.len());
                return Err(KernelError::TooFewRows { kernel, fitted, held_out, needed });
            }
            let found = search(kernel, &had, &fitted, known);
            before.extend(errors(kernel, &had, &held_out, known));
            after.extend(errors(kernel, &found, &held_out, known));
            constants.insert(gpus, found);
        }
        let fitted = rows.iter().filter(|row| !row.held_out).count();
        let of = |errors: &[f64]| Accuracy::of(errors).expect("each group has a row that was held out");
        let (before, after) = (of(&before), of(&after));
        let report = KernelReport { kernel: kernel.name(), rows: rows.len(), fitted, before, after };
        let files = rows.iter().map(|row| row.file).collect();
        Ok(Self { kernel, constants, files, report })
    }
}

fn search(kernel: Kernel, had: &Constants, rows: &[&Row], known: &Known<'_>) -> Constants {
    let believed: Vec<f64> = had.numbers().iter().map(|number| number.max(LEAST)).collect();
    let mut starts = vec![believed.clone()];
    if let [Some(floor), Some(ramp), Some(knee)] =
        ["floor_us", "ramp_us", "ramp_mb"].map(|name| had.place(name))
    {
        starts.extend(KNEES_MB.map(|end| {
            let mut start = believed.clone();
            (start[ramp], start[knee]) = (start[floor], end);
            start
        }));
    }
    let residuals = |numbers: &[f64]| {
        let formula = known.formula(kernel, &had.with(numbers));
        let measured = rows.iter().map(|row| (formula.time(&row.call) / row.measured).ln());
        let held = numbers.iter().zip(&believed).map(|(number, believed)| BELIEF * (number / believed).ln());
        measured.chain(held).collect()
    };
    let found = least_squares::fit_best(&starts, residuals);
    had.with(&found.into_iter().map(rounded).collect::<Vec<_>>())
}

fn errors<'a>(
    kernel: Kernel,
    constants: &Constants,
    rows: &'a [&Row],
    known: &Known<'_>,
) -> impl Iterator<Item = f64> + use<'a> {
    let formula = known.formula(kernel, constants);
    rows.iter().map(move |row| formula.time(&row.call) / row.measured - 1.0)
}

/// The number with as many digits as mean something.
fn rounded(number: f64) -> f64 {
    let places = DIGITS - 1 - number.abs().log10().floor() as i32;
    let scale = 10_f64.powi(places.abs());
    if places >= 0 { (number * scale).round() / scale } else { (number / scale).round() * scale }
}
