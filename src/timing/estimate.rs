//! The answers: [`Timing`].

use super::{
    Overheads, TimingInputs,
    collective::Collectives,
    links::LocalLinks,
    network::NetworkSpec,
    stage::{Stage, Table},
};
use crate::batch::Batch;
use crate::units::{Bytes, SimDuration};

/// Durations of one group's steps.
///
/// Asking takes `&mut self` because what depends on the number of tokens only is kept once computed; the answers do
/// not depend on what was asked before.
#[derive(Clone, Debug)]
pub struct Timing {
    stages: Vec<Stage>,
    boundaries: Vec<Boundary>,
    overheads: Overheads,
    token_return: SimDuration,
}

impl Timing {
    /// The durations of a group.
    ///
    /// # Panics
    /// If there is no stage, or a stage has no rank.
    pub fn new(inputs: &TimingInputs) -> Self {
        assert!(!inputs.stages.is_empty(), "a group has a stage");
        assert!(inputs.stages.iter().all(|stage| !stage.nodes.is_empty()), "a stage has ranks");
        let stages: Vec<_> = (0..inputs.stages.len()).map(|index| Stage::new(inputs, index)).collect();
        let boundaries =
            (1..stages.len()).map(|to| Boundary::new(inputs, to, stages[to].collectives())).collect();
        let rank0 = |stage: usize| inputs.stages[stage].nodes[0];
        let overheads = inputs.overheads.scaled(inputs.multipliers.host);
        // The engine core runs beside the first rank; the first rank of the last stage answers.
        let token_return = if rank0(0) == rank0(stages.len() - 1) {
            overheads.local_return
        } else {
            overheads.remote_return
        };
        Self { stages, boundaries, overheads, token_return: duration(token_return) }
    }

    /// The engine core's time for one step: scheduling, dispatch and handling the result. It is hidden while another
    /// batch is in flight; that is for the caller to see. A further pass of a batch is only sent on.
    pub fn host(&mut self, batch: &Batch) -> SimDuration {
        if batch.continues {
            return duration(self.overheads.dispatch);
        }
        let sequences = f64::from(batch.decodes) + batch.prefills.len() as f64;
        let overheads = &self.overheads;
        duration(overheads.core_step + overheads.dispatch + overheads.core_sequence * sequences)
    }

    /// Time a stage is busy with a batch, what its workers do before launching included; nothing for an empty batch.
    pub fn stage(&mut self, stage: usize, batch: &Batch) -> SimDuration {
        if batch.is_empty() {
            return SimDuration::ZERO;
        }
        duration(self.stages[stage].time(batch, &self.overheads))
    }

    /// Time from the end of stage `boundary` until the next stage has the hidden states; nothing for an empty batch.
    pub fn transfer(&mut self, boundary: usize, batch: &Batch) -> SimDuration {
        if batch.is_empty() {
            return SimDuration::ZERO;
        }
        duration(self.boundaries[boundary].time(batch.padded_tokens))
    }

    /// Time for the sampled tokens to get from the last stage to the engine core.
    pub fn token_return(&self) -> SimDuration {
        self.token_return
    }

    /// Bytes that a boundary carries for a batch, all ranks together.
    pub fn transfer_bytes(&self, boundary: usize, batch: &Batch) -> Bytes {
        Bytes::new(self.boundaries[boundary].path.bytes(f64::from(batch.padded_tokens)) as u64)
    }

    /// Bytes of KV cache that each GPU of a stage reads for the decodes of a batch.
    pub fn kv_bytes_read(&self, stage: usize, batch: &Batch) -> Bytes {
        Bytes::new(self.stages[stage].streamed(batch) as u64)
    }
}

/// The nearest whole nanosecond.
fn duration(ns: f64) -> SimDuration {
    SimDuration::from_nanos(ns.round() as u64)
}

/// From one stage to the next, with what it has computed so far.
#[derive(Clone, Debug)]
struct Boundary {
    path: Path,
    by_tokens: Table<f64>,
}

/// How hidden states travel between two stages (vLLM `parallel_state.isend_tensor_dict`): hidden states and residual
/// from rank i to rank i; where the elements divide by the ranks, each rank sends its share of both and the receivers
/// gather them.
#[derive(Clone, Debug)]
struct Path {
    hidden: u64,
    ranks: u64,
    /// Most ranks of one machine that send to another machine.
    crossing: u32,
    metadata: f64,
    multiplier: f64,
    links: LocalLinks,
    network: NetworkSpec,
    receivers: Collectives,
}

impl Boundary {
    fn new(inputs: &TimingInputs, to: usize, receivers: &Collectives) -> Self {
        let (from, into) = (&inputs.stages[to - 1].nodes, &inputs.stages[to].nodes);
        let crossing = |node: &u32| {
            from.iter().zip(into).filter(|(source, target)| *source == node && source != target).count()
        };
        let path = Path {
            hidden: u64::from(inputs.model.hidden),
            ranks: from.len() as u64,
            crossing: from.iter().map(crossing).max().unwrap_or(0) as u32,
            metadata: inputs.overheads.metadata,
            multiplier: inputs.multipliers.network,
            links: inputs.links.clone(),
            network: inputs.network.clone(),
            receivers: receivers.clone(),
        };
        Self { path, by_tokens: Table::default() }
    }

    fn time(&mut self, tokens: u32) -> f64 {
        let path = &self.path;
        self.by_tokens.get(tokens, |tokens| path.time(tokens))
    }
}

impl Path {
    /// Hidden states and residual, whether sliced or not, reach every rank once: sliced, this is what crosses.
    fn bytes(&self, tokens: f64) -> f64 {
        let tensors = 2.0 * tokens * self.hidden as f64 * 2.0;
        if self.sliced(tokens) { tensors } else { tensors * self.ranks as f64 }
    }

    fn sliced(&self, tokens: f64) -> bool {
        (tokens as u64 * self.hidden).is_multiple_of(self.ranks)
    }

    fn time(&self, tokens: f64) -> f64 {
        let per_rank = self.bytes(tokens) / self.ranks as f64;
        let send = match self.crossing {
            0 => self.links.send.time(per_rank),
            ranks => self.network.send_time(per_rank, ranks),
        };
        let gather = if self.sliced(tokens) {
            2.0 * self.receivers.all_gather(tokens * self.hidden as f64 * 2.0)
        } else {
            0.0
        };
        self.multiplier * (self.metadata + send + gather)
    }
}
