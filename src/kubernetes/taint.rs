//! Taints keep pods off a node, tolerations let them on (`k8s.io/component-helpers/scheduling/corev1`).

use std::borrow::Cow;

use serde::Deserialize;
use thiserror::Error;

use super::TolerationArgs;
use crate::catalog::{Catalog, CatalogError, fact_seconds, suggestion};

/// Key of the taint of a node whose kubelet says that it is not ready.
pub const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// Key of the taint of a node whose kubelet says nothing any more.
pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaintEffect {
    /// They are not put on the node.
    NoSchedule,
    /// They are put on another node where one will do.
    PreferNoSchedule,
    /// They are not put on the node, and leave it.
    NoExecute,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Key.
    pub key: Cow<'static, str>,
    /// Value; empty if it has none.
    pub value: Cow<'static, str>,
    /// Effect.
    pub effect: TaintEffect,
}

/// How a toleration compares values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TolerationOperator {
    /// Any value will do.
    Exists,
    /// The values are the same.
    #[default]
    Equal,
}

/// A toleration of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// Key of the taints; any if none.
    pub key: Option<Cow<'static, str>>,
    /// How values are compared.
    pub operator: TolerationOperator,
    /// Value of the taints; empty if it states none.
    pub value: String,
    /// Effect of the taints; any if none.
    pub effect: Option<TaintEffect>,
    /// How long the pod stays [s]; for ever if none.
    pub seconds: Option<u32>,
}

/// What cannot be a toleration (`ValidateTolerations`, `pkg/apis/core/validation`).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TolerationError {
    /// No such operator.
    #[error("operator: `{operator}` is neither `Exists` nor `Equal`{suggestion}")]
    UnknownOperator {
        /// What it says.
        operator: String,
        /// `; did you mean ...?`, or empty.
        suggestion: String,
    },
    /// No such effect.
    #[error("effect: `{effect}` is none of `NoSchedule`, `PreferNoSchedule` and `NoExecute`{suggestion}")]
    UnknownEffect {
        /// What it says.
        effect: String,
        /// `; did you mean ...?`, or empty.
        suggestion: String,
    },
    /// No key, and so a value of nothing.
    #[error("operator: must be `Exists` when there is no key")]
    EqualWithoutKey,
    /// A value that is not looked at.
    #[error("value: must be left out when the operator is `Exists`")]
    ExistsWithValue,
    /// A time to stay where nothing makes the pod leave.
    #[error("effect: must be `NoExecute` when tolerationSeconds is set")]
    SecondsWithoutNoExecute,
}

const EFFECTS: [(&str, TaintEffect); 3] = [
    ("NoSchedule", TaintEffect::NoSchedule),
    ("PreferNoSchedule", TaintEffect::PreferNoSchedule),
    ("NoExecute", TaintEffect::NoExecute),
];

impl Toleration {
    /// What `args` means. An empty text is as good as none, as everywhere in Kubernetes.
    ///
    /// # Errors
    /// If the API server would refuse it.
    pub fn resolve(args: &TolerationArgs) -> Result<Self, TolerationError> {
        let stated = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let operator = match stated(&args.operator).as_deref() {
            None | Some("Equal") => TolerationOperator::Equal,
            Some("Exists") => TolerationOperator::Exists,
            Some(unknown) => {
                return Err(TolerationError::UnknownOperator {
                    operator: unknown.to_owned(),
                    suggestion: suggestion(unknown, ["Exists", "Equal"]),
                });
            }
        };
        let named = |effect: String| {
            let known = EFFECTS.iter().find(|(name, _)| *name == effect);
            known.map(|(_, known)| *known).ok_or_else(|| TolerationError::UnknownEffect {
                suggestion: suggestion(&effect, EFFECTS.map(|(name, _)| name)),
                effect,
            })
        };
        let effect = stated(&args.effect).map(named).transpose()?;
        let key = stated(&args.key).map(Cow::Owned);
        let value = stated(&args.value).unwrap_or_default();
        match operator {
            TolerationOperator::Equal if key.is_none() => return Err(TolerationError::EqualWithoutKey),
            TolerationOperator::Exists if !value.is_empty() => return Err(TolerationError::ExistsWithValue),
            _ => {}
        }
        if args.toleration_seconds.is_some() && effect != Some(TaintEffect::NoExecute) {
            return Err(TolerationError::SecondsWithoutNoExecute);
        }
        Ok(Self { key, operator, value, effect, seconds: args.toleration_seconds })
    }

    /// Whether it tolerates the taint (`ToleratesTaint`).
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|effect| effect == taint.effect)
            && self.key.as_ref().is_none_or(|key| *key == taint.key)
            && (self.operator == TolerationOperator::Exists || self.value == taint.value)
    }
}

/// How long a pod stays on a node with a `NoExecute` taint; of several taints the least counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tolerated {
    /// It leaves at once.
    Not,
    /// It leaves after so long [s].
    For(u32),
    /// It stays.
    Forever,
}

/// How long a pod with these tolerations bears `taint`: the shortest time of those that match, whatever the others say
/// (`GetMatchingTolerations` and `getMinTolerationTime`, `pkg/controller/tainteviction`).
pub fn toleration_seconds(tolerations: &[Toleration], taint: &Taint) -> Tolerated {
    let matching = tolerations.iter().filter(|toleration| toleration.tolerates(taint));
    let bears = |toleration: &Toleration| toleration.seconds.map_or(Tolerated::Forever, Tolerated::For);
    matching.map(bears).min().unwrap_or(Tolerated::Not)
}

/// What every pod tolerates for a while unless it says otherwise (`plugin/pkg/admission/defaulttolerationseconds`).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct DefaultTolerations {
    /// Of a node that is not ready [s].
    #[serde(rename = "not_ready", deserialize_with = "fact_seconds")]
    pub not_ready_s: f64,
    /// Of a node that cannot be reached [s].
    #[serde(rename = "unreachable", deserialize_with = "fact_seconds")]
    pub unreachable_s: f64,
}

impl DefaultTolerations {
    /// `kubernetes` `default-tolerations` of the catalogue.
    ///
    /// # Errors
    /// If it is not there.
    pub fn read(catalog: &Catalog) -> Result<Self, CatalogError> {
        catalog.entry("kubernetes", "default-tolerations")
    }

    /// Adds those that `tolerations` does not have its own word on, by key and effect; the operator and the value of
    /// its own do not matter.
    pub fn admit(self, tolerations: &mut Vec<Toleration>) {
        for (key, seconds) in [(NOT_READY, self.not_ready_s), (UNREACHABLE, self.unreachable_s)] {
            let own = tolerations.iter().any(|toleration| {
                toleration.key.as_ref().is_none_or(|own| own == key)
                    && toleration.effect.is_none_or(|effect| effect == TaintEffect::NoExecute)
            });
            if !own {
                tolerations.push(Toleration {
                    key: Some(Cow::Borrowed(key)),
                    operator: TolerationOperator::Exists,
                    value: String::new(),
                    effect: Some(TaintEffect::NoExecute),
                    seconds: Some(seconds as u32),
                });
            }
        }
    }
}
