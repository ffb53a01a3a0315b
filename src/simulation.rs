//! Clock, order of events, clients: the only place where workload, routing, engine, timing and metrics meet.
//!
//! [`simulate`] runs one placement of a resolved scenario. Life of a request: its source makes it, its client sends it (at
//! once, or when its own limit allows), the router picks a group, the group's engine serves it; a client that loses
//! patience aborts and may try again. Everything that happens at one instant happens in the order of [`Rank`].
//!
//! Groups come and go as the cluster says: what changes there happens before anything else at the same instant.
//!
//! Limits: the time a request travels between client and engine is not counted.

mod autoscale;
mod backlog;
mod bill;
mod book;
mod calendar;
mod calls;
mod clients;
mod components;
mod failures;
mod fleet;
mod foundry;
mod group;
mod order;
mod outages;
mod pipeline;
mod placement;
mod rare;
mod retry;
mod slot;
mod step_time;
mod steps;
mod watch;
mod world;

pub use group::{Group, Usage};
pub use order::{Moment, Rank};
pub use placement::{Interrupted, Options, simulate};
pub use rare::{RareFault, rare_fault};
pub use step_time::StepTime;
pub use watch::Watch;
