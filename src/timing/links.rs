//! Collectives between the GPUs of one machine, as measured.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::catalog::{Catalog, CatalogError, Fact};
use crate::hardware::{Link, LinkTechnology};

/// Time of an operation by its size: a floor, a ramp while the protocol changes, a bandwidth.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Time of the smallest message [ns].
    pub floor: f64,
    /// Time added by the size at which the ramp ends [ns].
    pub ramp: f64,
    /// Size at which the ramp ends [B].
    pub knee: f64,
    /// Bandwidth beyond the floor [B/ns].
    pub bandwidth: f64,
}

impl Curve {
    /// Time for `bytes` [ns].
    pub fn time(&self, bytes: f64) -> f64 {
        self.floor + self.ramp * (bytes / self.knee).min(1.0) + bytes / self.bandwidth
    }
}

/// Curves by the number of GPUs that take part.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves(BTreeMap<u32, Curve>);

impl Curves {
    /// Curves by number of GPUs; nothing if there are none.
    pub fn new(by_gpus: impl IntoIterator<Item = (u32, Curve)>) -> Option<Self> {
        let curves: BTreeMap<_, _> = by_gpus.into_iter().collect();
        (!curves.is_empty()).then_some(Self(curves))
    }

    /// The curve for `gpus`: the next larger number measured, or the largest.
    ///
    /// # Panics
    /// Never: there is at least one curve.
    pub fn at(&self, gpus: u32) -> &Curve {
        let mut above = self.0.range(gpus..);
        let entry = above.next().or_else(|| self.0.last_key_value());
        entry.expect("there is at least one curve: `new` makes no empty set").1
    }
}

/// What the GPUs of one machine can do among themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalLinks {
    /// vLLM's own all-reduces over peer memory: custom, symmetric, or fused with a norm; none where GPUs do not all
    /// see each other. Nobody measured them apart.
    pub peer: Option<Curves>,
    /// NCCL's all-reduce, by the bytes of the tensor.
    pub nccl: Curves,
    /// NCCL's all-gather, by the bytes of the gathered tensor.
    pub all_gather: Curves,
    /// One GPU sends to another.
    pub send: Curve,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    peer: Option<Fact<BTreeMap<u32, CurveData>>>,
    nccl: Fact<BTreeMap<u32, CurveData>>,
    all_gather: Fact<BTreeMap<u32, CurveData>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CurveData {
    floor_us: f64,
    ramp_us: f64,
    ramp_mb: f64,
    bandwidth_gb_s: f64,
}

impl CurveData {
    /// The curve over a link `ratio` times as fast as the measured one.
    fn curve(&self, ratio: f64) -> Curve {
        Curve {
            floor: self.floor_us * 1e3,
            ramp: self.ramp_us * 1e3,
            knee: self.ramp_mb * 1e6,
            bandwidth: self.bandwidth_gb_s * ratio,
        }
    }
}

/// The measured link that stands in for one nobody measured.
fn stand_in(technology: LinkTechnology) -> &'static str {
    match technology {
        LinkTechnology::Nvlink => "nvlink4-h100",
        LinkTechnology::Pcie => "pcie4-l4",
    }
}

impl LocalLinks {
    /// The collectives over a link of the catalogue, such as `nvlink4-h100`: measured, or scaled by bandwidth from the
    /// measured link of the same technology.
    ///
    /// # Errors
    /// If there is no such link, or the catalogue's curves are incomplete.
    pub fn of(catalog: &Catalog, name: &str) -> Result<Self, CatalogError> {
        let link = Link::read(catalog, name)?;
        let measured =
            if catalog.section("collectives")?.contains_key(name) { name } else { stand_in(link.technology) };
        let ratio = link.bandwidth_per_direction / Link::read(catalog, measured)?.bandwidth_per_direction;
        let entry: Entry = catalog.entry("collectives", measured)?;
        let curves = |fact: &Fact<BTreeMap<u32, CurveData>>| {
            Curves::new(fact.value.iter().map(|(gpus, data)| (*gpus, data.curve(ratio))))
        };
        let empty = |field: &str| CatalogError::BadEntry {
            kind: "collectives".to_owned(),
            name: measured.to_owned(),
            reason: format!("`{field}` has no curve"),
        };
        Ok(Self {
            peer: entry.peer.as_ref().and_then(curves),
            nccl: curves(&entry.nccl).ok_or_else(|| empty("nccl"))?,
            all_gather: curves(&entry.all_gather).ok_or_else(|| empty("all_gather"))?,
            send: Curve {
                floor: link.p2p.alpha * 1e9,
                ramp: 0.0,
                knee: 1.0,
                bandwidth: link.p2p.bandwidth / 1e9,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_nobody_measured_scales_from_its_kin() {
        let mut catalog = Catalog::builtin();
        let half = r#"{"links": {"nvlink-half": {
            "technology": "nvlink",
            "bandwidth_per_direction": {"value": 225, "unit": "GB/s", "source": "test", "date": "2026"},
            "p2p": {
                "alpha": {"value": 9, "unit": "us", "source": "test", "date": "2026"},
                "bandwidth": {"value": 150, "unit": "GB/s", "source": "test", "date": "2026"}
            }
        }}}"#;
        catalog.extend("test", half).unwrap();
        let (scaled, measured) = (
            LocalLinks::of(&catalog, "nvlink-half").unwrap(),
            LocalLinks::of(&catalog, "nvlink4-h100").unwrap(),
        );
        let bandwidth = |links: &LocalLinks| links.nccl.at(8).bandwidth;
        assert!((bandwidth(&scaled) * 2.0 - bandwidth(&measured)).abs() < 1e-9);
        assert!((scaled.send.time(150e3) - 10_000.0).abs() < 1e-6, "9 us and 150 kB at 150 GB/s");
        assert!(LocalLinks::of(&catalog, "nvlink9").is_err());
    }

    #[test]
    fn gpu_counts_between_the_measured_ones_take_the_next_larger() {
        let links = LocalLinks::of(&Catalog::builtin(), "nvlink4-h100").unwrap();
        assert_eq!(links.nccl.at(6), links.nccl.at(8));
        assert_eq!(links.nccl.at(16), links.nccl.at(8));
        assert_ne!(links.nccl.at(2), links.nccl.at(4));
    }

    #[test]
    fn gpus_that_do_not_see_each_other_have_no_peer_curve() {
        assert_eq!(LocalLinks::of(&Catalog::builtin(), "pcie4-l4").unwrap().peer, None);
    }
}
