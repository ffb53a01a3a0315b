//! `towtank fit`: what each GPU would hold, without simulating anything.

mod vllm_log;
pub(super) mod vllm_serve;

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::CliError;
use super::command::CommandOptions;
use super::options::{Format, InputOptions};
use super::output;
use crate::engine::StageMemory;
use crate::scenario::ResolvedDeployment;

#[derive(Args)]
pub(super) struct FitArgs {
    /// Scenario file; `-` is stdin
    #[arg(value_name = "SCENARIO", required_unless_present = "machine", conflicts_with_all = ["machine", "nodes", "vllm_version", "command"])]
    scenario: Option<PathBuf>,
    #[command(flatten)]
    command: CommandOptions,
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
    let (resolved, lengths) = match &args.scenario {
        Some(path) => {
            let file = args.input.scenario(path)?;
            let resolved = file.resolve(&catalog)?;
            let lengths = resolved.mean_tokens();
            (resolved, lengths)
        }
        None => (args.command.resolve(nothing(), Some(0.0), &args.input.sets, &catalog)?.1, None),
    };
    let mut rows = Vec::new();
    let mut remarks = Vec::new();
    let mut log = String::new();
    for placement in &resolved.placements {
        for deployment in &placement.deployments {
            let total = placement.pools[deployment.pool].gpu.total_memory().as_gib();
            let names = (placement.name.as_str(), deployment.name.as_str());
            rows.extend(deployment_rows(names, deployment, total, lengths));
            let name = format!("{}: {}", placement.name, deployment.name);
            if let Err(refusal) = &deployment.memory {
                remarks.push(format!("{name} does not fit: {refusal}"));
            }
            if let Some(class) = &deployment.model.text_of {
                remarks.push(format!("{name} is the text part of {class}; its other parts are left out"));
            }
            log += &vllm_log::lines(&name, deployment);
        }
    }
    if args.format == Format::Table {
        for row in &mut rows {
            row.truncate(HEADERS.len());
        }
        output::print_rows(args.format, &HEADERS, &rows)?;
        output::print(&log)?;
    } else {
        output::print_rows(args.format, &COLUMNS, &rows)?;
    }
    for remark in remarks {
        output::remark(&remark);
    }
    Ok(())
}

/// A scenario with no traffic to speak of.
fn nothing() -> Map<String, Value> {
    let workload = json!({"name": "none", "requests": [{"input_tokens": 1, "output_tokens": 1}]});
    Map::from_iter([("name".to_owned(), json!("fit")), ("workloads".to_owned(), json!([workload]))])
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
