//! Command lines of serving engines, as people type them.

use std::process::{Command, Output};

use serde_json::{Value, json};
use towtank::engine::{CommandError, ServeCommand};

fn read(line: &str) -> Result<ServeCommand, CommandError> {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    ServeCommand::typed(&words)
}

/// The fields of the engine that `vllm serve m` with `flags` states.
fn engine(flags: &str) -> Value {
    let command = read(&format!("vllm serve m {flags}")).unwrap_or_else(|error| panic!("{flags}: {error}"));
    assert!(command.unknown.is_empty(), "{flags}: {:?}", command.unknown);
    Value::Object(command.engine)
}

fn refusal(line: &str) -> String {
    read(line).unwrap_err().to_string()
}

#[test]
fn short_flags_are_flags_and_never_models() {
    assert_eq!(engine("-tp 8 -pp=2"), json!({"tensor_parallel_size": 8, "pipeline_parallel_size": 2}));
    assert_eq!(engine("-dp 1 -r 0 -O3 -cc.mode=3 -ep"), json!({}));
    let unknown = read("vllm serve m -xyz 3").unwrap().unknown;
    assert_eq!((unknown.len(), unknown[0].word.as_str()), (1, "-xyz"));
}

#[test]
fn flags_that_say_nothing_here_are_taken() {
    let flags = "--revision main --generation-config vllm --enable-log-requests --swap-space 4 --task generate \
                 --api-server-count 2 --tokenizer-mode auto --enable-expert-parallel";
    assert_eq!(engine(flags), json!({}));
    assert!(read(&format!("vllm serve m {flags}")).unwrap().remarks(1).is_empty());
    let command = read("vllm serve m --compilation-config {} --disable-custom-all-reduce").unwrap();
    assert_eq!(
        command.remarks(1),
        [
            "`--compilation-config` is not simulated; ignored",
            "`--disable-custom-all-reduce` is not simulated; ignored"
        ]
    );
}

#[test]
fn what_would_change_the_answer_is_refused_unless_it_changes_nothing() {
    for (flags, why) in [
        ("--data-parallel-size 2", "`--data-parallel-size`: data parallelism"),
        ("-dp 2", "`-dp`: data parallelism"),
        ("--speculative-config {}", "`--speculative-config`: speculative decoding"),
        ("--speculative-config.method ngram", "speculative decoding"),
        ("--kv-cache-memory-bytes 8G", "state the size of the KV cache as `--num-gpu-blocks-override`"),
        ("--cpu-offload-gb 10", "`--cpu-offload-gb`: memory of the host"),
        ("--enable-lora", "`--enable-lora`: LoRA adapters"),
        ("--config flags.yaml", "flags in a file"),
        ("--max-model-len auto", "`--max-model-len auto`: the longest context"),
        ("--max-model-len -1", "`--max-model-len -1`: the longest context"),
    ] {
        let refusal = refusal(&format!("vllm serve m {flags}"));
        assert!(refusal.contains(why), "{flags}: {refusal}");
    }
    assert_eq!(engine("--data-parallel-size 1 --cpu-offload-gb 0 --no-enable-lora"), json!({}));
    let pieces = refusal("python3 -m sglang.launch_server --model-path m --chunked-prefill-size -1");
    assert!(pieces.contains("prompts that are never cut"), "{pieces}");
}

#[test]
fn values_are_read_as_python_reads_them() {
    assert_eq!(engine("--gpu-memory-utilization .9"), json!({"gpu_memory_utilization": 0.9}));
    let off = json!({"enable_chunked_prefill": false});
    for flags in
        ["--enable-chunked-prefill False", "--enable-chunked-prefill=false", "--no-enable-chunked-prefill"]
    {
        assert_eq!(engine(flags), off, "{flags}");
    }
    assert_eq!(engine("--enable-chunked-prefill --port 8000"), json!({"enable_chunked_prefill": true}));
    assert_eq!(
        refusal("vllm serve m --tensor-parallel-size --port 1"),
        "`--tensor-parallel-size` needs a value"
    );
}

#[test]
fn the_word_that_stands_alone_is_the_model() {
    assert_eq!(read("vllm serve a --model b").unwrap().model, "a");
    assert_eq!(read("vllm serve --model b").unwrap().model, "b");
    assert!(refusal("vllm serve a b").contains("`b`: only one model"));
}

#[test]
fn who_names_nodes_means_processes_on_them() {
    let processes = json!({"distributed_executor_backend": "mp"});
    assert_eq!(engine("--nnodes 2"), processes);
    assert_eq!(engine("-n 2"), processes);
    assert_eq!(engine("--nnodes 1"), json!({}));
    let ray = json!({"distributed_executor_backend": "ray"});
    assert_eq!(engine("--nnodes 2 --distributed-executor-backend ray"), ray);
    let remarks = |flags: &str, nodes| read(&format!("vllm serve m {flags}")).unwrap().remarks(nodes);
    assert!(remarks("--nnodes 2", 2).is_empty());
    assert_eq!(remarks("--nnodes 4", 2), ["`--nnodes 4`: the engine has 2 here, which counts"]);
    let missing = remarks("--distributed-executor-backend mp", 2);
    assert_eq!(missing, ["`mp` spans 2 nodes with `--nnodes 2`, which is taken to be there"]);
    assert_eq!(refusal("vllm serve m --nnodes $N"), "`--nnodes`: expected a whole number, found `$N`");
}

fn towtank(line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_towtank"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(line.split_whitespace()).output().unwrap()
}

fn streams(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const LLAMA: &str = "vllm serve meta-llama/Llama-3.1-405B-Instruct -tp 8 -pp 2 --max-model-len 16384";

#[test]
fn an_engine_on_several_nodes_takes_their_number_from_either_side() {
    for line in [
        format!("fit --machine a3-highgpu-8g --nodes 2 -- {LLAMA} --nnodes 2"),
        format!("fit --machine a3-highgpu-8g -- {LLAMA} --nnodes 2"),
    ] {
        let (status, stdout, stderr) = streams(&towtank(&line));
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{line}");
        assert!(stdout.contains("GPU KV cache size"), "{line}: {stdout}");
    }
    let (_, _, stderr) = streams(&towtank(&format!("fit --machine a3-highgpu-8g --nodes 2 -- {LLAMA}")));
    assert!(stderr.contains("does not fit: World size (16)"), "{stderr}");
}

#[test]
fn a_command_does_not_stand_behind_a_scenario() {
    for line in [
        "fit scenarios/closed-loop.yaml -- vllm serve m",
        "run scenarios/closed-loop.yaml --quiet -- vllm serve m",
        "run scenarios/closed-loop.yaml --rate 5/s",
    ] {
        let (status, stdout, stderr) = streams(&towtank(line));
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{line}");
        assert!(stderr.contains("cannot be used with"), "{line}: {stderr}");
    }
}

#[test]
fn quantization_is_what_the_checkpoint_says() {
    let fit = |model: &str, method: &str| {
        let line =
            format!("fit --machine a3-highgpu-8g -- vllm serve {model} -tp 8 --max-model-len 8k -q {method}");
        streams(&towtank(&line))
    };
    let (meta, red_hat) =
        ("meta-llama/Llama-3.1-405B-Instruct-FP8", "RedHatAI/Meta-Llama-3.1-405B-Instruct-FP8");
    for (model, method) in [
        (meta, "fbgemm_fp8"),
        (red_hat, "compressed-tensors"),
        ("meta-llama/Llama-3.1-8B-Instruct", "fp8"),
        ("tests/fixtures/models/llama-3.1-8b-awq.json", "awq_marlin"),
    ] {
        let (status, _, stderr) = fit(model, method);
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{model} {method}");
    }
    for (model, method, why) in [
        (meta, "fp8", "specified in the model config (fbgemm_fp8) does not match"),
        ("tests/fixtures/models/llama-3.1-8b-awq.json", "fp8", "model config (awq) does not match"),
        ("meta-llama/Llama-3.1-8B-Instruct", "awq", "the checkpoint is not quantised"),
    ] {
        let (status, _, stderr) = fit(model, method);
        assert!(status == Some(2) && stderr.contains(why), "{model} {method}: {stderr}");
    }
}

#[test]
fn a_machine_without_a_price_gets_one_that_says_what_it_is() {
    let line = "run --machine a4-highgpu-8g --duration 1s --requests none --out target/tmp/no-price -- vllm serve \
                meta-llama/Llama-3.1-8B-Instruct";
    let (status, _, stderr) = streams(&towtank(line));
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stderr.contains("the flex-start price in us-east4 is taken, $64.44 an hour"), "{stderr}");
}

#[test]
fn an_error_blames_the_flag_that_caused_it() {
    let model = "vllm serve meta-llama/Llama-3.1-8B-Instruct";
    for (line, start) in [
        (
            format!("fit --machine a3-highgpu-8g -- {model} --tensor-paralel-size 8"),
            "unknown flag `--tensor-paralel-size`; did you mean `--tensor-parallel-size`?",
        ),
        (
            format!(
                "fit --machine a3-highgpu-8g --set placements[0].deployments[0].hpa.maxReplicas=0 -- {model}"
            ),
            "--set placements[0].deployments[0].hpa",
        ),
    ] {
        let (status, _, stderr) = streams(&towtank(&line));
        assert_eq!(status, Some(2), "{line}");
        assert!(stderr.starts_with(&format!("error: vllm serve: {start}")), "{line}: {stderr}");
    }
}
