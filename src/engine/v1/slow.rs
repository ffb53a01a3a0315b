//! Running requests one by one, as vLLM's loop has them: where the order of the list decides who gets the tokens and
//! blocks that are left.

use std::collections::BTreeMap;

use super::{Engine, SchedulingPolicy, entry::Status, schedule::Draft};

impl Engine {
    /// First half of `schedule()`, literally. A prompt under way may stand before decodes, and under PRIORITY a victim
    /// may stand anywhere, even among those this step has served.
    pub(super) fn schedule_one_by_one(&mut self, draft: &mut Draft) {
        let mut list: Vec<u32> = self
            .running
            .list()
            .iter()
            .filter(|(seq, slot)| self.runs(*seq, *slot))
            .map(|(_, slot)| *slot)
            .collect();
        let mut served: BTreeMap<u32, u32> = BTreeMap::new();
        let mut at = 0;
        while at < list.len() && draft.budget > 0 {
            let slot = list[at];
            let (tokens, blocks) = self.wish(slot, draft);
            if tokens == 0 {
                at += 1;
                continue;
            }
            let mut gone = false;
            while blocks > self.kv.free() && !gone {
                let place = self.victim(&list);
                let victim = list.remove(place);
                let was_served = self.evict(draft, victim, &mut served);
                gone = victim == slot;
                if place < at && (self.rules.victim_moves_index || was_served) {
                    at -= 1;
                }
            }
            if gone {
                if self.rules.policy == SchedulingPolicy::Fcfs || !self.rules.own_victim_goes_on {
                    break;
                }
                continue;
            }
            self.kv.take(blocks);
            if matches!(self.entry(slot).status, Status::Prefill) {
                self.serve_chunk(draft, slot, tokens);
            } else {
                draft.budget -= 1;
            }
            served.insert(slot, tokens);
            at += 1;
        }
        self.leave_behind(draft, &list, &served);
    }

    /// Tokens and new blocks a running request asks for in this step.
    fn wish(&self, slot: u32, draft: &Draft) -> (u32, u32) {
        match self.entry(slot).status {
            Status::Prefill if self.entry(slot).computed < self.entry(slot).target => {
                let tokens = self.chunk(slot, draft.threshold).min(draft.budget);
                (tokens, self.chunk_blocks(slot, tokens))
            }
            Status::Decode(member) if Some(member.cohort) == draft.cohort => {
                let cohort = &self.cohorts[member.cohort as usize];
                (1, u32::from(cohort.begins_block(member.base, cohort.scheduled + 1)))
            }
            _ => (0, 0),
        }
    }

    /// Place of the next victim: the last, or the least urgent, the first of equals.
    fn victim(&self, list: &[u32]) -> usize {
        match self.rules.policy {
            SchedulingPolicy::Fcfs => list.len() - 1,
            SchedulingPolicy::Priority => {
                let urgency = |place: &usize| {
                    let request = &self.entry(list[*place]).request;
                    (request.priority, request.arrival, std::cmp::Reverse(*place))
                };
                (0..list.len()).max_by_key(urgency).expect("whoever misses a block runs")
            }
        }
    }

    /// Preempts; what the step had already given to the victim is taken back. Returns whether it had given anything.
    fn evict(&mut self, draft: &mut Draft, victim: u32, served: &mut BTreeMap<u32, u32>) -> bool {
        let tokens = served.remove(&victim);
        draft.budget += tokens.unwrap_or(0);
        draft.chunks.retain(|(slot, ..)| *slot != victim);
        let decode = matches!(self.entry(victim).status, Status::Decode(_));
        self.preempt(victim, decode && tokens.is_some());
        if !decode {
            self.entry_mut(victim).computed -= tokens.unwrap_or(0);
        }
        draft.preempted = true;
        tokens.is_some()
    }

    /// Decodes whose turn it was and who got nothing.
    fn leave_behind(&mut self, draft: &Draft, list: &[u32], served: &BTreeMap<u32, u32>) {
        for slot in list {
            if let Status::Decode(member) = self.entry(*slot).status
                && Some(member.cohort) == draft.cohort
                && !served.contains_key(slot)
            {
                self.fall_behind(*slot, member);
            }
        }
    }
}
