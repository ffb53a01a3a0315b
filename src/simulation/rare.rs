//! One failure at a chosen time, of the kind that is likeliest to happen.

use rand::RngExt;

use super::{components, failures};
use crate::kubernetes::Action;
use crate::random::RandomStream;
use crate::scenario::{FailureProcess, ResolvedPlacement};
use crate::units::{SimDuration, SimTime};

/// A failure that was drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RareFault {
    /// When it begins: with its warning, if it has one.
    pub at: SimTime,
    /// What happens.
    pub action: Action,
    /// What it is counted as.
    pub cause: &'static str,
}

/// The `ordinal`-th of independent failures of a placement, each kind as likely as it is among all failures, each component
/// as likely as the others. What breaks does so at `at`; a warning comes before, and not before time 0. None if nothing can fail.
pub fn rare_fault(placement: &ResolvedPlacement, seed: u64, ordinal: u32, at: SimTime) -> Option<RareFault> {
    let mut stream = RandomStream::new(seed, "rare-events/fault", ordinal);
    let befalls: Vec<(FailureProcess, Vec<u32>)> = placement
        .failures
        .iter()
        .map(|process| (*process, components::present(placement, process)))
        .collect();
    let weight =
        |(process, all): &(FailureProcess, Vec<u32>)| process.expected(all.len() as u32, SimDuration::SECOND);
    let total: f64 = befalls.iter().map(weight).sum();
    let mut draw = stream.random::<f64>() * total;
    let drawn = befalls.iter().find(|befalls| {
        draw -= weight(befalls);
        draw < 0.0
    });
    let (process, all) = drawn.or(befalls.last())?;
    let component = *all.get(stream.random_range(0..all.len().max(1)))?;
    let notice = process.notice.min(at - SimTime::ZERO);
    let begins = SimTime::ZERO + ((at - SimTime::ZERO) - notice);
    let fault = failures::Fault { notice, ..process.fault(begins, component, &mut stream) };
    let cause = process.kind.name();
    Some(RareFault {
        at: begins,
        action: components::action(&components::first_nodes(placement), &fault),
        cause,
    })
}
