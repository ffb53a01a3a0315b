//! Collectives between the GPUs of one machine, as measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::IgnoredAny};

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

/// All collectives that were measured over one link.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    peer: Option<Fact<BTreeMap<u32, CurveConstants>>>,
    nccl: Option<Fact<BTreeMap<u32, CurveConstants>>>,
    all_gather: Option<Fact<BTreeMap<u32, CurveConstants>>>,
    send: Option<Fact<CurveConstants>>,
    #[serde(rename = "held_out")]
    _held_out: IgnoredAny,
}

/// A [`Curve`] as the catalogue states it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "`Curve` says it")]
pub struct CurveConstants {
    pub floor_us: f64,
    pub ramp_us: f64,
    pub ramp_mb: f64,
    pub bandwidth_gb_s: f64,
}

impl CurveConstants {
    /// The curve.
    pub fn curve(&self) -> Curve {
        Curve {
            floor: self.floor_us * 1e3,
            ramp: self.ramp_us * 1e3,
            knee: self.ramp_mb * 1e6,
            bandwidth: self.bandwidth_gb_s,
        }
    }
}

impl From<&Curve> for CurveConstants {
    fn from(curve: &Curve) -> Self {
        Self {
            floor_us: curve.floor / 1e3,
            ramp_us: curve.ramp / 1e3,
            ramp_mb: curve.knee / 1e6,
            bandwidth_gb_s: curve.bandwidth,
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
        let measured = stand_in(link.technology);
        let ratio = link.bandwidth_per_direction / Link::read(catalog, measured)?.bandwidth_per_direction;
        let known = catalog.section("collectives")?.contains_key(name);
        let own: Entry = if known { catalog.entry("collectives", name)? } else { Entry::default() };
        let other: Entry = catalog.entry("collectives", measured)?;
        let empty = |field: &str| CatalogError::BadEntry {
            kind: "collectives".to_owned(),
            name: measured.to_owned(),
            reason: format!("`{field}` has no curve"),
        };
        Ok(Self {
            peer: curves(own.peer, 1.0).or_else(|| curves(other.peer, ratio)),
            nccl: curves(own.nccl, 1.0).or_else(|| curves(other.nccl, ratio)).ok_or_else(|| empty("nccl"))?,
            all_gather: curves(own.all_gather, 1.0)
                .or_else(|| curves(other.all_gather, ratio))
                .ok_or_else(|| empty("all_gather"))?,
            send: own.send.map_or_else(|| straight(&link), |fact| fact.value.curve()),
        })
    }
}

/// Curves as they were measured, over a link `ratio` times as fast.
fn curves(fact: Option<Fact<BTreeMap<u32, CurveConstants>>>, ratio: f64) -> Option<Curves> {
    let faster = |constants: &CurveConstants| {
        let curve = constants.curve();
        Curve { bandwidth: curve.bandwidth * ratio, ..curve }
    };
    Curves::new(fact?.value.iter().map(|(gpus, constants)| (*gpus, faster(constants))))
}

/// What the catalogue knows of sending over a link whose curve nobody measured.
fn straight(link: &Link) -> Curve {
    Curve { floor: link.p2p.alpha * 1e9, ramp: 0.0, knee: 1.0, bandwidth: link.p2p.bandwidth / 1e9 }
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
