//! Autoscalers and budgets find the LeaderWorkerSets that they speak of.

use crate::import_harness::{Set, imported, placement};

fn hpa(target: &str, most: u32) -> String {
    format!(
        "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: h-{target}}}\nspec:\n  scaleTargetRef: \
         {{apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet, name: {target}}}\n  maxReplicas: {most}\n  metrics: \
         [{{type: Pods, pods: {{metric: {{name: vllm:num_requests_waiting}}, target: {{type: AverageValue, averageValue: 5}}}}}}]\n"
    )
}

fn budget(name: &str, selector: &str, least: u32) -> String {
    format!(
        "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: {name}}}\nspec: {{minAvailable: {least}, selector: \
         {selector}}}\n"
    )
}

fn two_sets() -> String {
    let second = Set { name: "second", ..Set::default() };
    format!("{}---\n{}", Set::default().text(), second.text())
}

/// Largest number of groups and smallest number of pods of every deployment.
fn limits(text: &str) -> Vec<(Option<u32>, Option<String>)> {
    let deployments = placement(&imported(text)).deployments.into_iter();
    deployments
        .map(|deployment| {
            let budget = deployment
                .pod_disruption_budget
                .map(|budget| serde_json::to_value(budget).unwrap()["minAvailable"].to_string());
            (deployment.hpa.map(|hpa| hpa.max_replicas), budget)
        })
        .collect()
}

#[test]
fn each_of_two_sets_gets_its_own_autoscaler() {
    let both = format!("{}{}{}", two_sets(), hpa("vllm", 3), hpa("second", 4));
    assert_eq!(limits(&both), [(Some(3), None), (Some(4), None)]);
    let one = format!("{}{}", two_sets(), hpa("second", 4));
    assert_eq!(limits(&one), [(None, None), (Some(4), None)]);
}

#[test]
fn each_of_two_sets_gets_its_own_budget() {
    let label = |name: &str| format!("{{matchLabels: {{leaderworkerset.sigs.k8s.io/name: {name}}}}}");
    let both =
        format!("{}{}{}", two_sets(), budget("a", &label("vllm"), 1), budget("b", &label("second"), 2));
    assert_eq!(limits(&both), [(None, Some("1".to_owned())), (None, Some("2".to_owned()))]);
}

#[test]
fn budgets_select_by_expressions_too() {
    let expression =
        "{matchExpressions: [{key: leaderworkerset.sigs.k8s.io/name, operator: In, values: [second]}]}";
    let text = format!("{}{}", two_sets(), budget("a", expression, 1));
    assert_eq!(limits(&text), [(None, None), (None, Some("1".to_owned()))]);
}

#[test]
fn what_a_budget_cannot_say_here_is_said() {
    let all = format!("{}{}{}", two_sets(), budget("a", "{}", 1), budget("b", "{}", 2));
    assert_eq!(limits(&all), [(None, Some("1".to_owned())), (None, Some("1".to_owned()))]);
    let remarks = imported(&all).remarks.join("\n");
    assert!(remarks.contains("PodDisruptionBudget/a: counts for `second` alone too"), "{remarks}");
    assert!(remarks.contains("PodDisruptionBudget/b: a second budget of `vllm`"), "{remarks}");
}

#[test]
fn an_autoscaler_without_a_metric_that_is_simulated_is_named_once() {
    let cpu = hpa("vllm", 3).replace("vllm:num_requests_waiting", "cpu_seconds");
    let remarks = imported(&format!("{}{cpu}", Set::default().text())).remarks;
    let about: Vec<&String> =
        remarks.iter().filter(|remark| remark.contains("HorizontalPodAutoscaler")).collect();
    assert_eq!(about.len(), 2, "{about:?}");
    assert!(about[0].contains("`cpu_seconds` is no metric that is simulated"), "{about:?}");
    assert!(about[1].contains("no metric is left; ignored"), "{about:?}");
}

#[test]
fn what_does_not_fit_is_written_and_warned_of() {
    let command =
        "[vllm, serve, meta-llama/Llama-3.1-405B-Instruct, -tp, \"8\", -pp, \"2\", --max-model-len, 16k]";
    let set = |command: &str| Set {
        size: 2,
        image: "vllm/vllm-openai:v0.33.0",
        command: command.to_owned(),
        ..Set::default()
    };
    let warnings = set(command).imported().warnings.join("\n");
    assert!(warnings.contains("command: does not fit: World size (16)"), "{warnings}");
    let nodes = command.replace(']', ", --nnodes, $(LWS_GROUP_SIZE)]");
    assert_eq!(set(&nodes).imported().warnings, [] as [String; 0]);
}
