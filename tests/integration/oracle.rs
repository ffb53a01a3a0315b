//! vLLM's V1 scheduler written down literally, per block and per request: slow, and plain enough to be checked by
//! reading it against vLLM's own files. The engine under `src` is compared with it.

mod config;
mod core;
mod drive;
mod kv;
mod random;
mod schedule;
mod update;

pub(crate) use self::{
    config::{OracleConfig, Policy},
    core::{Completed, Oracle, OracleAction},
    drive::{Core, Record, drive},
    kv::{Kv, identities},
    random::{Input, Scenario, Versions},
};
