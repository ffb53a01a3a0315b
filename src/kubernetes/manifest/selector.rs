//! Which pods a label selector selects (`metav1.LabelSelector`).

use std::collections::BTreeMap;

use super::part::Part;
use crate::document::FileError;

/// Labels of a pod.
pub(super) type Labels = BTreeMap<String, String>;

/// Labels that a pod must have, and what else is asked of its labels. An empty selector selects every pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selector {
    labels: Labels,
    expressions: Vec<Expression>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Expression {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl Selector {
    /// Takes a selector.
    pub(super) fn read(part: &mut Part<'_>) -> Result<Self, FileError> {
        let labels = part.text_map("matchLabels", |_| true)?;
        let mut expressions = Vec::new();
        for mut expression in part.items("matchExpressions")? {
            let key = expression.needed_text("key")?;
            let name = expression.needed_text("operator")?;
            let operator = match name.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => {
                    let message = format!("expected In, NotIn, Exists or DoesNotExist, found `{name}`");
                    return Err(expression.error("operator", message));
                }
            };
            expressions.push(Expression { key, operator, values: expression.texts("values")? });
        }
        part.take_all();
        Ok(Self { labels, expressions })
    }

    /// Whether it selects a pod with these labels.
    pub(super) fn selects(&self, pod: &Labels) -> bool {
        let labelled = self.labels.iter().all(|(name, value)| pod.get(name) == Some(value));
        labelled && self.expressions.iter().all(|expression| expression.holds(pod))
    }
}

impl Expression {
    fn holds(&self, pod: &Labels) -> bool {
        let found = pod.get(&self.key);
        let listed = found.is_some_and(|value| self.values.contains(value));
        match self.operator {
            Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => found.is_some(),
            Operator::DoesNotExist => found.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::Document;

    #[test]
    fn selectors_select_as_kubernetes_says() {
        let pod = Labels::from([("app".to_owned(), "llama".to_owned())]);
        let selects = |mut tree: serde_json::Value| {
            let document = Document::parse_all("f", "a: 1").unwrap().remove(0);
            Selector::read(&mut Part::whole(&document, &mut tree)).map(|selector| selector.selects(&pod))
        };
        let asks = |operator: &str, values: &[&str]| {
            selects(json!({"matchExpressions": [{"key": "app", "operator": operator, "values": values}]}))
        };
        assert_eq!(selects(json!({})), Ok(true));
        assert_eq!(selects(json!({"matchLabels": {"app": "llama", "role": "leader"}})), Ok(false));
        assert_eq!((asks("In", &["llama", "qwen"]), asks("In", &["qwen"])), (Ok(true), Ok(false)));
        assert_eq!((asks("NotIn", &["llama"]), asks("NotIn", &["qwen"])), (Ok(false), Ok(true)));
        assert_eq!((asks("Exists", &[]), asks("DoesNotExist", &[])), (Ok(true), Ok(false)));
        assert!(asks("Near", &[]).is_err());
    }
}
