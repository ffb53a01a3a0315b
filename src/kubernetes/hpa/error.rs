//! What can be wrong with an autoscaler.

use thiserror::Error;

use crate::catalog::CatalogError;

/// Why an autoscaler cannot be made of its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HpaError {
    /// No metric of vLLM has that name.
    #[error("{field}: no vLLM metric named `{name}`{suggestion}")]
    UnknownMetric {
        /// The field, from the autoscaler down.
        field: String,
        /// What it says.
        name: String,
        /// `; did you mean ...?`, or empty.
        suggestion: String,
    },
    /// What the `type` beside it calls for is not there.
    #[error("{field}: is missing, its `type` asks for it")]
    Missing {
        /// The field, from the autoscaler down.
        field: String,
    },
    /// The `type` beside it names something else.
    #[error("{field}: contradicts its `type`")]
    Contradicts {
        /// The field, from the autoscaler down.
        field: String,
    },
    /// A metric of each pod has no single value.
    #[error("{field}: a metric of type Pods takes AverageValue only")]
    PodsByValue {
        /// The field, from the autoscaler down.
        field: String,
    },
    /// Rules without a policy allow no change and do not say so.
    #[error("{field}: states no policy; `selectPolicy: Disabled` forbids a direction")]
    NoPolicies {
        /// The field, from the autoscaler down.
        field: String,
    },
    /// With no pod there is no metric of a pod.
    #[error("minReplicas: 0 takes a metric of type Object or External, which is there without any pod")]
    ScaleToZero,
    /// No number of replicas would do.
    #[error("minReplicas: is larger than maxReplicas")]
    MinAboveMax,
    /// The controller's defaults are not in the catalogue.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl HpaError {
    /// The field it is about, from the autoscaler down, such as `metrics[0].pods.metric.name`.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::UnknownMetric { field, .. }
            | Self::Missing { field }
            | Self::Contradicts { field }
            | Self::PodsByValue { field }
            | Self::NoPolicies { field } => Some(field),
            Self::ScaleToZero | Self::MinAboveMax => Some("minReplicas"),
            Self::Catalog(_) => None,
        }
    }
}
