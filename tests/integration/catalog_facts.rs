//! Every number of the catalogue can be traced, and its entries fit together.

use std::collections::BTreeSet;

use serde_json::Value;
use towtank::{
    catalog::{Catalog, CatalogError},
    hardware::{Gpu, Link, Machine, Network, NetworkKind},
    model::Architecture,
};

/// Walks an entry: numbers may stand only inside facts, and facts must say where they are from.
fn walk(path: &str, value: &Value, wrong: &mut Vec<String>) {
    match value {
        Value::Object(fields) if fields.contains_key("value") && fields.contains_key("unit") => {
            for key in ["unit", "source", "date"] {
                if fields[key].as_str().unwrap_or("").trim().is_empty() {
                    wrong.push(format!("{path}: no {key}"));
                }
            }
            let date = fields["date"].as_str().unwrap_or("");
            let dated = [4, 7, 10].contains(&date.len())
                && date.split('-').all(|part| part.bytes().all(|b| b.is_ascii_digit()))
                && ("2019".."2027").contains(&date);
            if !dated {
                wrong.push(format!("{path}: date `{date}`"));
            }
            let number = |key: &str| fields.get(key).and_then(Value::as_f64);
            if let (Some(low), Some(value)) = (number("low"), number("value"))
                && low > value
            {
                wrong.push(format!("{path}: low {low} is above {value}"));
            }
            if let (Some(high), Some(value)) = (number("high"), number("value"))
                && high < value
            {
                wrong.push(format!("{path}: high {high} is below {value}"));
            }
            let recalled = fields.get("recalled").and_then(Value::as_bool).unwrap_or(false);
            let source = fields["source"].as_str().unwrap_or("");
            if source.starts_with("recalled") && !recalled {
                wrong.push(format!("{path}: recalled, but not marked"));
            }
        }
        Value::Object(fields) => {
            for (key, below) in fields {
                walk(&format!("{path}.{key}"), below, wrong);
            }
        }
        Value::Number(number) => wrong.push(format!("{path}: {number} outside a fact")),
        Value::Array(list) => {
            for (index, below) in list.iter().enumerate() {
                walk(&format!("{path}[{index}]"), below, wrong);
            }
        }
        Value::Null => wrong.push(format!("{path}: null")),
        Value::String(_) | Value::Bool(_) => {}
    }
}

#[test]
fn every_fact_has_unit_source_and_date() {
    let catalog = Catalog::builtin();
    let mut wrong = Vec::new();
    let mut facts = 0;
    for kind in catalog.kinds().map(str::to_owned).collect::<Vec<_>>() {
        for (name, entry) in catalog.section(&kind).unwrap() {
            walk(&format!("{kind}.{name}"), entry, &mut wrong);
            facts += catalog.facts(&kind, name).unwrap().len();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(facts > 700, "only {facts} facts were found");
}

#[test]
fn every_entry_reads_as_what_it_is() {
    let catalog = Catalog::builtin();
    for name in catalog.section("gpus").unwrap().keys() {
        let gpu = Gpu::read(&catalog, name).unwrap();
        assert!(gpu.memory_visible > 1e10 && gpu.hbm_bandwidth > 1e11 && gpu.bf16_dense > 1e13, "{name}");
    }
    for name in catalog.section("links").unwrap().keys() {
        Link::read(&catalog, name).unwrap();
    }
    for kind in NetworkKind::ALL {
        let network = Network::read(&catalog, kind).unwrap();
        assert!(network.p2p.bandwidth_per_gpu <= network.bandwidth_per_node, "{kind}");
    }
    for name in catalog.section("models").unwrap().keys() {
        Architecture::read(&catalog, name).unwrap();
    }
}

#[test]
fn machines_name_gpus_and_links_that_exist_and_prices_name_machines() {
    let catalog = Catalog::builtin();
    for name in catalog.section("machines").unwrap().keys() {
        let machine = Machine::read(&catalog, name).unwrap();
        Gpu::read(&catalog, &machine.gpu).unwrap();
        Link::read(&catalog, &machine.intra_node_link).unwrap();
        assert!(machine.offers(NetworkKind::Gvnic), "{name}");
        assert!(machine.host_nic_bandwidth <= machine.network_bandwidth, "{name}");
        assert_eq!(machine.gpu_nics.is_some(), machine.networks.len() > 1, "{name}");
    }
    let machines: BTreeSet<&String> = catalog.section("machines").unwrap().keys().collect();
    let priced: BTreeSet<&String> = catalog.section("prices").unwrap().keys().collect();
    assert!(priced.is_subset(&machines), "{:?}", priced.difference(&machines));
}

#[test]
fn facts_are_listed_with_their_place() {
    let facts = Catalog::builtin().facts("gpus", "H100-SXM5-80GB").unwrap();
    let bandwidth = facts.iter().find(|listed| listed.path == "hbm_bandwidth").unwrap();
    assert_eq!(bandwidth.fact.value, 3350);
    assert_eq!(bandwidth.fact.unit, "GB/s");
    assert!(!bandwidth.fact.recalled);
    assert!(Catalog::builtin().facts("networks", "gvnic").unwrap().iter().any(|l| l.fact.recalled));
    let error = Catalog::builtin().facts("gpus", "H100-SXM-80GB").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no gpus named `H100-SXM-80GB` in the catalogue; did you mean `H100-SXM5-80GB`?"
    );
}

#[test]
fn a_users_fact_may_use_another_unit_of_the_same_kind_only() {
    let mut catalog = Catalog::builtin();
    let fact = |value: &str, unit: &str| {
        let fact = format!(r#"{{"value": {value}, "unit": "{unit}", "source": "me", "date": "2026"}}"#);
        format!(r#"{{"gpus": {{"L4": {{"hbm_bandwidth": {fact}}}}}}}"#)
    };
    catalog.extend("mine.json", &fact("0.32", "TB/s")).unwrap();
    assert!((Gpu::read(&catalog, "L4").unwrap().hbm_bandwidth - 0.32e12).abs() < 1.0);
    catalog.extend("mine.json", &fact("300", "GB")).unwrap();
    let CatalogError::BadEntry { reason, .. } = Gpu::read(&catalog, "L4").unwrap_err() else { panic!() };
    assert_eq!(reason, "`300 GB` is not a bandwidth (units: GB/s, TB/s, MB/s, MiB/s, GiB/s, Gbit/s, Gbps)");
    catalog.extend("mine.json", &fact("-1", "GB/s")).unwrap();
    assert!(Gpu::read(&catalog, "L4").is_err());
}
