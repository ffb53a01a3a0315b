//! The nodes that pods select: machine, network, region, how they are bought.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, CatalogError};
use crate::hardware::{DEFAULT_REGION, Machine, NetworkKind, Provisioning};
use crate::kubernetes::{GpuNetwork, PodTemplate};

/// The label of the accelerator, and the one taken where no label says anything: that of Google's own multi-host guides.
const ACCELERATOR: &str = "cloud.google.com/gke-accelerator";
const DEFAULT_ACCELERATOR: &str = "nvidia-h100-80gb";
const INSTANCE_TYPES: [&str; 2] = ["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"];
const POOL: &str = "cloud.google.com/gke-nodepool";
const REGION: &str = "topology.kubernetes.io/region";
const ZONE: &str = "topology.kubernetes.io/zone";
const SPOT: &str = "cloud.google.com/gke-spot";
const FLEX_START: &str = "cloud.google.com/gke-flex-start";
const RESERVATION: &str = "cloud.google.com/reservation-name";
const KNOWN: [&str; 9] =
    [ACCELERATOR, INSTANCE_TYPES[0], INSTANCE_TYPES[1], POOL, REGION, ZONE, SPOT, FLEX_START, RESERVATION];

/// Something chosen, and what to check about it if the manifest did not say so.
pub(super) struct Choice<T> {
    pub(super) value: T,
    pub(super) check: Option<String>,
}

impl<T> Choice<T> {
    fn stated(value: T) -> Self {
        Self { value, check: None }
    }

    fn guessed(value: T, why: impl Into<String>) -> Self {
        Self { value, check: Some(why.into()) }
    }
}

/// The nodes of a deployment.
pub(super) struct Nodes {
    pub(super) pool: String,
    pub(super) machine: Choice<Machine>,
    pub(super) network: Choice<NetworkKind>,
    pub(super) region: Choice<String>,
    pub(super) provisioning: Choice<Provisioning>,
    /// Labels that say nothing here.
    pub(super) ignored: Vec<String>,
}

/// Chooses nodes for pods of `gpus` GPUs; `None` if no machine has so many.
pub(super) fn nodes(catalog: &Catalog, pods: &PodTemplate, gpus: u32) -> Result<Option<Nodes>, CatalogError> {
    let labels = &pods.node_selector;
    let Some(machine) = machine(catalog, pods, gpus)? else { return Ok(None) };
    let pool = labels.get(POOL).cloned();
    let family = machine.value.name.split('-').next().unwrap_or_default().to_owned();
    Ok(Some(Nodes {
        pool: pool.unwrap_or(family),
        network: network(&machine.value, pods.network),
        machine,
        region: region(labels),
        provisioning: provisioning(labels),
        ignored: labels.keys().filter(|name| !KNOWN.contains(&name.as_str())).cloned().collect(),
    }))
}

fn machine(
    catalog: &Catalog,
    pods: &PodTemplate,
    gpus: u32,
) -> Result<Option<Choice<Machine>>, CatalogError> {
    let labels = &pods.node_selector;
    let instance = INSTANCE_TYPES.iter().find_map(|label| labels.get(*label));
    if let Some(name) = instance {
        match Machine::read(catalog, name) {
            Ok(machine) => return Ok(Some(Choice::stated(machine))),
            Err(CatalogError::UnknownName { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let mut machines = Vec::new();
    for name in catalog.section("machines")?.keys() {
        let machine = Machine::read(catalog, name)?;
        if machine.gpus >= gpus && machine.gke_accelerator.is_some() {
            machines.push(machine);
        }
    }
    // The smallest; of equals the one with the better network.
    machines.sort_by(|a, b| {
        let size = |machine: &Machine| (machine.gpus, machine.vcpus);
        size(a).cmp(&size(b)).then(b.network_bandwidth.total_cmp(&a.network_bandwidth))
    });
    let with = |accelerator: Option<&str>, network: Option<NetworkKind>| {
        let fits = |machine: &&Machine| {
            accelerator.is_none_or(|label| machine.gke_accelerator.as_deref() == Some(label))
                && network.is_none_or(|kind| machine.offers(kind))
        };
        machines.iter().find(fits).cloned()
    };
    let asked = match pods.network {
        GpuNetwork::Kind(kind) => Some(kind),
        GpuNetwork::None | GpuNetwork::Some => None,
    };
    let label = labels.get(ACCELERATOR).map(String::as_str).or(pods.other_accelerator());
    if let Some(machine) =
        label.and_then(|label| with(Some(label), asked).or_else(|| with(Some(label), None)))
    {
        return Ok(Some(match instance {
            None => Choice::stated(machine),
            Some(name) => Choice::guessed(machine, format!("stands in for `{name}`")),
        }));
    }
    let standard = with(Some(DEFAULT_ACCELERATOR), None).or_else(|| with(None, None));
    let Some(standard) = standard else { return Ok(None) };
    if let (None, Some(machine)) = (label, asked.and_then(|kind| with(None, Some(kind)))) {
        return Ok(Some(Choice::guessed(machine, "the machine with the network that the pods ask for")));
    }
    let why = match (label.or(instance.map(String::as_str)), pods.tpus()) {
        (Some(label), _) => format!("stands in for `{label}`, which is not simulated"),
        (None, 1..) => "stands in for TPUs, which are not simulated".to_owned(),
        (None, 0) => "the manifest names no accelerator".to_owned(),
    };
    Ok(Some(Choice::guessed(standard, why)))
}

fn network(machine: &Machine, asked: GpuNetwork) -> Choice<NetworkKind> {
    match asked.on(machine) {
        Ok(kind) => Choice::stated(kind),
        Err(kind) => Choice::guessed(NetworkKind::Gvnic, format!("{} has no {kind}", machine.name)),
    }
}

fn region(labels: &BTreeMap<String, String>) -> Choice<String> {
    let of_zone = || labels.get(ZONE)?.rsplit_once('-').map(|(region, _)| region.to_owned());
    match labels.get(REGION).cloned().or_else(of_zone) {
        Some(region) => Choice::stated(region),
        None => Choice::guessed(DEFAULT_REGION.to_owned(), "where prices are taken from"),
    }
}

fn provisioning(labels: &BTreeMap<String, String>) -> Choice<Provisioning> {
    let on = |label| labels.get(label).is_some_and(|value| value == "true");
    if on(SPOT) {
        Choice::stated(Provisioning::Spot)
    } else if on(FLEX_START) {
        Choice::stated(Provisioning::FlexStart)
    } else if labels.contains_key(RESERVATION) {
        Choice::stated(Provisioning::Reservation)
    } else {
        Choice::guessed(Provisioning::Standard, "how the nodes are bought")
    }
}
