//! From `failures` and the catalogue to the processes of a placement.

use serde::Deserialize;

use crate::catalog::{Catalog, CatalogError, fact_number, fact_seconds};
use crate::hardware::{NodePoolArgs, Provisioning};
use crate::scenario::{
    FailureKindsArgs, FailureProcess, FailureSource, FailuresArgs, FaultKind, NicFaultArgs, NicProcessArgs,
    PlacementArgs, RepairArgs, RepairTime, ScenarioError, ScenarioFile, SourceOr,
    args::SHAPES,
    path::{field, item},
};
use crate::units::SimDuration;

/// Kind of the catalogue's processes; their names are those of [`FaultKind`].
const PROCESSES: &str = "failure_processes";

/// Longest time that facts may state [s]: a hundred years, past any that was measured and harmless to compute with.
const LONGEST_S: f64 = 3.2e9;

impl ScenarioFile {
    /// What fails at random in `placement`: its own `failures`, or else the scenario's.
    pub(super) fn failures(
        &self,
        catalog: &Catalog,
        placement: &PlacementArgs,
        at: &str,
    ) -> Result<Vec<FailureProcess>, ScenarioError> {
        let (args, failures_at) = match &placement.failures {
            Some(args) => (args, field(at, "failures")),
            None => (&self.scenario.failures, "failures".to_owned()),
        };
        let mut processes = Vec::new();
        for kind in FaultKind::ALL {
            let everywhere = everywhere(catalog, args, kind)
                .map_err(|message| self.error(&field(&failures_at, kind.name()), message))?;
            let pools = placement.node_pools.iter().enumerate();
            match kind {
                FaultKind::Spot => {
                    let spot = pools.filter(|(_, pool)| pool.provisioning == Some(Provisioning::Spot));
                    processes.extend(spot.filter_map(|(index, _)| Some(in_pool(everywhere?, index))));
                }
                FaultKind::Maintenance => {
                    for (index, pool) in pools {
                        let pool_at = item(&field(at, "node_pools"), index);
                        let here = maintenance(catalog, everywhere, pool).map_err(|error| {
                            self.error(&field(&pool_at, "maintenance"), error.to_string())
                        })?;
                        processes.extend(here.map(|process| in_pool(process, index)));
                    }
                }
                _ => processes.extend(everywhere),
            }
        }
        Ok(processes)
    }
}

fn in_pool(process: FailureProcess, pool: usize) -> FailureProcess {
    FailureProcess { pool: Some(pool), ..process }
}

/// The process of a kind as `failures` has it, before any pool has its say; none if nothing of it happens.
fn everywhere(
    catalog: &Catalog,
    args: &FailuresArgs,
    kind: FaultKind,
) -> Result<Option<FailureProcess>, String> {
    let known = catalogued(catalog, kind).map_err(|error| error.to_string());
    match args {
        SourceOr::From(FailureSource::None) => Ok(None),
        SourceOr::From(FailureSource::Catalogue) => known,
        SourceOr::Stated(kinds) => match asked(kinds, kind).unwrap_or_default() {
            SourceOr::From(FailureSource::None) => Ok(None),
            SourceOr::From(FailureSource::Catalogue) => known?.map(Some).ok_or_else(|| {
                format!(
                    "the catalogue has no process of `{}`: state one, such as {{mtbf: 90d, repair: 2h}}",
                    kind.name()
                )
            }),
            SourceOr::Stated(process) => stated(kind, &process, known?).map(Some),
        },
    }
}

/// What a file says about a kind.
fn asked(kinds: &FailureKindsArgs, kind: FaultKind) -> Option<NicFaultArgs> {
    let args = match kind {
        FaultKind::Nic => return kinds.nic,
        FaultKind::Node => kinds.node,
        FaultKind::Gpu => kinds.gpu,
        FaultKind::Engine => kinds.engine,
        FaultKind::Hang => kinds.hang,
        FaultKind::Spot => kinds.spot,
        FaultKind::Maintenance => kinds.maintenance,
        FaultKind::Block => kinds.block,
    };
    args.map(|args| args.map(NicProcessArgs::from))
}

/// A process that the file states; what it leaves out is the catalogue's, if that has the kind.
fn stated(
    kind: FaultKind,
    process: &NicProcessArgs,
    known: Option<FailureProcess>,
) -> Result<FailureProcess, String> {
    let repair = match (process.repair, known) {
        (Some(RepairArgs::Fixed(time)), _) => RepairTime::Fixed(time),
        (Some(RepairArgs::Drawn { lognormal }), _) => {
            RepairTime::Lognormal { p50: lognormal.p50, sigma: lognormal.sigma }
        }
        (None, Some(known)) => known.repair,
        (None, None) => return Err(format!("the catalogue has no `repair` of `{}`: state it", kind.name())),
    };
    Ok(FailureProcess {
        kind,
        per: kind.per(),
        pool: None,
        mean: process.mtbf,
        shape: process.shape.unwrap_or(1.0),
        notice: known.map_or(SimDuration::ZERO, |known| known.notice),
        repair,
        slowed: process.slowed.unwrap_or(0.0),
    })
}

/// Host maintenance of a pool: what the pool says, then `failures`, then the catalogue.
fn maintenance(
    catalog: &Catalog,
    everywhere: Option<FailureProcess>,
    pool: &NodePoolArgs,
) -> Result<Option<FailureProcess>, CatalogError> {
    let settings = pool.maintenance.unwrap_or_default();
    let process = match (everywhere, settings.interval) {
        (None, Some(_)) => catalogued(catalog, FaultKind::Maintenance)?,
        (everywhere, _) => everywhere,
    };
    Ok(process.map(|process| FailureProcess {
        mean: settings.interval.unwrap_or(process.mean),
        repair: settings.duration.map_or(process.repair, RepairTime::Fixed),
        notice: settings.notice.unwrap_or(process.notice),
        ..process
    }))
}

/// A process of the catalogue.
#[derive(Deserialize)]
struct Entry {
    /// Mean time between failures of one component [s].
    #[serde(deserialize_with = "fact_seconds")]
    mtbf: f64,
    #[serde(deserialize_with = "fact_number")]
    shape: f64,
    #[serde(default, deserialize_with = "fact_seconds")]
    notice: f64,
    /// Median time to repair [s].
    #[serde(deserialize_with = "fact_seconds")]
    repair_p50: f64,
    /// Its mean [s]; without one every repair takes the same time.
    #[serde(default, deserialize_with = "fact_seconds")]
    repair_mean: f64,
}

impl Entry {
    /// What no process can be made of.
    fn check(&self) -> Result<(), String> {
        let Self { mtbf, shape, notice, repair_p50, repair_mean } = *self;
        if !(SHAPES.0..=SHAPES.1).contains(&shape) {
            return Err(format!("shape {shape} is not in {} to {}", SHAPES.0, SHAPES.1));
        }
        if mtbf <= 0.0 || (repair_mean > 0.0 && !(0.0 < repair_p50 && repair_p50 <= repair_mean)) {
            return Err("mtbf must be above 0, and repair_p50 between 0 and repair_mean".to_owned());
        }
        if [mtbf, notice, repair_p50, repair_mean].iter().any(|time| *time > LONGEST_S) {
            return Err("no time may be longer than a hundred years".to_owned());
        }
        Ok(())
    }
}

/// The catalogue's process of a kind, if it has one.
fn catalogued(catalog: &Catalog, kind: FaultKind) -> Result<Option<FailureProcess>, CatalogError> {
    let name = kind.name();
    if !catalog.section(PROCESSES)?.contains_key(name) {
        return Ok(None);
    }
    let entry: Entry = catalog.entry(PROCESSES, name)?;
    entry.check().map_err(|reason| CatalogError::BadEntry {
        kind: PROCESSES.to_owned(),
        name: name.to_owned(),
        reason,
    })?;
    Ok(Some(FailureProcess {
        kind,
        per: kind.per(),
        pool: None,
        mean: SimDuration::from_secs_f64(entry.mtbf),
        shape: entry.shape,
        notice: SimDuration::from_secs_f64(entry.notice),
        repair: RepairTime::from_p50_and_mean(entry.repair_p50, entry.repair_mean),
        slowed: 0.0,
    }))
}
