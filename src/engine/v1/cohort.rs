//! Decodes that step together, kept as sums.
//!
//! A request sticks to the batch it was admitted with: scheduled, returned, scheduled again (synchronous), or every so many
//! calls (asynchronous). All that a step needs to know of such a cohort is how many they are, how much context they
//! have, and how many of them begin a new block; each follows from the step's number in O(1).

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{entry::Member, tally::Tally};
use crate::units::SimTime;

/// (step, place in the running order, slot).
pub(super) type Due = Reverse<(u64, u64, u32)>;

/// One cohort.
#[derive(Clone, Debug)]
pub(super) struct Cohort {
    block_size: u32,
    /// Members that take part in the next step.
    pub(super) members: Tally,
    bases: i64,
    /// Members that begin a new block at steps of that remainder.
    phase: Vec<u32>,
    /// Blocks all members hold after the last scheduled step.
    blocks: u64,
    /// Steps scheduled.
    pub(super) scheduled: u64,
    /// Results applied.
    pub(super) applied: u64,
    /// Results applied when the last step was scheduled.
    pub(super) applied_at_schedule: u64,
    /// When the last result was applied.
    pub(super) last: SimTime,
    /// When members have their last token, by result.
    pub(super) ends: BinaryHeap<Due>,
    /// When members are scheduled for the last time; asynchronous scheduling only.
    pub(super) leaves: BinaryHeap<Due>,
}

impl Cohort {
    pub(super) fn new(block_size: u32) -> Self {
        Self {
            block_size,
            members: Tally::default(),
            bases: 0,
            phase: vec![0; block_size as usize],
            blocks: 0,
            scheduled: 0,
            applied: 0,
            applied_at_schedule: 0,
            last: SimTime::ZERO,
            ends: BinaryHeap::new(),
            leaves: BinaryHeap::new(),
        }
    }

    fn phase_of(&self, base: i64) -> usize {
        (1 - base).rem_euclid(i64::from(self.block_size)) as usize
    }

    /// Tokens a member has computed after the step.
    fn computed(base: i64, step: u64) -> u64 {
        (base + step.cast_signed()).cast_unsigned()
    }

    /// Blocks a member holds after the step.
    pub(super) fn member_blocks(&self, base: i64, step: u64) -> u32 {
        Self::computed(base, step).div_ceil(u64::from(self.block_size)) as u32
    }

    /// Whether a member begins a block at the step.
    pub(super) fn begins_block(&self, base: i64, step: u64) -> bool {
        (step % u64::from(self.block_size)) as usize == self.phase_of(base)
    }

    /// A member takes part from the next step on.
    pub(super) fn join(&mut self, member: &Member, class: u16) {
        let phase = self.phase_of(member.base);
        self.members.add(class);
        self.bases += member.base;
        self.phase[phase] += 1;
        self.blocks += u64::from(self.member_blocks(member.base, self.scheduled));
    }

    /// A member takes part no more.
    pub(super) fn leave(&mut self, member: &Member, class: u16) {
        let phase = self.phase_of(member.base);
        self.members.remove(class);
        self.bases -= member.base;
        self.phase[phase] -= 1;
        self.blocks -= u64::from(self.member_blocks(member.base, self.scheduled));
    }

    /// How many take part in the next step.
    pub(super) fn size(&self) -> u32 {
        self.members.total()
    }

    /// Members that begin a block at the step.
    pub(super) fn crossings(&self, step: u64) -> u32 {
        self.phase[(step % u64::from(self.block_size)) as usize]
    }

    /// The next step is scheduled, everybody in it.
    pub(super) fn step(&mut self) {
        self.scheduled += 1;
        self.blocks += u64::from(self.crossings(self.scheduled));
        self.applied_at_schedule = self.applied;
    }

    /// Context of all members at the step, each one's new token included [tokens].
    pub(super) fn context(&self, step: u64) -> u64 {
        (self.bases + step.cast_signed() * i64::from(self.size())).cast_unsigned()
    }

    /// Blocks all members hold after the last scheduled step.
    pub(super) fn blocks(&self) -> u64 {
        self.blocks
    }
}
