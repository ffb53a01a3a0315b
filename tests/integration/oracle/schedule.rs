//! `schedule()`, request by request (`v1/core/sched/scheduler.py`, `v1/core/sched/async_scheduler.py`).

use std::cmp::Reverse;

use towtank::request::RequestId;

use super::{
    config::Policy,
    core::{Item, Oracle},
    kv::identities,
};

impl Oracle {
    pub(super) fn schedule(&mut self) -> Vec<Item> {
        self.current_step += 1;
        let alone = self.running.len() + self.waiting.len() <= 1;
        let threshold = if alone && self.config.lone_prefill_unbound() {
            0
        } else {
            self.config.long_prefill_token_threshold
        };
        let mut budget = self.config.max_num_batched_tokens;
        let mut scheduled: Vec<(RequestId, u32)> = Vec::new();
        let preempted_before = self.preempted.len();
        self.schedule_running(threshold, &mut budget, &mut scheduled);
        if self.preempted.len() == preempted_before {
            self.schedule_waiting(threshold, &mut budget, &mut scheduled);
        }
        self.after_schedule(&scheduled)
    }

    fn schedule_running(&mut self, threshold: u32, budget: &mut u32, scheduled: &mut Vec<(RequestId, u32)>) {
        let mut index = 0;
        while index < self.running.len() && *budget > 0 {
            let id = self.running[index];
            let n = self.tokens_of_running(id, threshold, *budget);
            if n == 0 {
                index += 1;
                continue;
            }
            let mut preempted_itself = false;
            while !self.allocate_running(id, n) {
                let place = self.victim();
                let victim = self.running.remove(place);
                if let Some(at) = scheduled.iter().position(|(served, _)| *served == victim) {
                    *budget += scheduled.remove(at).1;
                }
                if place < index && self.config.fixes_index() {
                    index -= 1;
                }
                self.preempt(victim);
                if victim == id {
                    preempted_itself = true;
                    break;
                }
            }
            if preempted_itself {
                if self.config.policy == Policy::Fcfs {
                    break;
                }
                continue;
            }
            scheduled.push((id, n));
            *budget -= n;
            index += 1;
        }
    }

    fn tokens_of_running(&self, id: RequestId, threshold: u32, budget: u32) -> u32 {
        let entry = &self.entries[&id];
        if self.config.is_async() {
            let last = entry.request.prompt_tokens + entry.request.max_tokens;
            if entry.placeholders > 0 && entry.num_computed + 2 - entry.placeholders >= last {
                return 0;
            }
            if self.config.v2_runner() && self.current_step < entry.next_decode_eligible_step {
                return 0;
            }
        }
        let mut n = entry.num_tokens + entry.placeholders - entry.num_computed;
        if threshold > 0 {
            n = n.min(threshold);
        }
        n.min(budget).min(self.config.max_model_len - entry.num_computed - 1)
    }

    fn victim(&self) -> usize {
        match self.config.policy {
            Policy::Fcfs => self.running.len() - 1,
            Policy::Priority => (0..self.running.len())
                .max_by_key(|place| {
                    let request = &self.entries[&self.running[*place]].request;
                    // Python's max takes the first of equals.
                    (request.priority, request.arrival, Reverse(*place))
                })
                .unwrap(),
        }
    }

    fn preempt(&mut self, id: RequestId) {
        let entry = self.entries.get_mut(&id).unwrap();
        self.kv.release(&entry.blocks);
        entry.blocks.clear();
        entry.num_computed = 0;
        entry.placeholders = 0;
        entry.preemptions += 1;
        self.waiting.push_front(id);
        self.preempted.push(id);
    }

    fn allocate_running(&mut self, id: RequestId, n: u32) -> bool {
        let entry = self.entries.get_mut(&id).unwrap();
        let upto = (entry.num_computed + n).min(self.config.max_model_len);
        let need = self.kv.blocks_for(upto) - entry.blocks.len();
        if need > self.kv.free_blocks() {
            return false;
        }
        entry.blocks.extend(self.kv.take(need));
        let full = (entry.num_computed + n).min(entry.num_tokens);
        self.kv.cache(&entry.blocks, &identities(&entry.request.content, full));
        true
    }

    /// Place of the head of the waiting queue.
    fn head(&self) -> Option<usize> {
        match self.config.policy {
            Policy::Fcfs => (!self.waiting.is_empty()).then_some(0),
            Policy::Priority => (0..self.waiting.len()).min_by_key(|place| {
                let request = &self.entries[&self.waiting[*place]].request;
                (request.priority, request.arrival, request.name.to_string())
            }),
        }
    }

    fn schedule_waiting(&mut self, threshold: u32, budget: &mut u32, scheduled: &mut Vec<(RequestId, u32)>) {
        let mut set_aside = Vec::new();
        let mut oversized = Vec::new();
        while let Some(place) = self.head() {
            if *budget == 0 || self.running.len() == self.config.max_num_seqs as usize {
                break;
            }
            let id = self.waiting[place];
            if self.has_stale_output(id) {
                self.waiting.remove(place);
                set_aside.push(id);
                continue;
            }
            let entry = &self.entries[&id];
            let hits = self.kv.lookup(&identities(&entry.request.content, entry.num_tokens));
            let mut n = entry.num_tokens - hits.len() as u32 * self.config.block_size;
            if threshold > 0 {
                n = n.min(threshold);
            }
            if !self.config.chunked_prefill && n > *budget {
                if !self.config.sets_oversized_aside() {
                    break;
                }
                self.waiting.remove(place);
                oversized.push(id);
                continue;
            }
            n = n.min(*budget);
            if !self.allocate_waiting(id, n, &hits) {
                break;
            }
            self.waiting.remove(place);
            self.running.push(id);
            scheduled.push((id, n));
            *budget -= n;
        }
        for id in set_aside.into_iter().rev() {
            self.waiting.push_front(id);
        }
        // 0.11 turns these around.
        for id in oversized {
            self.waiting.push_front(id);
        }
    }

    fn has_stale_output(&self, id: RequestId) -> bool {
        let now = self.entries[&id].preemptions;
        self.in_flight.iter().flatten().any(|item| item.id == id && item.samples && item.preemptions != now)
    }

    fn allocate_waiting(&mut self, id: RequestId, n: u32, hits: &[usize]) -> bool {
        let kept = if self.running.is_empty() { 0 } else { self.config.watermark_blocks() };
        let entry = self.entries.get_mut(&id).unwrap();
        let hit_tokens = hits.len() as u32 * self.config.block_size;
        let evictable = self.kv.evictable(hits);
        let new = self.kv.blocks_for((hit_tokens + n).min(self.config.max_model_len)) - hits.len();
        let whole = self.kv.blocks_for(entry.num_tokens.min(self.config.max_model_len)) - hits.len();
        let free = self.kv.free_blocks();
        if new + evictable + kept > free
            || (self.config.full_prompt_gate() && whole + evictable + kept > free)
        {
            return false;
        }
        self.kv.touch(hits);
        entry.blocks = hits.to_vec();
        entry.blocks.extend(self.kv.take(new));
        entry.num_computed = hit_tokens;
        self.kv.cache(&entry.blocks, &identities(&entry.request.content, hit_tokens + n));
        true
    }

    /// `_update_after_schedule`.
    fn after_schedule(&mut self, scheduled: &[(RequestId, u32)]) -> Vec<Item> {
        let mut items = Vec::new();
        for (id, n) in scheduled {
            let entry = self.entries.get_mut(id).unwrap();
            entry.num_computed += n;
            let samples = entry.num_computed == entry.num_tokens + entry.placeholders;
            if samples && self.config.is_async() {
                entry.placeholders += 1;
                entry.next_decode_eligible_step =
                    self.current_step + u64::from(self.config.pipeline_parallel_size);
            }
            items.push(Item { id: *id, tokens: *n, samples, preemptions: entry.preemptions });
        }
        items
    }
}
