//! One placement under its workloads: clients, router and groups on one clock.

use std::{collections::VecDeque, sync::atomic::Ordering};

use super::{
    autoscale::Autoscaler,
    backlog::Backlog,
    book::Book,
    calendar::{Calendar, Timeout},
    calls::{Calls, Phase},
    fleet::Fleet,
    foundry::Foundry,
    order::{Moment, Rank},
    slot::Slot,
    watch::Watch,
};
use crate::engine::{EngineState, Outputs};
use crate::metrics::Outcome;
use crate::request::RequestId;
use crate::routing::{Router, Scraped};
use crate::scenario::ResolvedPlacement;
use crate::timing::Timing;
use crate::units::{SimDuration, SimTime};
use crate::workload::{Arrival, Client, Source};

/// What the calendar holds.
#[derive(Clone, Debug)]
pub(super) enum Due {
    /// A client's next wish: a later turn, the next request of a closed loop.
    Wish(usize, Arrival),
    /// A retry whose back-off is over.
    Retry(RequestId),
    /// Time to look at every group, and when to do so again.
    Sample(Sample, SimDuration),
    /// Clients of the n-th engine of a slot, which stands still, may learn that nobody is there.
    Keepalive(RequestId, u32),
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// The timeline.
    Timeline,
    /// The router.
    Scrape,
    /// The autoscalers.
    Autoscale,
}

/// What comes from outside the groups.
#[derive(Clone, Copy, Debug)]
enum External {
    Cluster,
    Arrival(usize),
    Timeout(usize, Timeout),
    Due,
}

/// One class of traffic and its client.
pub(super) struct Traffic {
    pub(super) source: Source,
    pub(super) client: Client,
    /// The next arrival of the source, already drawn.
    head: Option<Arrival>,
    /// Sent and not ended, against the client's limit.
    pub(super) outstanding: u32,
    /// Wishes beyond the limit, first come first served.
    pub(super) held: VecDeque<RequestId>,
}

impl Traffic {
    pub(super) fn new(mut source: Source, client: Client) -> Self {
        let head = source.next();
        Self { source, client, head, outstanding: 0, held: VecDeque::new() }
    }
}

/// Everything that moves in one run of one placement.
pub(super) struct World<'a> {
    pub(super) placement: &'a ResolvedPlacement,
    pub(super) fleet: Fleet,
    pub(super) slots: Vec<Slot<Timing>>,
    /// Deployment of each slot.
    pub(super) deployments: Vec<usize>,
    pub(super) foundry: Foundry,
    pub(super) autoscalers: Vec<Autoscaler>,
    pub(super) router: Router,
    pub(super) traffic: Vec<Traffic>,
    pub(super) seed: u64,
    pub(super) book: Book,
    pub(super) watch: &'a Watch<'a>,
    /// Arrivals end here; without draining so does the run.
    pub(super) stop_at: Option<SimTime>,
    /// How often the timeline has a row.
    pub(super) timeline_every: Option<SimDuration>,
    /// How often the router reads metrics.
    pub(super) scrape_every: Option<SimDuration>,
    /// How often the autoscalers do.
    pub(super) autoscale_every: Option<SimDuration>,
    /// The run goes on until then even if every request has ended: something may still happen to the cluster.
    pub(super) live_until: Option<SimTime>,
    /// Engines whose last request the cluster waits for.
    pub(super) draining: usize,
    pub(super) backlog: Backlog,
    pub(super) calls: Calls,
    pub(super) calendar: Calendar<Due>,
    pub(super) out: Outputs,
    pub(super) now: SimTime,
}

impl World<'_> {
    /// Runs until every request has ended, or until `stop_at`. Returns when that was, or `None` if interrupted.
    pub(super) fn run(&mut self) -> Option<SimTime> {
        let coupled = self.coupled();
        for (sample, every) in [
            (Sample::Timeline, self.timeline_every),
            (Sample::Scrape, self.scrape_every),
            (Sample::Autoscale, self.autoscale_every),
        ] {
            if let Some(every) = every {
                self.calendar.push(SimTime::ZERO + every, Rank::Sample, Due::Sample(sample, every));
            }
        }
        let mut events: u32 = 0;
        let mut walking = coupled;
        loop {
            events = events.wrapping_add(1);
            if events.is_multiple_of(1024) && self.watch.tick(self.now) {
                return None;
            }
            let external = self.next_external();
            let over = self.live_until.filter(|_| !self.more_to_come());
            if let Some(live_until) = over
                && self.nobody_waits()
                && external.is_none_or(|(moment, _)| moment.at > live_until)
            {
                return Some(live_until.max(self.now));
            }
            // What hangs on when a group is empty makes every group walk with the clock, and catch up with it first.
            let walks = coupled || over.is_some() || self.draining > 0 || self.backlog.is_watched();
            if walks && !std::mem::replace(&mut walking, walks) {
                self.advance_all(Moment::new(self.now, Rank::Cluster));
            }
            walking = walks;
            let until = external.map_or(Moment::END, |(moment, _)| moment);
            let stop =
                self.stop_at.filter(|stop| *stop <= until.at).map(|stop| Moment::new(stop, Rank::Result));
            if walks && let Some((group, moment)) = self.next_group(stop.unwrap_or(until)) {
                self.go_to(moment.at);
                self.slots[group].step(&mut self.out);
                self.collect(group);
                self.end_if_drained(group);
                self.backlog.look(self.now, self.calls.len());
            } else if let Some(stop) = stop {
                self.advance_all(stop);
                self.go_to(stop.at);
                return Some(stop.at);
            } else if let Some((moment, event)) = external {
                self.go_to(moment.at);
                // With many pods one of these takes as long as a thousand others.
                if matches!(event, External::Cluster) && self.watch.tick(self.now) {
                    return None;
                }
                self.happen(event);
            } else {
                self.advance_all(Moment::END);
                return Some(self.book.last_event());
            }
        }
    }

    /// Whether what a group puts out can change what comes in. If not, each group runs alone between its inputs.
    fn coupled(&self) -> bool {
        self.router.looks_at_state()
            || self.traffic.iter().any(|traffic| {
                let client = &traffic.client;
                traffic.source.follows_up() || client.timeout.is_some() || client.max_concurrency.is_some()
            })
    }

    fn go_to(&mut self, now: SimTime) {
        assert!(now >= self.now, "simulated time went back");
        self.now = now;
    }

    /// The earliest thing that comes from outside the groups.
    fn next_external(&mut self) -> Option<(Moment, External)> {
        let heads = self.traffic.iter().enumerate().filter_map(|(workload, traffic)| {
            let at = traffic.head.as_ref()?.at;
            Some((Moment::new(at, Rank::Arrival), External::Arrival(workload)))
        });
        // `min_by_key` keeps the first of equals: workloads in file order, and new arrivals before due retries.
        let mut first = heads.min_by_key(|(moment, _)| *moment);
        let mut offer = |moment: Moment, event: External| {
            if first.is_none_or(|(earliest, _)| moment < earliest) {
                first = Some((moment, event));
            }
        };
        if let Some(at) = self.fleet.next() {
            offer(Moment::new(at, Rank::Cluster), External::Cluster);
        }
        if let Some(moment) = self.calendar.next() {
            offer(moment, External::Due);
        }
        let calls = &self.calls;
        let alive = |timeout: &Timeout| {
            calls.find(timeout.id, timeout.use_of).is_some_and(|call| call.phase == Phase::Sent)
        };
        if let Some((workload, timeout)) = self.calendar.next_timeout(alive) {
            offer(Moment::new(timeout.at, Rank::Timeout), External::Timeout(workload, timeout));
        }
        first
    }

    /// The group whose next event is earliest, if it comes before `until`.
    fn next_group(&mut self, until: Moment) -> Option<(usize, Moment)> {
        // A lone group can look exactly as far as the next outside event; several would cut each other's runs.
        let horizon = if self.slots.len() == 1 { until } else { Moment::END };
        let events = self.slots.iter_mut().enumerate();
        let events = events.filter_map(|(index, group)| Some((index, group.next_event(horizon)?)));
        events.min_by_key(|(_, moment)| *moment).filter(|(_, moment)| *moment < until)
    }

    fn advance_all(&mut self, until: Moment) {
        for group in 0..self.slots.len() {
            self.slots[group].advance(until, &mut self.out);
            self.collect(group);
        }
    }

    /// Whether no client waits for anything. An engine that stands still does not let go of what was abandoned in it.
    fn nobody_waits(&self) -> bool {
        let stuck = |id: RequestId| {
            let call = self.calls.get(id);
            call.phase == Phase::Abandoned && call.group.is_some_and(|group| self.slots[group].is_frozen())
        };
        self.calls.len() == 0 || self.slots.iter().any(Slot::is_frozen) && self.calls.live().all(stuck)
    }

    /// Whether anything may still be sent, besides what is held back by its client.
    fn more_to_come(&self) -> bool {
        self.traffic.iter().any(|traffic| traffic.head.is_some()) || self.calendar.holds_more_than_samples()
    }

    fn happen(&mut self, event: External) {
        match event {
            External::Cluster => self.cluster_moves(),
            External::Arrival(workload) => {
                let traffic = &mut self.traffic[workload];
                let arrival = traffic.head.take().expect("the head was there a moment ago");
                traffic.head = traffic.source.next();
                self.wish(workload, arrival);
            }
            External::Timeout(workload, timeout) => {
                self.calendar.pop_timeout(workload);
                self.give_up(timeout.id);
            }
            External::Due => match self.calendar.pop() {
                Due::Wish(workload, arrival) => self.wish(workload, arrival),
                Due::Retry(id) => self.send(id),
                Due::Sample(sample, every) => self.sample(sample, every),
                Due::Keepalive(id, use_of) => self.keepalive(id, use_of),
            },
        }
    }

    /// Takes in what a group put out.
    pub(super) fn collect(&mut self, group: usize) {
        let mut out = std::mem::take(&mut self.out);
        for (id, at) in out.scheduled.drain(..) {
            let call = self.calls.get_mut(id);
            call.scheduled.get_or_insert(at);
        }
        for (id, at) in out.first_tokens.drain(..) {
            let call = self.calls.get_mut(id);
            if call.phase == Phase::Sent {
                call.first_token = Some(at);
                self.book.first_token(group, call, at);
            }
        }
        self.book.gaps(group, &mut out.gaps);
        for finished in out.finished.drain(..) {
            self.router.ended(group);
            if self.calls.get(finished.id).phase == Phase::Abandoned {
                self.calls.remove(finished.id);
                self.book.let_go(group);
            } else {
                self.end(finished.id, Outcome::Completed, finished.at, Some(&finished));
            }
        }
        for id in out.aborted.drain(..) {
            self.router.ended(group);
            self.calls.remove(id);
            self.book.let_go(group);
        }
        self.book.steps(group, self.slots[group].take_steps(), &self.calls);
        self.out = out;
    }

    /// Brings every group to now and notes what it holds.
    fn sample(&mut self, sample: Sample, every: SimDuration) {
        self.advance_all(Moment::new(self.now, Rank::Sample));
        match sample {
            Sample::Timeline => {
                for (index, slot) in self.slots.iter().enumerate() {
                    if self.fleet.cluster.exists(index) {
                        let ready = self.router.is_ready(index) && !slot.is_frozen();
                        self.book.sample(index, self.now, slot.state().as_ref(), ready);
                    }
                }
                self.book.sampled(self.now);
                self.read_servers(self.now);
            }
            Sample::Scrape => {
                for (index, slot) in self.slots.iter().enumerate() {
                    // Nobody answers for an engine that stands still: its last metrics stay.
                    if let Some(state) = slot.state().filter(|_| !slot.is_frozen()) {
                        let EngineState { running, waiting, .. } = state;
                        let kv_cache_usage = state.kv_cache_usage();
                        self.router.scraped(index, Scraped { running, waiting, kv_cache_usage });
                    }
                }
            }
            Sample::Autoscale => self.autoscale(),
        }
        let more = self.more_to_come()
            || self.slots.iter().any(Slot::is_awake)
            || self.live_until.is_some_and(|until| self.now < until || self.calls.len() > 0);
        if more {
            self.calendar.push(self.now + every, Rank::Sample, Due::Sample(sample, every));
        }
    }

    /// Reads what every server shows that answers: one whose engine stands still does not, as for the router.
    pub(super) fn read_servers(&mut self, at: SimTime) {
        if self.book.metrics.servers.is_none() {
            return;
        }
        for (index, slot) in self.slots.iter().enumerate().filter(|(_, slot)| !slot.is_frozen()) {
            if let (Some(state), Some(stats)) = (slot.state(), slot.stats()) {
                self.book.read_server(index, at, &state, &stats);
            }
        }
    }

    /// Ends what a run without draining leaves behind.
    pub(super) fn abandon(&mut self, at: SimTime) {
        let live: Vec<_> = self.calls.live().collect();
        for id in live {
            let call = self.calls.remove(id);
            if call.phase != Phase::Abandoned {
                let received = call.group.map_or(0, |group| self.slots[group].output_tokens(id));
                self.book.ended(&call, Outcome::Unfinished, at, None, received);
            }
        }
        self.watch.progress.store(at.as_nanos(), Ordering::Relaxed);
    }
}
