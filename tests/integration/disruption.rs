//! Disruption budgets round as the disruption controller does.

use towtank::kubernetes::{DisruptionBudget, IntOrPercent, PodDisruptionBudgetArgs};

fn min(bound: IntOrPercent) -> DisruptionBudget {
    let args = PodDisruptionBudgetArgs { min_available: Some(bound), ..PodDisruptionBudgetArgs::default() };
    DisruptionBudget::resolve(&args)
}

fn max(bound: IntOrPercent) -> DisruptionBudget {
    let args = PodDisruptionBudgetArgs { max_unavailable: Some(bound), ..PodDisruptionBudgetArgs::default() };
    DisruptionBudget::resolve(&args)
}

#[test]
fn budgets_allow_what_is_healthy_beyond_what_must_be() {
    use IntOrPercent::{Int, Percent};
    for (budget, expected, healthy, allowed) in [
        (min(Int(2)), 3, 3, 1),
        (min(Int(2)), 3, 2, 0),
        (min(Int(2)), 3, 1, 0),
        (min(Int(5)), 3, 3, 0),
        (min(Int(0)), 3, 3, 3),
        // 3.5 must stay, so 4.
        (min(Percent(50)), 7, 7, 3),
        (min(Percent(100)), 7, 7, 0),
        (max(Int(1)), 3, 3, 1),
        (max(Int(1)), 3, 2, 0),
        (max(Int(9)), 3, 3, 3),
        // 1.75 may be away, so 2.
        (max(Percent(25)), 7, 7, 2),
        (max(Percent(25)), 7, 6, 1),
        (max(Percent(0)), 7, 7, 0),
        // More than are wanted while one is being replaced.
        (max(Int(1)), 3, 4, 2),
        // No pods yet.
        (min(Int(0)), 0, 1, 0),
        (max(Percent(50)), 0, 0, 0),
    ] {
        assert_eq!(
            budget.disruptions_allowed(expected, healthy),
            allowed,
            "{budget:?} {healthy} of {expected}"
        );
    }
}

#[test]
#[should_panic(expected = "either minAvailable or maxUnavailable")]
fn a_budget_has_one_bound() {
    DisruptionBudget::resolve(&PodDisruptionBudgetArgs::default());
}
