//! How far off a figure, or the difference of two, may be: by chance, and because the model is one.
//!
//! The two have nothing to do with each other, so together they are the root of the sum of their squares. So are the
//! model errors of two placements in a difference of theirs: of published figures that differ in one thing (GPU, TP,
//! precision) the errors of the two predictions have next to nothing in common, so that little of them cancels
//! (`tests/integration/validation.rs` holds that against the measurements). Where placements are nearer to each other than
//! any two that were measured, this errs on the side of a tie.

use serde::Serialize;

/// What a figure may be off either way, in its own unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Band {
    /// By chance: half the 95 % confidence interval. Absent of a single run.
    pub sampling_error: Option<f64>,
    /// Because it comes from a model: nine of ten measured figures were closer. Absent where nobody has measured.
    pub model_error: Option<f64>,
    /// Both together.
    pub combined_error: f64,
}

/// Why two figures tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TieBy {
    /// They are the same.
    Equality,
    /// The model cannot tell them apart, however many replications there are.
    Model,
    /// More replications could tell them apart.
    Sampling,
}

impl Band {
    /// Of both parts.
    pub fn new(sampling_error: Option<f64>, model_error: Option<f64>) -> Self {
        let part = |error: Option<f64>| error.unwrap_or_default();
        let combined_error = part(sampling_error).hypot(part(model_error));
        Self { sampling_error, model_error, combined_error }
    }

    /// Of a difference, which chance moves by `sampling_error` and whose two sides the model may have wrong by so much each.
    pub fn of_difference(sampling_error: Option<f64>, model_errors: [Option<f64>; 2]) -> Self {
        let [one, other] = model_errors;
        Self::new(sampling_error, one.zip(other).map(|(one, other)| one.hypot(other)))
    }

    /// Whether a difference of two figures is none to rely on, and why.
    pub fn tie(&self, difference: f64) -> Option<TieBy> {
        let apart = difference.abs();
        if apart > self.combined_error {
            None
        } else if apart == 0.0 {
            Some(TieBy::Equality)
        } else if self.model_error.is_some_and(|error| apart <= error) {
            Some(TieBy::Model)
        } else {
            Some(TieBy::Sampling)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_errors_add_up_as_squares() {
        for (band, combined) in [
            (Band::new(Some(3.0), Some(4.0)), 5.0),
            (Band::new(Some(3.0), None), 3.0),
            (Band::of_difference(None, [Some(6.0), Some(8.0)]), 10.0),
            (Band::of_difference(Some(24.0), [Some(6.0), Some(8.0)]), 26.0),
            (Band::of_difference(Some(1.0), [Some(6.0), None]), 1.0),
        ] {
            assert!((band.combined_error - combined).abs() < 1e-12, "{band:?}");
        }
    }

    #[test]
    fn a_tie_says_whether_more_replications_help() {
        let band = Band::new(Some(3.0), Some(4.0));
        assert_eq!(band.tie(5.1), None);
        assert_eq!(band.tie(-4.5), Some(TieBy::Sampling));
        assert_eq!(band.tie(-4.0), Some(TieBy::Model));
        assert_eq!(Band::default().tie(0.0), Some(TieBy::Equality));
        assert_eq!(Band::default().tie(1e-9), None);
    }
}
