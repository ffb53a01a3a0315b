//! How far one pass may go, by what changed lately (`horizontal.go`).

use super::{HpaBehavior, ScalingRules};
use crate::kubernetes::{ScalingPolicyArgs, ScalingPolicyTypeArg, SelectPolicyArg};
use crate::units::{SimDuration, SimTime};

/// Changes of the number of pods, and when, by direction.
#[derive(Clone, Debug, Default)]
pub(super) struct ScaleEvents {
    up: Vec<(SimTime, u32)>,
    down: Vec<(SimTime, u32)>,
}

impl ScaleEvents {
    /// Remembers a change in the place of one older than every policy of its direction, if there is one
    /// (`storeScaleEvent`).
    pub(super) fn record(&mut self, now: SimTime, behavior: &HpaBehavior, from: u32, to: u32) {
        let (events, rules) = if to > from {
            (&mut self.up, &behavior.scale_up)
        } else {
            (&mut self.down, &behavior.scale_down)
        };
        let longest = rules.policies.iter().map(period).max().unwrap_or_default();
        let event = (now, to.abs_diff(from));
        match events.iter().rposition(|(at, _)| at.saturating_add(longest) < now) {
            Some(old) => events[old] = event,
            None => events.push(event),
        }
    }

    /// The most pods that `rules` allow now (`calculateScaleUpLimitWithScalingRules`); not below what there is.
    pub(super) fn up_limit(&self, now: SimTime, rules: &ScalingRules, current: u32) -> u32 {
        let proposed = rules.policies.iter().map(|policy| {
            let start = self.period_start(now, policy, current);
            match policy.kind {
                ScalingPolicyTypeArg::Pods => start + i64::from(policy.value),
                // Rounded up, or one pod might never become two.
                ScalingPolicyTypeArg::Percent => (start as f64 * (1.0 + share(policy))).ceil() as i64,
            }
        });
        let limit = match rules.select {
            SelectPolicyArg::Max => proposed.max(),
            SelectPolicyArg::Min => proposed.min(),
            SelectPolicyArg::Disabled => None,
        };
        limit.map_or(current, |limit| limit.max(current.into()) as u32)
    }

    /// The fewest pods that `rules` allow now (`calculateScaleDownLimitWithBehaviors`); not above what there is.
    pub(super) fn down_limit(&self, now: SimTime, rules: &ScalingRules, current: u32) -> u32 {
        let proposed = rules.policies.iter().map(|policy| {
            let start = self.period_start(now, policy, current);
            match policy.kind {
                ScalingPolicyTypeArg::Pods => start - i64::from(policy.value),
                ScalingPolicyTypeArg::Percent => (start as f64 * (1.0 - share(policy))) as i64,
            }
        });
        let limit = match rules.select {
            SelectPolicyArg::Max => proposed.min(),
            SelectPolicyArg::Min => proposed.max(),
            SelectPolicyArg::Disabled => None,
        };
        limit.map_or(current, |limit| limit.clamp(0, current.into()) as u32)
    }

    /// Pods at the start of the policy's period: those of now, the changes since then undone.
    fn period_start(&self, now: SimTime, policy: &ScalingPolicyArgs, current: u32) -> i64 {
        let changed = |events: &[(SimTime, u32)]| -> i64 {
            let recent = events.iter().filter(|(at, _)| at.saturating_add(period(policy)) > now);
            recent.map(|(_, change)| i64::from(*change)).sum()
        };
        i64::from(current) - changed(&self.up) + changed(&self.down)
    }
}

fn period(policy: &ScalingPolicyArgs) -> SimDuration {
    SimDuration::from_secs(policy.period_seconds.into())
}

fn share(policy: &ScalingPolicyArgs) -> f64 {
    f64::from(policy.value) / 100.0
}
