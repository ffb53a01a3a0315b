//! The facts that the winner's figures rest on.

use super::{candidates::Spec, candidates::region, fleet::Ground};
use crate::catalog::Catalog;
use crate::report::plan::Fact;
use crate::scenario::ResolvedPlacement;

/// Sections of the catalogue of which every entry may play a part.
const WHOLE: [&str; 8] = [
    "engine_overheads",
    "executor_overheads",
    "frontends",
    "memory",
    "transfer_overheads",
    "failure_processes",
    "control_plane",
    "startup",
];

/// Every fact of the catalogue that may have moved a figure of the winner.
pub(super) fn facts(ground: &Ground<'_>, spec: &Spec, placement: &ResolvedPlacement) -> Vec<Fact> {
    let pool = &placement.pools[0];
    let catalog = ground.catalog;
    let storage = serde_json::to_value(pool.storage.args().kind).ok();
    let storage = storage.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
    let link = pool.machine.intra_node_link.as_str();
    let named = [
        ("gpus", pool.gpu.name.as_str()),
        ("machines", pool.machine.name.as_str()),
        ("models", spec.candidate.model.as_str()),
        ("prices", pool.machine.name.as_str()),
        ("links", link),
        ("networks", spec.candidate.network.as_str()),
        ("kernels", pool.gpu.name.as_str()),
        ("collectives", link),
        ("sustained", pool.gpu.name.as_str()),
        ("storage", storage),
    ];
    let mut facts = Vec::new();
    for (kind, name) in named {
        let in_region = |fact: &Fact| kind != "prices" || fact.fact.starts_with(region(ground.args));
        facts.extend(of(catalog, kind, name).into_iter().filter(in_region));
    }
    for kind in WHOLE.into_iter().filter(|kind| ground.fails() || *kind != "failure_processes") {
        let names = catalog.section(kind).map(|section| section.keys()).into_iter().flatten();
        facts.extend(names.flat_map(|name| of(catalog, kind, name)));
    }
    facts
}

/// The facts of one entry; none where the catalogue has no such entry, as for a model read from a file.
fn of(catalog: &Catalog, kind: &str, name: &str) -> Vec<Fact> {
    let listed = catalog.facts(kind, name).unwrap_or_default().into_iter();
    let fact = |listed: crate::catalog::ListedFact| Fact {
        kind: kind.to_owned(),
        name: name.to_owned(),
        fact: listed.path,
        value: listed.fact.value,
        unit: listed.fact.unit,
        date: listed.fact.date,
        source: listed.fact.source,
        recalled: listed.fact.recalled,
    };
    listed.map(fact).collect()
}
