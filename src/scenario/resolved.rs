//! The resolved form of a scenario: plain values, every default filled in, every name looked up.

mod failures;

use crate::engine::{Backend, BatchLimits, DoesNotFit, ExecutorArg, Family, MemoryPlan, SchedulingPolicyArg};
use crate::hardware::{Commitment, Gpu, HourlyPrice, Machine, NetworkKind, Provisioning, Storage};
use crate::kubernetes::{
    Action, ClusterSpec, ClusterStart, CompileCacheArg, HpaSpec, Rendezvous, StartupTimes,
};
use crate::metrics::{ModelError, ServerBuckets, SloArgs};
use crate::model::{Architecture, KvDtype, Layout, Precision};
use crate::routing::RouterConfig;
use crate::scenario::RareEventsArgs;
use crate::timing::{ExecutorKind, TimingInputs};
use crate::units::{SimDuration, SimTime, Version};
use crate::workload::{Class, Expected};

pub use failures::{Component, FailureProcess, FaultKind, RepairTime};

/// A scenario, ready to be simulated.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its name.
    pub name: String,
    /// What it is about, and what its figures do not say.
    pub description: Option<String>,
    /// Seed of every random number.
    pub seed: u64,
    /// Arrivals end here; if there is none, every workload ends by itself.
    pub duration: Option<SimDuration>,
    /// Requests that arrive earlier are not measured.
    pub warmup: SimDuration,
    /// The run goes on until every request has ended.
    pub drain: bool,
    /// Runs, where there is no traffic.
    pub replications: u32,
    /// What is asked about failures too rare to meet.
    pub rare_events: Option<RareEventsArgs>,
    /// The highest rate within the slo is searched too.
    pub find_rate: bool,
    /// What is good enough; nothing is asked for when empty.
    pub slo: SloArgs,
    /// What its times were calibrated on, in words; `None` where they are as the catalogue has them.
    pub calibrated_on: Option<String>,
    /// Classes of traffic.
    pub workloads: Vec<ResolvedWorkload>,
    /// How requests find a group.
    pub router: RouterConfig,
    /// Buckets in which servers count time.
    pub server_buckets: ServerBuckets,
    /// Ways to serve them.
    pub placements: Vec<ResolvedPlacement>,
}

/// One class of traffic.
#[derive(Clone, Debug)]
pub struct ResolvedWorkload {
    /// What is sent.
    pub class: Class,
    /// What it asks for on average.
    pub expected: Expected,
    /// What is good enough for this class, if it says so itself.
    pub slo: Option<SloArgs>,
}

/// One complete way to serve the workloads.
#[derive(Clone, Debug)]
pub struct ResolvedPlacement {
    /// Its name.
    pub name: String,
    /// Nodes.
    pub pools: Vec<ResolvedPool>,
    /// What runs on them.
    pub deployments: Vec<ResolvedDeployment>,
    /// The cluster under it all.
    pub cluster: ClusterSpec,
    /// What somebody does to it, the earliest first.
    pub agenda: Vec<(SimTime, Action)>,
    /// What fails at random.
    pub failures: Vec<FailureProcess>,
    /// How far figures of it may be off.
    pub model_error: ModelError,
}

/// A pool of equal nodes.
#[derive(Clone, Debug)]
pub struct ResolvedPool {
    /// Its name.
    pub name: String,
    /// The machine of each node.
    pub machine: Machine,
    /// The GPU of the machine.
    pub gpu: Gpu,
    /// Nodes.
    pub nodes: u32,
    /// Network between nodes.
    pub network: NetworkKind,
    /// Region.
    pub region: String,
    /// How the nodes are bought.
    pub provisioning: Provisioning,
    /// Committed use.
    pub commitment: Option<Commitment>,
    /// Negotiated discount [fraction].
    pub discount: f64,
    /// Price of a node.
    pub price: HourlyPrice,
    /// Where weights are read from.
    pub storage: Storage,
}

/// One deployment and its groups.
#[derive(Clone, Debug)]
pub struct ResolvedDeployment {
    /// Its name.
    pub name: String,
    /// Index of its pool in the placement.
    pub pool: usize,
    /// The model as it is in GPU memory.
    pub model: Architecture,
    /// How it is cut.
    pub layout: Layout,
    /// The engine's arguments.
    pub engine: ResolvedEngine,
    /// The memory of each GPU, or why vLLM does not start.
    pub memory: Result<MemoryPlan, DoesNotFit>,
    /// Pods of a group.
    pub size: u32,
    /// How a group starts.
    pub startup: ResolvedStartup,
    /// Groups at the start.
    pub replicas: u32,
    /// Groups that can exist at once.
    pub slots: u32,
    /// What decides the timing of its first group.
    pub timing: TimingInputs,
    /// Its autoscaler.
    pub hpa: Option<HpaSpec>,
}

/// The engine's arguments, every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedEngine {
    /// The inference server.
    pub backend: Backend,
    /// Release whose behaviour is simulated.
    pub version: Version,
    /// How workers are driven.
    pub executor: ExecutorArg,
    /// The backend was stated, not chosen by vLLM.
    pub executor_stated: bool,
    /// Longest prompt and answer together [tokens].
    pub max_model_len: u32,
    /// Format of activations.
    pub dtype: Precision,
    /// `kv_cache_dtype` as stated.
    pub kv_cache_dtype: KvDtype,
    /// Part of the GPU's memory vLLM may use.
    pub gpu_memory_utilization: f64,
    /// Tokens of a KV block.
    pub block_size: u32,
    /// Number of KV blocks, whatever the memory holds.
    pub num_gpu_blocks_override: Option<u32>,
    /// Token budget, most sequences, chunked prefill.
    pub limits: BatchLimits,
    /// Prompts that begin alike share KV blocks.
    pub enable_prefix_caching: bool,
    /// Largest piece of a long prompt [tokens]; 0 is no limit.
    pub long_prefill_token_threshold: u32,
    /// Order of waiting requests.
    pub scheduling_policy: SchedulingPolicyArg,
    /// `async_scheduling` as stated; the release decides when it is not.
    pub async_scheduling: Option<bool>,
    /// Part of the KV blocks that must stay free when a request is admitted.
    pub watermark: f64,
    /// No CUDA graphs.
    pub enforce_eager: bool,
    /// Batch sizes that CUDA graphs are captured for; empty with `enforce_eager`.
    pub capture_sizes: Vec<u32>,
    /// Forward passes a call of V0's scheduler.
    pub num_scheduler_steps: u32,
    /// Longest context that a CUDA graph of V0 covers [tokens].
    pub max_seq_len_to_capture: u32,
}

/// How the groups of a deployment start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedStartup {
    /// Durations of the stages.
    pub times: StartupTimes,
    /// What each pod reads where its node has nothing, leader first [B]: of a download the whole checkpoint, of mounted
    /// files what its GPUs hold.
    pub bytes_per_pod: Vec<u64>,
    /// What each pod reads where its node has the files, leader first [B]: what its GPUs hold.
    pub cached_bytes_per_pod: Vec<u64>,
    /// Where compiled code survives.
    pub compile_cache: CompileCacheArg,
    /// How its pods find each other.
    pub rendezvous: Rendezvous,
}

impl Resolved {
    /// Whether anything is said to be good enough.
    pub fn has_slo(&self) -> bool {
        let own_slo = self.workloads.iter().any(|workload| workload.slo.is_some());
        own_slo || !self.slo.thresholds().is_empty() || self.slo.availability.is_some()
    }

    /// Prompt and answer of the mean request over all classes, weighted by their rates where they have one [tokens];
    /// none where no class has a rate above 0.
    pub fn mean_tokens(&self) -> Option<f64> {
        let weights = self.workloads.iter().map(|workload| {
            let tokens = workload.expected.input_tokens + workload.expected.output_tokens;
            (workload.expected.requests_per_s.unwrap_or(1.0), tokens)
        });
        let (weight, sum) =
            weights.fold((0.0, 0.0), |(all, sum), (weight, tokens)| (all + weight, sum + weight * tokens));
        (weight > 0.0).then(|| sum / weight)
    }
}

impl ResolvedEngine {
    /// Which engine that is.
    pub fn family(&self) -> Family {
        Family::of(self.backend, self.version)
    }

    /// The executor as timing knows it.
    pub fn executor_kind(&self) -> ExecutorKind {
        if self.backend == Backend::TensorRtLlm {
            return ExecutorKind::Mpi;
        }
        match self.executor {
            ExecutorArg::Uni => ExecutorKind::Uni,
            ExecutorArg::Mp => ExecutorKind::Mp,
            ExecutorArg::Ray => ExecutorKind::Ray,
        }
    }
}

/// Node of each rank, given that of each pod.
pub fn rank_nodes(pods: &[usize], gpus_per_pod: u32) -> Vec<u32> {
    let mut order: Vec<usize> = Vec::new();
    let number = |node: &usize| {
        let known = order.iter().position(|other| other == node);
        known.unwrap_or_else(|| {
            order.push(*node);
            order.len() - 1
        }) as u32
    };
    // Timing depends on which ranks share a node, not on which node that is.
    pods.iter().map(number).flat_map(|node| std::iter::repeat_n(node, gpus_per_pod as usize)).collect()
}

impl ResolvedPlacement {
    /// Whether anything may happen to its groups.
    pub fn is_live(&self) -> bool {
        self.cluster.start != ClusterStart::Warm
            || !self.agenda.is_empty()
            || !self.failures.is_empty()
            || self.deployments.iter().any(|deployment| deployment.hpa.is_some())
            || self.cluster.pools.iter().any(|pool| pool.window.is_some() || pool.lifetime.is_some())
    }

    /// When somebody last does something to it.
    pub fn last_action(&self) -> SimTime {
        self.agenda.last().map_or(SimTime::ZERO, |(at, _)| *at)
    }

    /// Why the placement cannot run: the first deployment that vLLM would not start.
    pub fn does_not_fit(&self) -> Option<String> {
        let mut refused = self.deployments.iter().filter_map(|deployment| {
            let error = deployment.memory.as_ref().err()?;
            Some(format!("{}: {error}", deployment.name))
        });
        refused.next()
    }

    /// Nodes of all pools.
    pub fn nodes(&self) -> u32 {
        self.pools.iter().map(|pool| pool.nodes).sum()
    }

    /// GPUs of all pools.
    pub fn gpus(&self) -> u32 {
        self.pools.iter().map(|pool| pool.nodes * pool.machine.gpus).sum()
    }

    /// Price of all nodes [USD/h].
    pub fn usd_per_hour(&self) -> f64 {
        self.pools.iter().map(|pool| f64::from(pool.nodes) * pool.price.usd_per_hour).sum()
    }
}
