//! `update_from_output()` (`v1/core/sched/scheduler.py`, `v1/core/sched/utils.py` `check_stop`).

use towtank::{request::RequestId, units::SimTime};

use super::{
    core::{Completed, Item, Oracle},
    kv::identities,
};

impl Oracle {
    pub(super) fn update_from_output(&mut self, items: &[Item], now: SimTime) -> Completed {
        let mut completed = Completed::default();
        for item in items.iter().filter(|item| item.samples) {
            // Finished or aborted meanwhile: the token is dropped.
            let Some(entry) = self.entries.get_mut(&item.id) else { continue };
            entry.num_tokens += 1;
            completed.tokens.push((item.id, entry.outputs(), now));
            let stale = item.preemptions != entry.preemptions;
            if self.config.is_async() && !stale {
                entry.placeholders -= 1;
                let known = entry.num_computed - entry.placeholders;
                self.kv.cache(&entry.blocks, &identities(&entry.request.content, known));
            }
            let end_of_sequence = entry.outputs() >= entry.request.output_tokens;
            let length =
                entry.num_tokens >= self.config.max_model_len || entry.outputs() >= entry.request.max_tokens;
            if end_of_sequence || length {
                self.finish(item.id);
                completed.finished.push(item.id);
            }
        }
        completed
    }

    /// A request leaves, whatever its state; its blocks are free at once.
    pub(super) fn finish(&mut self, id: RequestId) {
        let entry = self.entries.remove(&id).unwrap();
        self.kv.release(&entry.blocks);
        self.running.retain(|other| *other != id);
        self.waiting.retain(|other| *other != id);
    }
}
