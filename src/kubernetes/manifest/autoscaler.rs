//! The autoscaler of a LeaderWorkerSet.

use serde_json::{Number, Value};

use super::object::{Object, remark};
use super::quantity::quantity;
use crate::document::{FileError, path::item};
use crate::kubernetes::{HpaArgs, VllmMetric};

/// Whether `object` scales the LeaderWorkerSet `name`. Nothing is taken out of it, since it may scale another.
pub(super) fn scales(object: &mut Object, name: &str) -> Result<bool, FileError> {
    let mut whole = object.part();
    let mut spec = whole.needed("spec")?;
    let target = spec.needed("scaleTargetRef")?;
    Ok(target.look("kind") == Some("LeaderWorkerSet") && target.look("name") == Some(name))
}

/// What an autoscaler says. Metrics that are not simulated are left out; without any other there is no autoscaler.
pub(super) fn hpa(object: &mut Object, remarks: &mut Vec<String>) -> Result<Option<HpaArgs>, FileError> {
    let (document, title) = (object.document.clone(), object.title());
    let mut whole = object.part();
    let mut spec = whole.needed("spec")?;
    spec.take("scaleTargetRef");
    let Some(mut metrics) = spec.take("metrics") else {
        remarks.push(remark(&document, &title, "spec", "has no metrics; ignored"));
        whole.take_all();
        return Ok(None);
    };
    let mut kept = Vec::new();
    for (index, metric) in metrics.as_array_mut().into_iter().flatten().enumerate() {
        let at = item("spec.metrics", index);
        match unknown_metric(metric) {
            None => {
                plain_numbers(metric);
                kept.push(metric.take());
            }
            Some(what) => remarks.push(remark(&document, &title, &at, &format!("{what}; ignored"))),
        }
    }
    let mut tree = serde_json::Map::new();
    for field in ["minReplicas", "maxReplicas", "behavior"] {
        tree.extend(spec.take(field).map(|value| (field.to_owned(), value)));
    }
    if kept.is_empty() && metrics.as_array().is_some_and(|all| !all.is_empty()) {
        remarks.push(remark(&document, &title, "", "no metric is left; ignored"));
        return Ok(None);
    }
    let metrics = if metrics.is_array() { Value::Array(kept) } else { metrics };
    tree.insert("metrics".to_owned(), metrics);
    let hpa: HpaArgs = document.typed_at("spec", &Value::Object(tree))?;
    if hpa.min_replicas.unwrap_or(1) > hpa.max_replicas {
        return Err(document.error("spec.minReplicas", "is larger than maxReplicas"));
    }
    Ok(Some(hpa))
}

/// Why a metric is not simulated.
fn unknown_metric(metric: &Value) -> Option<String> {
    let kind = metric["type"].as_str()?;
    let source = match kind {
        "Pods" => &metric["pods"],
        "External" => &metric["external"],
        "Object" => &metric["object"],
        "Resource" | "ContainerResource" => return Some(format!("metrics of type {kind} are not simulated")),
        _ => return None,
    };
    let name = source["metric"]["name"].as_str()?;
    VllmMetric::parse(name).err().map(|near| format!("`{name}` is no metric that is simulated{near}"))
}

/// Targets are quantities (`5`, `"5"`, `500m`) in Kubernetes, and numbers here; selectors choose among series that a
/// simulation has only one of.
fn plain_numbers(metric: &mut Value) {
    for source in ["pods", "external", "object"] {
        let Some(source) = metric.get_mut(source) else { continue };
        for target in ["averageValue", "value"] {
            if let Some(value) = source.pointer_mut(&format!("/target/{target}"))
                && let Some(number) = value.as_str().and_then(quantity).and_then(Number::from_f64)
            {
                *value = Value::Number(number);
            }
        }
        if let Some(metric) = source.get_mut("metric").and_then(Value::as_object_mut) {
            metric.shift_remove("selector");
        }
    }
}
