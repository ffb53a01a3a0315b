//! vLLM's scheduler written down literally: every request, every block, every step. Slow, and meant to be read next to
//! `v1/core/sched/scheduler.py`, `v1/core/kv_cache_manager.py`, `v1/core/block_pool.py` and `v1/engine/core.py`.
//! The engine is held against it in lock-step.

mod pool;
mod pool_traces;

use std::collections::{BTreeMap, VecDeque};

use pool::Pool;
use towtank::{
    batch::{Batch, Chunk},
    engine::{
        Action, Cadence, EarlyReturn, EngineConfig, EngineState, EngineStats, Finished, Gap, Outputs,
        Rejected, Rules, SchedulingPolicy, StepDetail,
    },
    request::{Request, RequestId},
    units::{SimDuration, SimTime, Version},
};

/// `Request` of the scheduler.
#[derive(Clone, Debug)]
struct Req {
    request: Request,
    /// Prompt and answer so far.
    tokens: u32,
    computed: u32,
    placeholders: u32,
    eligible: u64,
    /// Tokens on their way from before the last preemption, and in all.
    stale: u32,
    in_flight: u32,
    running: bool,
    blocks: Vec<usize>,
    hashed: usize,
    last: SimTime,
    scheduled_before: bool,
    cached: u32,
    preemptions: u32,
    lost: u32,
}

impl Req {
    fn outputs(&self) -> u32 {
        self.tokens - self.request.prompt_tokens
    }
}

/// One request of a batch in flight.
#[derive(Clone, Debug)]
struct Share {
    id: u32,
    tokens: u32,
    samples: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    config: EngineConfig,
    rules: Rules,
    requests: BTreeMap<u32, Req>,
    waiting: VecDeque<u32>,
    /// `skipped_waiting`, a queue of its own from 0.18 to 0.30.
    skipped: VecDeque<u32>,
    running: Vec<u32>,
    pool: Pool,
    in_flight: VecDeque<Vec<Share>>,
    current_step: u64,
    /// The pass of the loop blocks for the oldest batch.
    must_wait: bool,
    /// The pass ran nothing.
    empty_pass: bool,
    sleep: bool,
    aborts: Vec<RequestId>,
    stats: EngineStats,
    detail: StepDetail,
    /// Those of the batch scheduled last that sample a token.
    sampling: Vec<u32>,
}

impl Oracle {
    pub(crate) fn new(config: &EngineConfig) -> Self {
        let rules = Rules::of(config);
        Self {
            pool: Pool::new(config, rules.free_order),
            config: config.clone(),
            rules,
            requests: BTreeMap::new(),
            waiting: VecDeque::new(),
            skipped: VecDeque::new(),
            running: Vec::new(),
            in_flight: VecDeque::new(),
            current_step: 0,
            must_wait: false,
            empty_pass: false,
            sleep: false,
            aborts: Vec::new(),
            stats: EngineStats::default(),
            detail: StepDetail::default(),
            sampling: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, request: Request) -> Result<(), Rejected> {
        let (prompt_tokens, max_model_len) = (request.prompt_tokens, self.config.max_model_len);
        if prompt_tokens == 0 {
            return Err(Rejected::EmptyPrompt);
        }
        if prompt_tokens >= max_model_len {
            return Err(Rejected::PromptTooLong { prompt_tokens, max_model_len });
        }
        let id = request.id.0;
        let req = Req {
            tokens: prompt_tokens,
            request,
            computed: 0,
            placeholders: 0,
            eligible: 0,
            stale: 0,
            in_flight: 0,
            running: false,
            blocks: Vec::new(),
            hashed: 0,
            last: SimTime::ZERO,
            scheduled_before: false,
            cached: 0,
            preemptions: 0,
            lost: 0,
        };
        self.requests.insert(id, req);
        self.waiting.push_back(id);
        Ok(())
    }

    pub(crate) fn abort(&mut self, id: RequestId) {
        self.aborts.push(id);
    }

    fn apply_aborts(&mut self, out: &mut Outputs) {
        for id in std::mem::take(&mut self.aborts) {
            if self.requests.contains_key(&id.0) {
                self.remove(id.0);
                out.aborted.push(id);
            }
        }
    }

    /// Frees a request and forgets it.
    fn remove(&mut self, id: u32) {
        self.waiting.retain(|other| *other != id);
        self.skipped.retain(|other| *other != id);
        self.running.retain(|other| *other != id);
        let req = self.requests.remove(&id).unwrap();
        self.pool.free(req.blocks);
    }

    pub(crate) fn state(&self) -> EngineState {
        EngineState {
            running: self.running.len() as u32,
            waiting: (self.waiting.len() + self.skipped.len()) as u32,
            free_blocks: self.pool.free_blocks(),
            usable_blocks: self.config.num_gpu_blocks - 1,
        }
    }

    /// How often `schedule` has run, passes that scheduled nothing included.
    pub(crate) fn schedules(&self) -> u64 {
        self.current_step
    }

    /// The requests that sample a token in the batch scheduled last.
    pub(crate) fn last_samples(&self) -> &[u32] {
        &self.sampling
    }

    pub(crate) fn last_step(&self) -> &StepDetail {
        &self.detail
    }

    pub(crate) fn stats(&self) -> EngineStats {
        self.stats
    }

    /// `EngineCore.step` and `step_with_batch_queue`.
    pub(crate) fn poll(&mut self, now: SimTime, oldest_done: bool, out: &mut Outputs) -> Action {
        let nap = Action::PollAfter(SimDuration::from_nanos(1_000_000));
        if self.must_wait {
            return Action::WaitOldest;
        }
        self.apply_aborts(out);
        if std::mem::take(&mut self.sleep) {
            return nap;
        }
        let capacity = self.rules.batches_in_flight as usize;
        if self.in_flight.len() == capacity || self.requests.is_empty() {
            if self.in_flight.is_empty() {
                return Action::Idle;
            }
            self.must_wait = true;
            self.empty_pass = true;
            return Action::WaitOldest;
        }
        let (batch, shares) = self.schedule(now, out);
        self.empty_pass = batch.is_empty();
        if batch.is_empty() && (capacity == 1 || self.rules.early_return == EarlyReturn::NonEmpty) {
            self.must_wait = !self.in_flight.is_empty();
            return if self.must_wait { Action::WaitOldest } else { nap };
        }
        self.in_flight.push_back(shares);
        let returns = self.in_flight.len() < capacity
            && match self.rules.early_return {
                EarlyReturn::NonEmpty => true,
                EarlyReturn::OldestPending => !batch.is_empty() && !oldest_done,
                EarlyReturn::RoomLeft => !batch.is_empty() || !self.requests.is_empty(),
            };
        self.must_wait = !returns;
        self.sleep = returns && batch.is_empty();
        Action::Dispatch(batch)
    }

    /// Whether a release's rules apply.
    fn since(&self, major: u16, minor: u16) -> bool {
        self.config.version >= Version::new(major, minor, 0)
    }

    fn schedule(&mut self, now: SimTime, out: &mut Outputs) -> (Batch, Vec<Share>) {
        self.current_step += 1;
        self.detail = StepDetail::default();
        let lone = self.running.len() + self.waiting.len() + self.skipped.len() <= 1
            && self.rules.lone_prefill_unbound;
        let threshold = if lone { 0 } else { self.config.long_prefill_token_threshold };
        let mut scheduled = Vec::new();
        let budget = self.schedule_running(threshold, &mut scheduled);
        if self.detail.preempted.is_empty() {
            self.schedule_waiting(now, threshold, budget, &mut scheduled, out);
        }
        let batch = self.batch(&scheduled);
        let shares: Vec<Share> = scheduled.iter().map(|(id, n)| self.after_schedule(*id, *n)).collect();
        self.sampling = shares.iter().filter(|share| share.samples).map(|share| share.id).collect();
        self.detail.scheduled = scheduled.into_iter().map(|(id, n)| (RequestId(id), n)).collect();
        self.count(&batch);
        (batch, shares)
    }

    /// Phase A. Returns the budget left.
    fn schedule_running(&mut self, threshold: u32, scheduled: &mut Vec<(u32, u32)>) -> u32 {
        let mut budget = self.config.max_num_batched_tokens;
        let mut index = 0;
        while index < self.running.len() && budget > 0 {
            let id = self.running[index];
            let n = self.wanted(id, threshold).min(budget);
            if n == 0 {
                index += 1;
                continue;
            }
            while !self.allocate_running(id, n) {
                let victim = self.victim();
                let place = self.running.iter().position(|other| *other == victim).unwrap();
                self.running.remove(place);
                let was = scheduled.iter().position(|(other, _)| *other == victim);
                if let Some(was) = was {
                    budget += scheduled.remove(was).1;
                }
                if place < index && (self.since(0, 28) || was.is_some()) {
                    index -= 1;
                }
                self.preempt(victim);
                if victim == id {
                    break;
                }
            }
            if !self.requests[&id].running {
                if self.config.scheduling_policy == SchedulingPolicy::Priority && self.since(0, 33) {
                    continue;
                }
                break;
            }
            scheduled.push((id, n));
            budget -= n;
            index += 1;
        }
        budget
    }

    /// Tokens a running request would like to compute.
    fn wanted(&self, id: u32, threshold: u32) -> u32 {
        let req = &self.requests[&id];
        let total = i64::from(req.request.prompt_tokens) + i64::from(req.request.max_tokens);
        if req.placeholders > 0 && i64::from(req.computed) + 2 - i64::from(req.placeholders) >= total {
            return 0;
        }
        if self.current_step < req.eligible {
            return 0;
        }
        let mut n = i64::from(req.tokens) + i64::from(req.placeholders) - i64::from(req.computed);
        if threshold > 0 {
            n = n.min(i64::from(threshold));
        }
        n = n.min(i64::from(self.config.max_model_len) - i64::from(req.computed) - 1);
        u32::try_from(n).unwrap_or(0)
    }

    fn allocate_running(&mut self, id: u32, n: u32) -> bool {
        let req = self.requests.get_mut(&id).unwrap();
        let total =
            (req.computed + n).min(self.config.max_model_len).div_ceil(self.config.block_size) as usize;
        let need = total.saturating_sub(req.blocks.len());
        if need > self.pool.free_blocks() as usize {
            return false;
        }
        req.blocks.extend((0..need).map(|_| self.pool.take()));
        let upto = (req.computed + n).min(req.tokens);
        self.pool.cache(&req.request.content, &req.blocks, &mut req.hashed, upto);
        true
    }

    fn victim(&self) -> u32 {
        let last = *self.running.last().unwrap();
        if self.config.scheduling_policy == SchedulingPolicy::Fcfs {
            return last;
        }
        // The first of the largest, as Python's `max`.
        let key = |id: &u32| (self.requests[id].request.priority, self.requests[id].request.arrival);
        self.running.iter().rev().copied().max_by_key(key).unwrap()
    }

    fn preempt(&mut self, id: u32) {
        let req = self.requests.get_mut(&id).unwrap();
        self.pool.free(std::mem::take(&mut req.blocks));
        req.hashed = 0;
        req.lost = req.computed;
        req.computed = 0;
        if self.config.version >= Version::new(0, 27, 0) {
            req.placeholders = 0;
            req.stale = req.in_flight;
        }
        req.preemptions += 1;
        req.running = false;
        self.stats.preemptions += 1;
        self.waiting.push_front(id);
        self.detail.preempted.push(RequestId(id));
    }

    /// Head of the waiting queue.
    fn head(&self) -> Option<u32> {
        match self.config.scheduling_policy {
            SchedulingPolicy::Fcfs => self.skipped.front().or(self.waiting.front()).copied(),
            SchedulingPolicy::Priority => {
                self.skipped.iter().chain(&self.waiting).copied().min_by_key(|id| {
                    let request = &self.requests[id].request;
                    (request.priority, request.arrival, request.name.to_string())
                })
            }
        }
    }

    /// Phase B.
    fn schedule_waiting(
        &mut self,
        now: SimTime,
        threshold: u32,
        mut budget: u32,
        scheduled: &mut Vec<(u32, u32)>,
        out: &mut Outputs,
    ) {
        let (mut aside, mut oversized) = (Vec::new(), Vec::new());
        while budget > 0 && (self.running.len() as u32) < self.config.max_num_seqs {
            let Some(id) = self.head() else { break };
            let req = &self.requests[&id];
            if req.stale > 0 {
                self.take_waiting(id);
                aside.push(id);
                continue;
            }
            let hits = self.pool.lookup(&req.request.content, req.tokens);
            let hit_tokens = hits.len() as u32 * self.config.block_size;
            let mut n = req.tokens - hit_tokens;
            if threshold > 0 {
                n = n.min(threshold);
            }
            if !self.config.enable_chunked_prefill && n > budget {
                if self.rules.oversized_prompt_blocks {
                    break;
                }
                self.take_waiting(id);
                oversized.push(id);
                continue;
            }
            n = n.min(budget);
            if !self.admit(id, hits, n) {
                break;
            }
            self.take_waiting(id);
            self.running.push(id);
            scheduled.push((id, n));
            budget -= n;
            self.admitted(id, hit_tokens, now, out);
        }
        // 0.11 puts prompts that exceed the budget back in reverse order.
        let set_aside = self.since(0, 18) && !self.since(0, 31);
        let queue = if set_aside { &mut self.skipped } else { &mut self.waiting };
        for id in aside.into_iter().rev().chain(oversized) {
            queue.push_front(id);
        }
    }

    fn take_waiting(&mut self, id: u32) {
        self.waiting.retain(|other| *other != id);
        self.skipped.retain(|other| *other != id);
    }

    /// `allocate_slots` for a waiting request.
    fn admit(&mut self, id: u32, hits: Vec<usize>, n: u32) -> bool {
        let bs = self.config.block_size;
        let watermark = (self.config.watermark * f64::from(self.config.num_gpu_blocks)) as u32;
        let req = self.requests.get_mut(&id).unwrap();
        let evictable = hits.iter().filter(|block| self.pool.is_free(**block)).count() as u32;
        let hit_blocks = hits.len() as u32;
        let total = (hit_blocks * bs + n).min(self.config.max_model_len).div_ceil(bs);
        let free = self.pool.free_blocks();
        if total - hit_blocks + evictable > free {
            return false;
        }
        if self.rules.full_prompt_gate {
            let whole = req.tokens.min(self.config.max_model_len).div_ceil(bs);
            let watermark = if self.running.is_empty() { 0 } else { watermark };
            if whole - hit_blocks + evictable + watermark > free {
                return false;
            }
        }
        req.hashed = hits.len();
        req.blocks = hits;
        for block in &req.blocks {
            self.pool.touch(*block);
        }
        req.blocks.extend((hit_blocks..total).map(|_| self.pool.take()));
        req.computed = hit_blocks * bs;
        req.running = true;
        let upto = (req.computed + n).min(req.tokens);
        self.pool.cache(&req.request.content, &req.blocks, &mut req.hashed, upto);
        true
    }

    fn admitted(&mut self, id: u32, hit_tokens: u32, now: SimTime, out: &mut Outputs) {
        let req = self.requests.get_mut(&id).unwrap();
        if req.preemptions > 0 {
            self.stats.recomputed_tokens += u64::from(req.lost.saturating_sub(hit_tokens));
        } else {
            self.stats.prefix_queries += u64::from(req.tokens);
            self.stats.prefix_hits += u64::from(hit_tokens);
            req.cached = hit_tokens;
        }
        if !req.scheduled_before {
            req.scheduled_before = true;
            out.scheduled.push((RequestId(id), now));
        }
    }

    fn batch(&self, scheduled: &[(u32, u32)]) -> Batch {
        let mut batch = Batch::empty();
        for (id, n) in scheduled {
            let req = &self.requests[id];
            batch.tokens += n;
            if *n == 1 {
                batch.decodes += 1;
                batch.decode_context += u64::from(req.computed + 1);
                let bs = self.config.block_size;
                batch.decode_context_blocks += u64::from((req.computed + 1).div_ceil(bs) * bs);
            } else {
                batch.prefills.push(Chunk { tokens: *n, context: req.computed });
            }
            if req.computed + n == req.tokens + req.placeholders {
                batch.sampled_rows += 1;
            }
        }
        if batch.tokens > 0 {
            (batch.graph, batch.padded_tokens) =
                self.config.capture_sizes.launch(batch.tokens, batch.prefills.is_empty());
        }
        batch
    }

    /// `_update_after_schedule`, of the asynchronous scheduler too.
    fn after_schedule(&mut self, id: u32, n: u32) -> Share {
        let req = self.requests.get_mut(&id).unwrap();
        req.computed += n;
        let samples = req.computed == req.tokens + req.placeholders;
        if samples && let Cadence::Steps(steps) = self.rules.cadence {
            req.placeholders += 1;
            req.eligible = self.current_step + u64::from(steps);
        }
        req.in_flight += n;
        Share { id, tokens: n, samples }
    }

    fn count(&mut self, batch: &Batch) {
        if batch.is_empty() {
            return;
        }
        let requests = batch.decodes + batch.prefills.len() as u32;
        let used = self.config.num_gpu_blocks - 1 - self.pool.free_blocks();
        self.stats.steps += 1;
        self.stats.batch_sum += u64::from(requests);
        self.stats.batch_max = self.stats.batch_max.max(requests);
        self.stats.used_blocks_sum += u128::from(used);
        self.stats.used_blocks_max = self.stats.used_blocks_max.max(used);
    }

    /// `update_from_output` of the oldest batch.
    pub(crate) fn complete(&mut self, now: SimTime, out: &mut Outputs) {
        self.must_wait = false;
        self.apply_aborts(out);
        let mut shares = self.in_flight.pop_front().expect("a batch is in flight");
        if self.config.version < Version::new(0, 10, 0) {
            shares.sort_by_key(|share| self.running.iter().position(|id| *id == share.id));
        }
        for share in shares {
            let Some(req) = self.requests.get_mut(&share.id) else { continue };
            // Until 0.9 only what runs is looked at: the token of a preempted request is lost.
            if self.config.version < Version::new(0, 10, 0) && !req.running {
                req.in_flight -= share.tokens;
                continue;
            }
            let is_stale = req.stale > 0;
            req.in_flight -= share.tokens;
            req.stale = req.stale.saturating_sub(share.tokens);
            if share.samples {
                self.sampled(share.id, is_stale, now, out);
            }
        }
        self.sleep = self.empty_pass
            && !self.requests.is_empty()
            && self.rules.early_return != EarlyReturn::NonEmpty
            && self.rules.batches_in_flight > 1;
    }

    fn sampled(&mut self, slot: u32, is_stale: bool, now: SimTime, out: &mut Outputs) {
        let req = self.requests.get_mut(&slot).unwrap();
        let id = RequestId(slot);
        req.tokens += 1;
        let outputs = req.outputs();
        if outputs == 1 {
            out.first_tokens.push((id, now));
        } else {
            out.gaps.push(Gap { at: now, gap: now - req.last, count: 1, class: req.request.class });
        }
        req.last = now;
        let placeholders = req.placeholders > 0;
        if !is_stale && placeholders {
            req.placeholders -= 1;
        }
        // Before the request may be freed: a block that its last token completes is freed with a hash.
        if !is_stale && req.running && placeholders {
            let upto = req.computed - req.placeholders;
            self.pool.cache(&req.request.content, &req.blocks, &mut req.hashed, upto);
        }
        if outputs >= req.request.output_tokens.max(1)
            || outputs >= req.request.max_tokens
            || req.tokens >= self.config.max_model_len
        {
            let (cached_tokens, preemptions) = (req.cached, req.preemptions);
            self.remove(slot);
            out.finished.push(Finished { id, at: now, output_tokens: outputs, cached_tokens, preemptions });
        }
    }
}
