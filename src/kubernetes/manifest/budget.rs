//! Disruption budgets, and the sets whose pods they select.

use super::{object::Object, selector::Labels, selector::Selector};
use crate::document::FileError;
use crate::kubernetes::PodDisruptionBudgetArgs;

/// A budget among other objects.
pub(super) struct Budget {
    /// Which of the objects it is.
    pub(super) index: usize,
    pub(super) args: PodDisruptionBudgetArgs,
    selector: Option<Selector>,
}

impl Budget {
    /// Takes all budgets out of `objects`.
    pub(super) fn read(objects: &mut [Object]) -> Result<Vec<Self>, FileError> {
        let mut budgets = Vec::new();
        let all = objects.iter_mut().enumerate();
        for (index, object) in all.filter(|(_, object)| object.kind == "PodDisruptionBudget") {
            let mut whole = object.part();
            let mut spec = whole.needed("spec")?;
            // Without a selector it selects nothing, with an empty one everything (`policy/v1`).
            let selector =
                spec.part("selector")?.map(|mut selector| Selector::read(&mut selector)).transpose()?;
            budgets.push(Self { index, args: spec.pick(&["minAvailable", "maxUnavailable"])?, selector });
        }
        Ok(budgets)
    }

    /// Whether it selects pods with one of `labels`.
    pub(super) fn selects(&self, labels: &[&Labels]) -> bool {
        self.selector.as_ref().is_some_and(|selector| labels.iter().any(|pod| selector.selects(pod)))
    }
}
