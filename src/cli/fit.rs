//! `towtank fit`: what each GPU would hold, without simulating anything.

mod vllm_serve;

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::CliError;
use super::options::{Format, InputOptions};
use super::output;
use crate::engine::StageMemory;
use crate::scenario::{ResolvedDeployment, ScenarioFile};

#[derive(Args)]
pub(super) struct FitArgs {
    /// Scenario file; `-` is stdin
    #[arg(value_name = "SCENARIO", required_unless_present = "machine", conflicts_with = "machine")]
    scenario: Option<PathBuf>,
    /// Machine type of the nodes, instead of a scenario
    #[arg(long, requires = "command")]
    machine: Option<String>,
    /// Nodes that one engine spans
    #[arg(long, default_value_t = 1, requires = "machine", value_parser = clap::value_parser!(u32).range(1..))]
    nodes: u32,
    /// Release of vLLM, for `--machine`
    #[arg(long, requires = "machine")]
    vllm_version: Option<String>,
    /// The command, such as `vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 8192`
    #[arg(last = true, requires = "machine", value_name = "COMMAND")]
    command: Vec<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    input: InputOptions,
}

/// Columns of the JSON and CSV forms; a row a stage. Why something does not fit comes last.
const COLUMNS: [&str; 14] = [
    "placement",
    "deployment",
    "fits",
    "stage",
    "gpu_gib",
    "weights_gib",
    "other_gib",
    "kv_cache_gib",
    "free_gib",
    "num_gpu_blocks",
    "kv_cache_tokens",
    "max_full_length_sequences",
    "sequences_at_this_workload",
    "reason",
];

/// The same for a terminal: sizes in GiB a GPU. Reasons stand below the table, they are long.
const HEADERS: [&str; COLUMNS.len() - 1] = [
    "placement",
    "deployment",
    "fits",
    "stage",
    "GPU GiB",
    "weights",
    "other",
    "KV cache",
    "free",
    "blocks",
    "KV tokens",
    "full-length seqs",
    "seqs here",
];

/// Prints the memory of every deployment.
pub(super) fn fit(args: &FitArgs) -> Result<(), CliError> {
    let catalog = args.input.catalog()?;
    let (resolved, lengths) = match (&args.scenario, &args.machine) {
        (Some(path), _) => {
            let file = args.input.scenario(path)?;
            let resolved = file.resolve(&catalog)?;
            let lengths = resolved.mean_tokens();
            (resolved, lengths)
        }
        (None, machine) => {
            let machine = machine.as_deref().unwrap_or_default();
            let version = args.vllm_version.as_deref();
            let text = vllm_serve::scenario(machine, args.nodes, version, &args.command)?;
            let file = ScenarioFile::parse("vllm serve", &text, std::path::Path::new(""), &args.input.sets);
            let resolved = file.and_then(|file| file.resolve(&catalog));
            (resolved.map_err(|error| vllm_serve::in_flags(&error))?, None)
        }
    };
    let mut rows = Vec::new();
    let mut refusals = Vec::new();
    for placement in &resolved.placements {
        for deployment in &placement.deployments {
            let total = placement.pools[deployment.pool].gpu.total_memory().as_gib();
            let names = (placement.name.as_str(), deployment.name.as_str());
            rows.extend(deployment_rows(names, deployment, total, lengths));
            if let Err(refusal) = &deployment.memory {
                refusals.push(format!("{}: {} does not fit: {refusal}", placement.name, deployment.name));
            }
        }
    }
    if args.format == Format::Table {
        for row in &mut rows {
            row.truncate(HEADERS.len());
        }
        output::print_rows(args.format, &HEADERS, &rows)?;
    } else {
        output::print_rows(args.format, &COLUMNS, &rows)?;
    }
    for refusal in refusals {
        output::remark(&refusal);
    }
    Ok(())
}

fn deployment_rows(
    (placement, name): (&str, &str),
    deployment: &ResolvedDeployment,
    total: f64,
    tokens: Option<f64>,
) -> Vec<Vec<Value>> {
    let plan = match &deployment.memory {
        Ok(plan) => plan,
        Err(refusal) => {
            let mut row =
                vec![json!(placement), json!(name), json!("no"), Value::Null, json!(rounded(total))];
            row.resize(COLUMNS.len() - 1, Value::Null);
            row.push(json!(refusal.to_string()));
            return vec![row];
        }
    };
    let whole = [
        json!(plan.num_gpu_blocks),
        json!(plan.kv_cache_tokens),
        json!(rounded(plan.max_full_length_sequences)),
        json!(tokens.map(|tokens| rounded(plan.kv_cache_tokens as f64 / tokens))),
    ];
    let row = |(stage, memory): (usize, &StageMemory)| {
        let mut row = vec![json!(placement), json!(name), json!("yes"), json!(stage), json!(rounded(total))];
        let parts = [memory.weights, memory.other(), memory.kv_cache, memory.free];
        row.extend(parts.into_iter().map(|bytes| json!(rounded(bytes.as_gib()))));
        row.extend(whole.iter().cloned());
        row.push(Value::Null);
        row
    };
    plan.stages.iter().enumerate().map(row).collect()
}

/// Two decimals: what the memory model can stand for.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
