//! The search space: machine x network x model x TP x PP x engine limits.

use crate::catalog::{Catalog, suggestion};
use crate::document::path::{field, item};
use crate::engine::{EngineArgs, ExecutorArg};
use crate::hardware::{
    Commitment, DEFAULT_REGION, HourlyPrice, Machine, NetworkKind, NodePoolArgs, NodesArgs, PriceError,
    PriceQuery, Provisioning, hourly_price,
};
use crate::kubernetes::{LeaderWorkerSetArgs, LeaderWorkerTemplateArgs};
use crate::report::plan::{Candidate, Verdict};
use crate::scenario::{DeploymentArgs, PlacementArgs, PlanArgs, ScenarioError, ScenarioFile};

/// Tensor parallel sizes tried unless stated: those that stay inside a node of eight.
const TENSOR_PARALLEL: [u32; 4] = [1, 2, 4, 8];
/// Pipeline parallel sizes tried unless stated.
const PIPELINE_PARALLEL: [u32; 3] = [1, 2, 4];
/// Most candidates of a search.
const MOST: usize = 20_000;

/// One candidate, without its number of groups.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spec {
    /// What is known of it before any simulation.
    pub(super) candidate: Candidate,
    /// Network between the nodes of a group.
    pub(super) network: NetworkKind,
}

impl Spec {
    /// Nodes that so many groups fill.
    pub(super) fn nodes(&self, groups: u32) -> u32 {
        let Candidate { nodes_per_group, groups_per_node, .. } = self.candidate;
        (groups * nodes_per_group).div_ceil(groups_per_node)
    }

    /// Groups that fit on the nodes that `groups` groups need.
    pub(super) fn filled(&self, groups: u32) -> u32 {
        self.nodes(groups) * self.candidate.groups_per_node / self.candidate.nodes_per_group
    }

    /// Price of so many groups on demand, for a month of 730 h.
    pub(super) fn usd_per_month(&self, groups: u32) -> f64 {
        f64::from(self.nodes(groups)) * self.candidate.usd_per_node_hour * super::HOURS_PER_MONTH
    }

    /// The placement with so many groups.
    pub(super) fn placement(&self, args: &PlanArgs, groups: u32) -> PlacementArgs {
        let candidate = &self.candidate;
        let engine = EngineArgs {
            tensor_parallel_size: Some(candidate.tensor_parallel_size),
            pipeline_parallel_size: Some(candidate.pipeline_parallel_size),
            max_num_seqs: candidate.max_num_seqs,
            max_num_batched_tokens: candidate.max_num_batched_tokens,
            distributed_executor_backend: args
                .engine
                .distributed_executor_backend
                .or((candidate.nodes_per_group > 1).then_some(ExecutorArg::Ray)),
            ..args.engine.clone()
        };
        let template =
            LeaderWorkerTemplateArgs { size: Some(candidate.nodes_per_group), ..Default::default() };
        PlacementArgs {
            name: candidate.name.clone(),
            node_pools: vec![NodePoolArgs {
                nodes: Some(NodesArgs::Fixed(self.nodes(groups))),
                network: Some(self.network),
                region: Some(region(args).to_owned()),
                discount: args.discount,
                storage: args.storage,
                ..NodePoolArgs::new("nodes", &candidate.machine)
            }],
            deployments: vec![DeploymentArgs {
                name: "vllm".to_owned(),
                node_pool: "nodes".to_owned(),
                model: candidate.model.clone(),
                engine,
                leaderworkerset: LeaderWorkerSetArgs {
                    replicas: Some(groups),
                    leader_worker_template: Some(template),
                    ..Default::default()
                },
                hpa: None,
                pod: None,
                pod_disruption_budget: None,
            }],
            kubernetes: None,
            startup: None,
            failures: None,
        }
    }
}

/// Region that prices are taken from.
pub(super) fn region(args: &PlanArgs) -> &str {
    args.region.as_deref().unwrap_or(DEFAULT_REGION)
}

/// The price of a machine on given terms.
pub(super) fn price(
    catalog: &Catalog,
    args: &PlanArgs,
    machine: &str,
    (provisioning, commitment): (Provisioning, Option<Commitment>),
) -> Result<HourlyPrice, PriceError> {
    let query = PriceQuery {
        machine,
        region: region(args),
        provisioning,
        commitment,
        discount: args.discount.unwrap_or(0.0),
        usd_per_node_hour: None,
    };
    hourly_price(catalog, &query)
}

/// The price of a machine on demand [USD/h].
fn on_demand(catalog: &Catalog, args: &PlanArgs, machine: &str) -> Result<f64, PriceError> {
    Ok(price(catalog, args, machine, (Provisioning::Standard, None))?.usd_per_hour)
}

/// The machines to choose from, each with its price.
fn machines(
    file: &ScenarioFile,
    catalog: &Catalog,
    args: &PlanArgs,
) -> Result<Vec<(Machine, f64)>, ScenarioError> {
    let Some(names) = &args.machines else {
        let section =
            catalog.section("machines").map_err(|error| file.error("plan.machines", error.to_string()))?;
        let priced = section.keys().filter_map(|name| Some((name, on_demand(catalog, args, name).ok()?)));
        let read = priced.map(|(name, price)| Ok((Machine::read(catalog, name)?, price)));
        let read: Result<Vec<_>, crate::catalog::CatalogError> = read.collect();
        let read = read.map_err(|error| file.error("plan.machines", error.to_string()))?;
        if read.is_empty() {
            let message = format!("the catalogue prices no machine in `{}`", region(args));
            return Err(file.error("plan.region", message));
        }
        return Ok(read);
    };
    let named = names.iter().enumerate().map(|(index, name)| {
        let at = item("plan.machines", index);
        let machine = Machine::read(catalog, name).map_err(|error| file.error(&at, error.to_string()))?;
        let price = on_demand(catalog, args, name).map_err(|error| unpriced(file, catalog, error, &at))?;
        Ok((machine, price))
    });
    named.collect()
}

/// Why a machine has no price; a wrong region is the fault of that field.
fn unpriced(file: &ScenarioFile, catalog: &Catalog, error: PriceError, at: &str) -> ScenarioError {
    let PriceError::UnknownRegion { machine, region, .. } = error else {
        return file.error(at, error.to_string());
    };
    let regions = catalog.section("prices").ok().and_then(|section| section.get(&machine)?.as_object());
    let near = suggestion(&region, regions.into_iter().flat_map(|map| map.keys().map(String::as_str)));
    file.error("plan.region", format!("the catalogue has no price of `{machine}` in `{region}`{near}"))
}

/// The networks of a machine that a group across nodes may use.
fn networks(args: &PlanArgs, machine: &Machine) -> Vec<NetworkKind> {
    match &args.networks {
        Some(stated) => stated.iter().copied().filter(|network| machine.offers(*network)).collect(),
        // The catalogue lists them from the slowest to the fastest.
        None => machine.networks.iter().copied().max().into_iter().collect(),
    }
}

/// Every candidate, in the order of the lists; and what nobody stated and keeps others out.
pub(super) fn candidates(
    file: &ScenarioFile,
    catalog: &Catalog,
    args: &PlanArgs,
) -> Result<(Vec<Spec>, Vec<String>), ScenarioError> {
    for (index, model) in args.models.iter().enumerate() {
        let at = item("plan.models", index);
        if args.models[..index].contains(model) {
            return Err(file.error(&at, format!("`{model}` is there twice")));
        }
        file.model(catalog, model, &at)?;
    }
    for (name, stated) in [
        ("tensor_parallel_size", args.engine.tensor_parallel_size.is_some()),
        ("pipeline_parallel_size", args.engine.pipeline_parallel_size.is_some()),
        ("max_num_seqs", args.engine.max_num_seqs.is_some()),
        ("max_num_batched_tokens", args.engine.max_num_batched_tokens.is_some()),
    ] {
        if stated {
            let message = format!("this is searched: state `plan.{name}: [...]` instead");
            return Err(file.error(&field("plan.engine", name), message));
        }
    }
    for (name, values) in [
        ("tensor_parallel_size", &args.tensor_parallel_size),
        ("pipeline_parallel_size", &args.pipeline_parallel_size),
        ("max_num_seqs", &args.max_num_seqs),
        ("max_num_batched_tokens", &args.max_num_batched_tokens),
    ] {
        let values = values.as_deref().unwrap_or_default();
        if let Some(index) = (1..values.len()).find(|index| values[..*index].contains(&values[*index])) {
            let at = item(&field("plan", name), index);
            return Err(file.error(&at, format!("{} is there twice", values[index])));
        }
    }
    let machines = machines(file, catalog, args)?;
    let sizes = |stated: &Option<Vec<u32>>, usual: &[u32]| stated.clone().unwrap_or(usual.to_vec());
    let optional = |stated: &Option<Vec<u32>>| match stated {
        Some(values) => values.iter().copied().map(Some).collect(),
        None => vec![None],
    };
    let (seqs, tokens) = (optional(&args.max_num_seqs), optional(&args.max_num_batched_tokens));
    let mut specs: Vec<Spec> = Vec::new();
    for (machine, price) in &machines {
        for model in &args.models {
            for tensor in sizes(&args.tensor_parallel_size, &TENSOR_PARALLEL) {
                for pipeline in sizes(&args.pipeline_parallel_size, &PIPELINE_PARALLEL) {
                    for shape in shapes(args, machine, tensor, pipeline) {
                        for seqs in &seqs {
                            for tokens in &tokens {
                                specs.push(spec(args, (machine, *price), model, shape, (*seqs, *tokens)));
                            }
                        }
                    }
                }
            }
        }
    }
    if specs.is_empty() {
        let message =
            "no machine has GPUs for any of these sizes: a group shares a node or fills whole nodes";
        return Err(file.error("plan", message));
    }
    if specs.len() > MOST {
        return Err(file.error("plan", format!("{} candidates: a search takes at most {MOST}", specs.len())));
    }
    Ok((specs, announced(args, &machines)))
}

/// How a group lies on nodes.
#[derive(Clone, Copy)]
struct Shape {
    tensor: u32,
    pipeline: u32,
    nodes_per_group: u32,
    groups_per_node: u32,
    network: NetworkKind,
}

/// The ways in which TP x PP GPUs lie on nodes: several groups on one, or one group on whole ones.
fn shapes(args: &PlanArgs, machine: &Machine, tensor: u32, pipeline: u32) -> Vec<Shape> {
    let gpus = tensor * pipeline;
    let shape = |nodes_per_group, groups_per_node, network| Shape {
        tensor,
        pipeline,
        nodes_per_group,
        groups_per_node,
        network,
    };
    if gpus <= machine.gpus {
        return vec![shape(1, machine.gpus / gpus, NetworkKind::Gvnic)];
    }
    if !gpus.is_multiple_of(machine.gpus) {
        return Vec::new();
    }
    networks(args, machine).into_iter().map(|network| shape(gpus / machine.gpus, 1, network)).collect()
}

fn spec(
    args: &PlanArgs,
    (machine, price): (&Machine, f64),
    model: &str,
    shape: Shape,
    (seqs, tokens): (Option<u32>, Option<u32>),
) -> Spec {
    let Shape { tensor, pipeline, nodes_per_group, groups_per_node, network } = shape;
    let mut name = format!("{}-{}-tp{tensor}pp{pipeline}", machine.name, short(model));
    if nodes_per_group > 1 && args.networks.as_ref().is_some_and(|networks| networks.len() > 1) {
        name = format!("{name}-{network}");
    }
    if let Some(seqs) = seqs {
        name = format!("{name}-seqs{seqs}");
    }
    if let Some(tokens) = tokens {
        name = format!("{name}-tokens{tokens}");
    }
    let candidate = Candidate {
        name,
        machine: machine.name.clone(),
        network: network.name().to_owned(),
        model: model.to_owned(),
        tensor_parallel_size: tensor,
        pipeline_parallel_size: pipeline,
        max_num_seqs: seqs,
        max_num_batched_tokens: tokens,
        nodes_per_group,
        groups_per_node,
        usd_per_node_hour: price,
        verdict: Verdict::NotReached,
        reason: None,
        floor: None,
        figures: None,
    };
    Spec { candidate, network }
}

/// The last part of a model's name, fit for a file name.
fn short(model: &str) -> String {
    let last = model.trim_end_matches("/config.json").rsplit('/').next().unwrap_or(model);
    let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    last.to_lowercase().chars().map(fit).collect()
}

/// What the defaults keep out, a sentence each.
fn announced(args: &PlanArgs, machines: &[(Machine, f64)]) -> Vec<String> {
    let mut said = Vec::new();
    if args.machines.is_none() {
        let names: Vec<&str> = machines.iter().map(|(machine, _)| machine.name.as_str()).collect();
        said.push(format!(
            "machines: those that the catalogue prices on demand in {}: {} (plan.machines)",
            region(args),
            names.join(", ")
        ));
    }
    if args.tensor_parallel_size.is_none() {
        said.push("tensor_parallel_size: 1, 2, 4 and 8 (plan.tensor_parallel_size)".to_owned());
    }
    if args.pipeline_parallel_size.is_none() {
        said.push("pipeline_parallel_size: 1, 2 and 4 (plan.pipeline_parallel_size)".to_owned());
    }
    if args.networks.is_none() {
        said.push(
            "groups that span nodes use the fastest network of their machine (plan.networks)".to_owned(),
        );
    }
    if args.max_num_seqs.is_none() && args.max_num_batched_tokens.is_none() {
        said.push("max_num_seqs and max_num_batched_tokens: vLLM's defaults (plan.max_num_seqs, plan.max_num_batched_tokens)".to_owned());
    }
    said
}
