//! The scenario of a row.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    engine::Engine,
    frontend::Frontend,
    row::Row,
    subject::{self, Subject},
    traffic::Traffic,
};
use crate::catalog::{Catalog, CatalogError};
use crate::scenario::{Resolved, ScenarioFile};

/// How a row was measured.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) engine: Engine,
    pub(super) subject: Subject,
    pub(super) fp8: bool,
    traffic: Traffic,
    args: Value,
    /// The scenario in words: rows of one run share it.
    pub(super) key: String,
}

impl Setup {
    /// Reads the words of a row.
    ///
    /// # Errors
    /// If they do not say enough, or name what there is not, in words.
    pub(super) fn of(catalog: &Catalog, row: &Row) -> Result<Self, String> {
        let engine = Engine::of(row)?;
        let subject = Subject::of(row, engine.backend, catalog)?;
        let traffic = Traffic::of(row)?;
        let args = Value::Object(engine.args(row, &traffic));
        let fp8 = row.weight_dtype.to_uppercase().starts_with("FP8");
        let mut setup = Self { engine, subject, fp8, traffic, args, key: String::new() };
        setup.key = format!("{} {:?}", setup.scenario([1.0, 1.0]), setup.traffic.means());
        Ok(setup)
    }

    /// What a client sees beside the engine.
    pub(super) fn frontend(&self, catalog: &Catalog) -> Result<Frontend, CatalogError> {
        if self.traffic.is_online() { Frontend::of(catalog, self.engine.backend) } else { Ok(Frontend::NONE) }
    }

    /// Whether the KV cache is FP8.
    pub(super) fn kv_fp8(&self) -> bool {
        self.args["kv_cache_dtype"] == "fp8"
    }

    /// What was asked of the engine, whatever it ran on: its settings and requests, the model without its format.
    pub(super) fn question(&self) -> String {
        let mut args = self.args.clone();
        args["kv_cache_dtype"] = Value::Null;
        let family = subject::family_and_size(&self.subject.model);
        format!(
            "{:?} {args} {family:?} {} {:?}",
            self.engine,
            self.traffic.workload([1.0, 1.0]),
            self.traffic.means()
        )
    }

    fn scenario(&self, scale: [f64; 2]) -> Value {
        let subject = &self.subject;
        let mut engine = self.args.clone();
        engine["tensor_parallel_size"] = json!(subject.tensor_parallel);
        engine["pipeline_parallel_size"] = json!(subject.pipeline_parallel);
        json!({
            "name": "measured",
            "workloads": [self.traffic.workload(scale)],
            "placements": [{
                "name": "measured",
                "node_pools": [{
                    "name": "pool",
                    "machine": subject.machine,
                    "nodes": subject.nodes,
                    "network": subject.network,
                    "usd_per_node_hour": 0,
                }],
                "deployments": [{
                    "name": "engine",
                    "node_pool": "pool",
                    "model": subject.model,
                    "engine": engine,
                    "leaderworkerset": {"leaderWorkerTemplate": {"size": subject.nodes}},
                }],
            }],
        })
    }

    /// The scenario, ready to be simulated, drawn lengths scaled to the means of the row.
    ///
    /// # Errors
    /// If the engine would not start as the row says, in words.
    pub(super) fn resolve(&self, catalog: &Catalog) -> Result<Resolved, String> {
        let resolve = |scale| {
            let text = self.scenario(scale).to_string();
            let file = ScenarioFile::parse("measured", &text, Path::new(""), &[]);
            file.and_then(|file| file.resolve(catalog)).map_err(|error| error.problem().message.clone())
        };
        let resolved = resolve([1.0, 1.0])?;
        let means = self.traffic.means();
        if means == [None, None] {
            return Ok(resolved);
        }
        let expected = &resolved.workloads[0].expected;
        let drawn = [expected.input_tokens, expected.output_tokens];
        resolve([0, 1].map(|side| means[side].map_or(1.0, |mean| mean / drawn[side])))
    }
}
