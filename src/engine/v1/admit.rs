//! Admission: waiting requests, as long as tokens, places and blocks last (`v1/core/sched/scheduler.py`, second half of
//! `schedule()`; `v1/core/kv_cache_manager.py` `allocate_slots`).

use super::{Engine, Outputs, kv::Hit, rules::Cadence, schedule::Draft};
use crate::units::SimTime;

/// Why admission ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Nobody is left, or no tokens are.
    Done,
    /// Every place in the running list is taken.
    Full,
    /// The head does not fit into the free blocks.
    NoBlocks,
}

impl Engine {
    /// Admits from the head of the queue; nobody overtakes a head that does not fit.
    pub(super) fn admit(&mut self, draft: &mut Draft, now: SimTime, out: &mut Outputs) {
        if self.head_blocked {
            return;
        }
        let mut set_aside = Vec::new();
        let mut oversized = Vec::new();
        let stop = loop {
            let Some(slot) = self.waiting.head().filter(|_| draft.budget > 0) else { break Stop::Done };
            if self.running.len() >= self.max_num_seqs {
                break Stop::Full;
            }
            // A preempted request waits until nothing of it is in flight.
            if self.rules.stale_waits && self.entry(slot).in_flight + self.entry(slot).stale_chunks > 0 {
                set_aside.push(slot);
                self.waiting.pop();
                continue;
            }
            let (hit, target) = self.find_prefix(slot, draft.cohort);
            let wanted = target - hit.blocks * self.kv.block_size();
            let wanted = if draft.threshold > 0 { wanted.min(draft.threshold) } else { wanted };
            if !self.chunked_prefill && wanted > draft.budget {
                if self.rules.oversized_prompt_blocks {
                    break Stop::Done;
                }
                oversized.push(slot);
                self.waiting.pop();
                continue;
            }
            let tokens = wanted.min(draft.budget);
            if !self.fits(&hit, target, tokens) {
                break Stop::NoBlocks;
            }
            self.waiting.pop();
            self.start(draft, slot, hit, target, tokens, now, out);
        };
        // What was set aside goes back in its order; 0.11 turns prompts that exceed the budget around.
        self.head_blocked = set_aside.is_empty()
            && oversized.is_empty()
            && match stop {
                Stop::Done => false,
                Stop::Full => true,
                // Without the gate what must fit depends on the step's own budget.
                // And as long as others compute its own beginning, its hits grow.
                Stop::NoBlocks => self.rules.full_prompt_gate && !self.head_grows(draft.cohort),
            };
        for slot in set_aside.into_iter().rev().chain(oversized) {
            let entry = self.entries[slot as usize].as_ref().expect("a waiting request is known");
            self.waiting.push_skipped(slot, &entry.request, self.rules.skipped_first);
        }
    }

    /// The cached beginning of a waiting request, and how many tokens it has by now.
    fn find_prefix(&mut self, slot: u32, served: Option<u32>) -> (Hit, u32) {
        if self.entry(slot).path.is_none() {
            let content = self.entry(slot).request.content.clone();
            let path = self.kv.path(&content);
            self.entry_mut(slot).path = Some(path);
        }
        let entry = self.entry(slot);
        let target = entry.request.prompt_tokens + entry.outputs;
        let path = entry.path.as_ref().expect("it was just made");
        (self.kv.lookup(path, target, |maker| self.hashed_blocks(maker, served)), target)
    }

    fn head_grows(&self, served: Option<u32>) -> bool {
        let path = self.waiting.head().and_then(|slot| self.entry(slot).path.as_ref());
        path.is_some_and(|path| self.kv.grows(path, |maker| self.hashed_blocks(maker, served)))
    }

    /// Whether the first chunk fits, and since 0.20 the whole prompt (`scheduler_reserve_full_isl`): what is cached and in
    /// use costs nothing, what is cached and free leaves the free queue. The watermark binds only beside others.
    fn fits(&self, hit: &Hit, target: u32, tokens: u32) -> bool {
        let reserve = if self.running.len() > 0 { self.watermark_blocks } else { 0 };
        let upto = if self.rules.full_prompt_gate {
            target.min(self.max_model_len)
        } else {
            hit.blocks * self.kv.block_size() + tokens
        };
        self.kv.blocks(upto) - hit.blocks + hit.evictable + reserve <= self.kv.free()
    }

    /// Moves a request to the end of the running list and schedules its first chunk.
    #[expect(clippy::too_many_arguments, reason = "one call, all of it decided just before")]
    fn start(
        &mut self,
        draft: &mut Draft,
        slot: u32,
        hit: Hit,
        target: u32,
        tokens: u32,
        now: SimTime,
        out: &mut Outputs,
    ) {
        let hit_tokens = hit.blocks * self.kv.block_size();
        let new_blocks = self.kv.blocks(hit_tokens + tokens) - hit.blocks;
        let path = self.entries[slot as usize].as_mut().and_then(|entry| entry.path.take());
        let path = path.expect("a lookup made it");
        let known: Vec<(u32, u32)> = self.kv.open_beside(&path);
        let known = known
            .into_iter()
            .map(|(layer, maker)| (layer, self.hashed_blocks(maker, draft.cohort)))
            .collect();
        let holding = self.kv.hold(&path, hit, slot, known);
        self.kv.take(new_blocks);
        let seq = self.running.push(slot);
        let entry = self.entries[slot as usize].as_mut().expect("a waiting request is known");
        entry.path = Some(path);
        entry.holding = holding;
        entry.seq = seq;
        entry.status = super::entry::Status::Prefill;
        // Asynchronous scheduling keeps a place for each token that is still on its way.
        let ahead = if self.rules.cadence == Cadence::Returned { 0 } else { entry.in_flight };
        entry.target = target + ahead;
        if entry.preemptions == 0 {
            self.stats.prefix_queries += u64::from(target);
            self.stats.prefix_hits += u64::from(hit_tokens);
            entry.cached = hit_tokens;
        } else {
            self.stats.recomputed_tokens += u64::from(entry.computed.saturating_sub(hit_tokens));
        }
        entry.computed = hit_tokens;
        if !entry.scheduled_before {
            entry.scheduled_before = true;
            out.scheduled.push((entry.request.id, now));
        }
        self.prefills.push(slot);
        self.serve_chunk(draft, slot, tokens);
        self.note_twins(draft.cohort);
    }
}
