//! An autoscaler's `spec` with every default filled in.

use serde::Deserialize;

use super::{HpaError, VllmMetric};
use crate::catalog::{Catalog, fact_number, fact_seconds};
use crate::kubernetes::{
    BehaviorArgs, HpaArgs, MetricArgs, MetricSourceArgs, MetricTypeArg, ScalingPolicyArgs,
    ScalingPolicyTypeArg, ScalingRulesArgs, SelectPolicyArg, TargetTypeArg,
};
use crate::units::SimDuration;

/// What an autoscaler aims at and how fast it may go.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaSpec {
    /// Fewest groups.
    pub min_replicas: u32,
    /// Most groups.
    pub max_replicas: u32,
    /// What decides: the metric that asks for most.
    pub metrics: Vec<HpaMetric>,
    /// How fast it may go; without, only [`scale_up_limit`](Self::scale_up_limit) and
    /// [`downscale_stabilization`](Self::downscale_stabilization) hold it back.
    pub behavior: Option<HpaBehavior>,
    /// Between two passes.
    pub sync_period: SimDuration,
    /// A usage this close to its target changes nothing, as a fraction of the target.
    pub tolerance: f64,
    /// Without `behavior`: it goes down to the most that was asked for in so long.
    pub downscale_stabilization: SimDuration,
    /// Without `behavior`: how far up one pass may go.
    pub scale_up_limit: ScaleUpLimit,
    /// Age of the metrics that a pass sees; whoever calls [`Hpa::sync`](super::Hpa::sync) keeps them so long.
    pub metric_lag: SimDuration,
}

/// One metric and its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HpaMetric {
    /// Of each pod, or by a query over the deployment: `External` and `Object` are computed alike.
    pub kind: MetricTypeArg,
    /// The metric.
    pub metric: VllmMetric,
    /// Whether the target is a mean over the pods or the value itself.
    pub target_kind: TargetTypeArg,
    /// The target [thousandths].
    pub target_milli: i64,
}

/// How far up one pass may go without `behavior` (`calculateScaleUpLimit`).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct ScaleUpLimit {
    /// Groups, over those there are.
    #[serde(rename = "scale_up_limit_factor", deserialize_with = "fact_number")]
    pub factor: f64,
    /// Groups that are always allowed.
    #[serde(rename = "scale_up_limit_minimum", deserialize_with = "fact_number")]
    pub minimum: u32,
}

impl ScaleUpLimit {
    /// The most groups, where there are `current`.
    pub(super) fn of(self, current: u32) -> u32 {
        ((self.factor * f64::from(current)) as u32).max(self.minimum)
    }
}

/// `behavior`, both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HpaBehavior {
    /// Upwards.
    pub scale_up: ScalingRules,
    /// Downwards.
    pub scale_down: ScalingRules,
}

/// Rules of one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalingRules {
    /// It goes no further than every recommendation of so long allowed.
    pub stabilization: SimDuration,
    /// Which policy counts.
    pub select: SelectPolicyArg,
    /// Limits.
    pub policies: Vec<ScalingPolicyArgs>,
}

/// The controller's defaults, `kubernetes` `horizontal-pod-autoscaler` of the catalogue [s].
#[derive(Deserialize)]
struct Defaults {
    #[serde(deserialize_with = "fact_seconds")]
    sync_period: f64,
    #[serde(deserialize_with = "fact_number")]
    tolerance: f64,
    #[serde(deserialize_with = "fact_seconds")]
    downscale_stabilization: f64,
    #[serde(deserialize_with = "fact_seconds")]
    metric_lag: f64,
    #[serde(deserialize_with = "fact_number")]
    min_replicas: u32,
    #[serde(flatten)]
    scale_up_limit: ScaleUpLimit,
    behavior: BehaviorDefaults,
}

/// Rules where `behavior` says something, but not these; the window downwards is the controller's.
#[derive(Deserialize)]
struct BehaviorDefaults {
    up: UpDefaults,
    down: DownDefaults,
}

#[derive(Deserialize)]
struct UpDefaults {
    #[serde(deserialize_with = "fact_seconds")]
    stabilization: f64,
    #[serde(deserialize_with = "fact_number")]
    pods: u32,
    #[serde(deserialize_with = "fact_number")]
    percent: u32,
    #[serde(deserialize_with = "fact_seconds")]
    period: f64,
}

#[derive(Deserialize)]
struct DownDefaults {
    #[serde(deserialize_with = "fact_number")]
    percent: u32,
    #[serde(deserialize_with = "fact_seconds")]
    period: f64,
}

impl HpaSpec {
    /// What `args` means, by the rules of `pkg/apis/autoscaling/validation` where they say less than the types.
    ///
    /// # Errors
    /// If a metric is unknown, a type and what stands beside it do not fit together, or the bounds do not; if the
    /// catalogue lacks the controller's defaults.
    pub fn resolve(args: &HpaArgs, catalog: &Catalog) -> Result<Self, HpaError> {
        let defaults: Defaults = catalog.entry("kubernetes", "horizontal-pod-autoscaler")?;
        let min_replicas = args.min_replicas.unwrap_or(defaults.min_replicas);
        if min_replicas > args.max_replicas {
            return Err(HpaError::MinAboveMax);
        }
        // Feature gate HPAScaleToZero.
        if min_replicas == 0 && args.metrics.iter().all(|metric| metric.kind == MetricTypeArg::Pods) {
            return Err(HpaError::ScaleToZero);
        }
        let metrics =
            args.metrics.iter().enumerate().map(|(index, metric)| HpaMetric::resolve(metric, index));
        let downscale_stabilization = SimDuration::from_secs_f64(defaults.downscale_stabilization);
        let behavior = args.behavior.as_ref();
        Ok(Self {
            min_replicas,
            max_replicas: args.max_replicas,
            metrics: metrics.collect::<Result<_, _>>()?,
            behavior: behavior
                .map(|args| HpaBehavior::resolve(args, &defaults.behavior, downscale_stabilization))
                .transpose()?,
            sync_period: SimDuration::from_secs_f64(defaults.sync_period),
            tolerance: defaults.tolerance,
            downscale_stabilization,
            scale_up_limit: defaults.scale_up_limit,
            metric_lag: args.metric_lag.unwrap_or(SimDuration::from_secs_f64(defaults.metric_lag)),
        })
    }
}

impl HpaMetric {
    fn resolve(args: &MetricArgs, index: usize) -> Result<Self, HpaError> {
        let sources: [(MetricTypeArg, &str, Option<&MetricSourceArgs>); 3] = [
            (MetricTypeArg::Pods, "pods", args.pods.as_ref()),
            (MetricTypeArg::External, "external", args.external.as_ref()),
            (MetricTypeArg::Object, "object", args.object.as_ref()),
        ];
        let mut found = None;
        for (kind, name, source) in sources {
            let field = format!("metrics[{index}].{name}");
            match (kind == args.kind, source) {
                (true, Some(source)) => found = Some((source, field)),
                (true, None) => return Err(HpaError::Missing { field }),
                (false, Some(_)) => return Err(HpaError::Contradicts { field }),
                (false, None) => {}
            }
        }
        let (source, field) = found.expect("the type is one of the three");
        let name = &source.metric.name;
        let metric = VllmMetric::parse(name).map_err(|suggestion| HpaError::UnknownMetric {
            field: format!("{field}.metric.name"),
            name: name.clone(),
            suggestion,
        })?;
        let target = source.target;
        if args.kind == MetricTypeArg::Pods && target.kind == TargetTypeArg::Value {
            return Err(HpaError::PodsByValue { field: format!("{field}.target.type") });
        }
        let stated = [("averageValue", target.average_value), ("value", target.value)];
        let [(asked, value), (other, unasked)] = match target.kind {
            TargetTypeArg::AverageValue => stated,
            TargetTypeArg::Value => [stated[1], stated[0]],
        };
        if unasked.is_some() {
            return Err(HpaError::Contradicts { field: format!("{field}.target.{other}") });
        }
        let value = value.ok_or_else(|| HpaError::Missing { field: format!("{field}.target.{asked}") })?;
        // `Quantity.MilliValue` rounds up, so that no target is nothing.
        let target_milli = ((value * 1000.0).round() as i64).max(1);
        Ok(Self { kind: args.kind, metric, target_kind: target.kind, target_milli })
    }
}

impl HpaBehavior {
    /// `pkg/apis/autoscaling/v2/defaults.go`; the window downwards is the controller's
    /// (`maybeInitScaleDownStabilizationWindow`).
    fn resolve(
        args: &BehaviorArgs,
        BehaviorDefaults { up, down }: &BehaviorDefaults,
        downscale_stabilization: SimDuration,
    ) -> Result<Self, HpaError> {
        let policy =
            |kind, value, period: f64| ScalingPolicyArgs { kind, value, period_seconds: period as u32 };
        let percent = ScalingPolicyTypeArg::Percent;
        let scale_up = ScalingRules {
            stabilization: SimDuration::from_secs_f64(up.stabilization),
            select: SelectPolicyArg::Max,
            policies: vec![
                policy(ScalingPolicyTypeArg::Pods, up.pods, up.period),
                policy(percent, up.percent, up.period),
            ],
        };
        let scale_down = ScalingRules {
            stabilization: downscale_stabilization,
            select: SelectPolicyArg::Max,
            policies: vec![policy(percent, down.percent, down.period)],
        };
        Ok(Self {
            scale_up: scale_up.overridden(args.scale_up.as_ref(), "scaleUp")?,
            scale_down: scale_down.overridden(args.scale_down.as_ref(), "scaleDown")?,
        })
    }
}

impl ScalingRules {
    /// These defaults, with what `args` states in their place (`copyHPAScalingRules`).
    fn overridden(mut self, args: Option<&ScalingRulesArgs>, direction: &str) -> Result<Self, HpaError> {
        let Some(args) = args else { return Ok(self) };
        if let Some(seconds) = args.stabilization_window_seconds {
            self.stabilization = SimDuration::from_secs(seconds.into());
        }
        if let Some(select) = args.select_policy {
            self.select = select;
        }
        if let Some(policies) = &args.policies {
            if policies.is_empty() {
                return Err(HpaError::NoPolicies { field: format!("behavior.{direction}.policies") });
            }
            self.policies.clone_from(policies);
        }
        Ok(self)
    }
}
