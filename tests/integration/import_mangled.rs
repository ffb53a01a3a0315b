//! A manifest with a mistake in it gets one error that says where, exit status 2, and no scenario.

use std::{fs, path::Path, process::Command};

/// Name of the mistake, what stands in the good manifest, and what stands there instead.
const EDITS: [(&str, &str, &str); 49] = [
    ("no apiVersion", "apiVersion: leaderworkerset.x-k8s.io/v1\n", ""),
    ("apiVersion of another time", "x-k8s.io/v1", "x-k8s.io/v1alpha1"),
    ("no kind", "kind: LeaderWorkerSet\n", ""),
    ("kind misspelt", "kind: LeaderWorkerSet", "kind: LeaderWorkerset"),
    ("kind of something else", "kind: LeaderWorkerSet", "kind: VirtualService"),
    ("kind a number", "kind: LeaderWorkerSet", "kind: 7"),
    ("no name", "  name: chat\n", "  generateName: chat-\n"),
    ("name empty", "name: chat\n", "name: \"\"\n"),
    ("name a number", "name: chat\n", "name: 405\n"),
    ("name in capitals", "name: chat\n", "name: Chat\n"),
    ("name begins with a digit", "name: chat\n", "name: 405b\n"),
    ("name too long", "name: chat\n", "name: cccccccccccccccccccccccccccccccccccccccccccccccccccccccc\n"),
    ("no spec", "\nspec:\n  replicas", "\nspecification:\n  replicas"),
    ("no template of the group", "leaderWorkerTemplate:", "leaderWorkersTemplate:"),
    ("no template of the workers", "workerTemplate:", "followerTemplate:"),
    (
        "no containers",
        "        containers:\n          - name: worker",
        "        pods:\n          - name: worker",
    ),
    ("container without a name", "- name: leader", "- title: leader"),
    ("size zero", "size: 2", "size: 0"),
    ("size negative", "size: 2", "size: -2"),
    ("size a text", "size: 2", "size: two"),
    ("size a fraction", "size: 2", "size: 2.5"),
    ("size infinite", "size: 2", "size: .inf"),
    ("size beyond any number", "size: 2", "size: 99999999999999999999999999999999999999999"),
    ("size larger than any group", "size: 2", "size: 100000"),
    ("size a list", "size: 2", "size: [2]"),
    ("size that does not divide the GPUs", "size: 2", "size: 3\n    # pipeline"),
    ("replicas negative", "replicas: 2", "replicas: -1"),
    ("replicas beyond the limit", "replicas: 2", "replicas: 10000000"),
    ("replicas that no pool could hold", "replicas: 2", "replicas: 900000"),
    ("replicas a text", "replicas: 2", "replicas: many"),
    ("restart policy unknown", "RecreateGroupOnPodRestart", "RecreateGroup"),
    ("GPUs in words", "gpu: \"8\", memory", "gpu: eight, memory"),
    ("GPUs negative", "gpu: \"8\", memory", "gpu: -8, memory"),
    ("a GPU and a half", "gpu: \"8\", memory", "gpu: \"1.5\", memory"),
    ("GPUs without number", "gpu: \"8\", memory", "gpu: 1000000, memory"),
    (
        "command a text",
        "command:\n              - sh\n              - -c\n              - \"bash",
        "command: \"bash",
    ),
    ("command with a number", "- -c\n", "- 7\n"),
    ("no model", "--model meta-llama/Llama-3.1-405B-Instruct", ""),
    ("two models", "--model meta-llama/Llama-3.1-405B-Instruct", "one/model another/model"),
    ("flag without its value", "--pipeline_parallel_size $(LWS_GROUP_SIZE)", "--pipeline_parallel_size"),
    ("tensor parallelism in words", "--tensor-parallel-size 8", "--tensor-parallel-size eight"),
    ("tensor parallelism of nothing", "--tensor-parallel-size 8", "--tensor-parallel-size 0"),
    ("tensor parallelism that cuts heads", "--tensor-parallel-size 8", "--tensor-parallel-size 6"),
    ("more GPUs than a machine has", "--tensor-parallel-size 8", "--tensor-parallel-size 24"),
    ("a context past the model's", "--tensor-parallel-size 8", "--tensor-parallel-size 8 --max-model-len 1M"),
    (
        "a switch that is neither",
        "--tensor-parallel-size 8",
        "--tensor-parallel-size 8 --enforce-eager=perhaps",
    ),
    ("probe without period", "periodSeconds: 10", "periodSeconds: 0"),
    ("two keys of one name", "  replicas: 2\n", "  replicas: 2\n  replicas: 3\n"),
    ("a bracket that stays open", "metadata: {labels: {role: leader}}", "metadata: {labels: {role: leader}"),
];

/// Text that is put in front of `  leaderWorkerTemplate:`.
const SPECS: [(&str, &str); 6] = [
    ("rollout of an unknown kind", "  rolloutStrategy: {type: Recreate}\n"),
    ("rollout of 200 percent", "  rolloutStrategy: {rollingUpdateConfiguration: {maxUnavailable: 200%}}\n"),
    (
        "rollout that cannot move",
        "  rolloutStrategy: {rollingUpdateConfiguration: {maxUnavailable: 0, maxSurge: 0}}\n",
    ),
    ("startup policy unknown", "  startupPolicy: LeaderFirst\n"),
    ("tabs", "\treplicas: 2\n"),
    ("an anchor that is not there", "  startupPolicy: *policy\n"),
];

/// Whole files, and objects that follow the good manifest.
const FILES: [(&str, &str); 6] = [
    ("empty", ""),
    ("only a comment", "# nothing\n---\n"),
    ("a sentence", "Serve me a llama.\n"),
    ("a list", "- apiVersion: leaderworkerset.x-k8s.io/v1\n"),
    ("a number", "405\n"),
    ("values of a chart", "model: {name: llama}\nreplicas: 2\n"),
];

const HPA: &str = "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec:\n  \
    scaleTargetRef: {kind: LeaderWorkerSet, name: chat}\n";
const METRICS: &str = "  metrics: [{type: Pods, pods: {metric: {name: vllm:num_requests_waiting}, target: {type: \
    AverageValue, averageValue: 5}}}]\n";
const PDB: &str = "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec:\n  selector: \
    {matchLabels: {role: leader}}\n";

fn beside() -> Vec<(&'static str, String)> {
    vec![
        ("autoscaler without a maximum", format!("{HPA}{METRICS}")),
        ("autoscaler whose limits cross", format!("{HPA}  minReplicas: 9\n  maxReplicas: 3\n{METRICS}")),
        ("autoscaler with a target in words", format!("{HPA}  maxReplicas: 3\n{}", METRICS.replace('5', "five"))),
        ("two autoscalers", format!("{HPA}  maxReplicas: 3\n{METRICS}{HPA}  maxReplicas: 4\n{METRICS}")),
        ("budget with both limits", format!("{PDB}  minAvailable: 1\n  maxUnavailable: 1\n")),
        ("budget in words", format!("{PDB}  minAvailable: most\n")),
        (
            "class with a throughput in words",
            "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: c}\nparameters: {type: \
             hyperdisk-ml, provisioned-throughput-on-create: fast}\n"
                .to_owned(),
        ),
        ("an object without a kind", "---\napiVersion: v1\nmetadata: {name: x}\n".to_owned()),
        ("a service without a name", "---\napiVersion: v1\nkind: Service\nmetadata: {}\n".to_owned()),
        ("a template beside it", "---\n{{- if .Values.service }}\nkind: Service\n{{- end }}\n".to_owned()),
    ]
}

fn mangled() -> Vec<(String, String)> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/manifests/two-nodes.yaml");
    let good = fs::read_to_string(fixture).unwrap();
    let mut files = Vec::new();
    for (name, old, new) in EDITS {
        assert!(good.contains(old), "{name}: the good manifest has no `{old}`");
        let mut text = good.replacen(old, new, 1);
        if name.contains("does not divide") {
            text = text.replacen("_size $(LWS_GROUP_SIZE)", "_size 1", 1);
        }
        files.push((name.to_owned(), text));
    }
    for (name, spec) in SPECS {
        let at = "  leaderWorkerTemplate:";
        files.push((name.to_owned(), good.replacen(at, &format!("{spec}{at}"), 1)));
    }
    files.extend(FILES.map(|(name, text)| (name.to_owned(), text.to_owned())));
    files.extend(beside().into_iter().map(|(name, text)| (name.to_owned(), format!("{good}{text}"))));
    let again = good.split("---\n").next().unwrap();
    files.push(("the same set twice".to_owned(), format!("{good}---\n{again}")));
    let annotated = "name: chat\n  annotations: {leaderworkerset.sigs.k8s.io/exclusive-topology: rack}\n";
    files.push(("a topology that no node has".to_owned(), good.replacen("name: chat\n", annotated, 1)));
    let subgroups = "    size: 2\n    subGroupPolicy: {subGroupSize: 5}\n";
    files.push(("subgroups larger than the group".to_owned(), good.replacen("    size: 2\n", subgroups, 1)));
    files
}

#[test]
fn a_mangled_manifest_gets_one_error_and_no_scenario() {
    let dir = std::env::temp_dir().join(format!("towtank-mangled-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let files = mangled();
    assert!(files.len() >= 50, "{}", files.len());
    let mut all = Vec::new();
    for (name, text) in files {
        fs::write(dir.join("mangled.yaml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_towtank"));
        let output = command.current_dir(&dir).args(["import", "mangled.yaml"]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            output.status.code(),
            Some(2),
            "{name}: {stderr}{}",
            String::from_utf8_lossy(&output.stdout)
        );
        assert!(output.stdout.is_empty(), "{name}");
        assert_eq!(stderr.matches("error:").count(), 1, "{name}: {stderr}");
        assert!(stderr.starts_with("error: mangled.yaml"), "{name}: {stderr}");
        all.push(format!("## {name}\n{stderr}"));
    }
    fs::write(dir.join("mangled.yaml"), b"kind: \xff\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_towtank"));
    let output = command.current_dir(&dir).args(["import", "mangled.yaml"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "error: mangled.yaml: not UTF-8 text\n");
    fs::remove_dir_all(dir).unwrap();
    insta::assert_snapshot!("mangled", all.concat());
}
