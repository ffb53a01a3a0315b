//! Sends the requests of one class, one after the other.

mod conversations;
mod replay;

use std::sync::Arc;

use rand::RngExt;

use self::{conversations::Conversations, replay::Replay};
use super::{
    args::Stop,
    arrivals::{Arrivals, Instants},
    class::{Class, Demand, Generated},
    length::Length,
    streams::{Owner, tokens},
};
use crate::random::RandomStream;
use crate::request::{Content, RequestName, Segment};
use crate::units::SimTime;

/// A request as its client sends it.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// When it is sent.
    pub at: SimTime,
    /// Its name.
    pub name: RequestName,
    /// Prompt length, in tokens.
    pub input_tokens: u32,
    /// Answer length at which the model ends by itself, in tokens.
    pub output_tokens: u32,
    /// Answer length at which the engine must end; `None` leaves it to the engine's own limit.
    pub max_tokens: Option<u32>,
    /// vLLM's priority: smaller is more urgent.
    pub priority: i32,
    /// Identity of its tokens.
    pub content: Content,
    /// Who waits for the end of this request before sending the next one; tell [`Source::completed`].
    pub thread: Option<ThreadId>,
}

/// A user of a closed loop, or a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadId(u32);

/// How a request ended, as far as its user is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With an answer, possibly cut short by the engine's limit.
    Answered {
        /// Its length, in tokens.
        output_tokens: u32,
    },
    /// With no answer after all attempts: rejected, timed out, cut. It ends the conversation, not the user.
    Failed,
}

/// Which run a source belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SourceOptions {
    /// Seed of the scenario.
    pub seed: u64,
    /// Factor on every arrival rate, and on the speed of traces: the same gaps, divided by it.
    pub rate_factor: f64,
    /// Arrivals end before this instant, except those of a class that ends by count.
    pub end: Option<SimTime>,
}

/// The requests of one class in the order of their arrival; an iterator over those that depend on nobody's answer.
///
/// Requests that wait for an answer (later turns, closed loops) come out of [`Source::completed`], for the caller to put
/// in order with the others.
#[derive(Clone, Debug)]
pub struct Source {
    name: Arc<str>,
    ordinal: u16,
    end: SimTime,
    /// Requests that may still be sent.
    left: u32,
    /// Requests sent.
    sent: u32,
    kind: SourceKind,
}

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a class, and every request goes through it")]
enum SourceKind {
    Replay(Replay),
    Open { when: When, prompts: Prompts },
    Threads { when: When, prompts: Prompts, conversations: Conversations },
}

/// When something starts that waits for nobody.
#[derive(Clone, Debug)]
enum When {
    Instants(Box<Instants>),
    /// At time 0, so many more.
    Now(u32),
}

impl When {
    fn next(&mut self) -> Option<SimTime> {
        match self {
            Self::Instants(instants) => instants.next(),
            Self::Now(left) => {
                *left = left.checked_sub(1)?;
                Some(SimTime::ZERO)
            }
        }
    }
}

impl Source {
    /// The source of a class in one run.
    pub fn new(class: &Class, options: SourceOptions) -> Self {
        let SourceOptions { seed, rate_factor, end } = options;
        let kind = match &class.demand {
            Demand::Listed(list) => {
                SourceKind::Replay(Replay::new(list, class.ordinal, seed, list.speed * rate_factor))
            }
            Demand::Generated(generated) => {
                let threads = generated.turns.is_some();
                let (when, threads) = match &generated.arrivals {
                    Arrivals::Renewal(process) => {
                        let count = if threads { None } else { class.num_prompts };
                        let instants = Instants::new(process, seed, class.ordinal, rate_factor, count);
                        (When::Instants(Box::new(instants)), threads)
                    }
                    Arrivals::AllAtOnce => (When::Now(u32::MAX), threads),
                    Arrivals::ClosedLoop { users, .. } => (When::Now(*users), true),
                };
                let prompts = Prompts::new(generated, class.ordinal, seed);
                if threads {
                    let conversations = Conversations::new(generated, class.ordinal, seed);
                    SourceKind::Threads { when, prompts, conversations }
                } else {
                    SourceKind::Open { when, prompts }
                }
            }
        };
        let end = if class.num_prompts.is_some() { None } else { end };
        Self {
            name: class.name.clone(),
            ordinal: class.ordinal,
            end: end.unwrap_or(SimTime::MAX),
            left: class.num_prompts.unwrap_or(u32::MAX),
            sent: 0,
            kind,
        }
    }

    /// Whether some requests wait for the end of others, so that [`Source::completed`] must be told.
    pub fn follows_up(&self) -> bool {
        matches!(self.kind, SourceKind::Threads { .. })
    }

    /// What the thread of a request that ended at `now` sends next, if anything: the next turn, or a closed loop's next
    /// request, after the time to think.
    ///
    /// # Panics
    /// If the thread is not one of this source's, or has no request under way.
    pub fn completed(&mut self, thread: ThreadId, now: SimTime, ended: Ended) -> Option<Arrival> {
        let SourceKind::Threads { prompts, conversations, .. } = &mut self.kind else {
            unreachable!("only conversations and closed loops have threads")
        };
        let at = conversations.next(thread, now, ended, prompts)?;
        if at >= self.end || self.left == 0 {
            conversations.close(thread);
            return None;
        }
        let (input_tokens, output_tokens, content) = conversations.turn(thread);
        let prompt = Prompt { input_tokens, output_tokens, content };
        let (stop, priority) = (prompts.stop, prompts.priority);
        Some(self.send(at, prompt, stop, priority, Some(thread)))
    }

    fn send(
        &mut self,
        at: SimTime,
        prompt: Prompt,
        stop: Stop,
        priority: i32,
        thread: Option<ThreadId>,
    ) -> Arrival {
        let Prompt { input_tokens, output_tokens, content } = prompt;
        let name = RequestName::Row { workload: self.name.clone(), row: self.sent };
        self.sent += 1;
        self.left -= 1;
        let max_tokens = (stop == Stop::Length).then_some(output_tokens);
        Arrival { at, name, input_tokens, output_tokens, max_tokens, priority, content, thread }
    }
}

impl Iterator for Source {
    type Item = Arrival;
    fn next(&mut self) -> Option<Arrival> {
        if self.left == 0 {
            return None;
        }
        let (at, prompt, stop, priority, thread) = match &mut self.kind {
            SourceKind::Replay(replay) => {
                let arrival = replay.next(&self.name, self.sent)?;
                if arrival.at >= self.end {
                    self.left = 0;
                    return None;
                }
                self.sent += 1;
                self.left -= 1;
                return Some(arrival);
            }
            SourceKind::Open { when, prompts } => {
                let at = when.next()?;
                let tail = tokens(self.ordinal, Owner::Private, u64::from(self.sent));
                let segments = prompts.segments();
                let input_tokens = prompts.input();
                let output_tokens = prompts.output();
                let prompt = Prompt { input_tokens, output_tokens, content: Content { segments, tail } };
                (at, prompt, prompts.stop, prompts.priority, None)
            }
            SourceKind::Threads { when, prompts, conversations } => {
                let at = when.next()?;
                let thread = conversations.open(prompts);
                let (input_tokens, output_tokens, content) = conversations.turn(thread);
                let prompt = Prompt { input_tokens, output_tokens, content };
                (at, prompt, prompts.stop, prompts.priority, Some(thread))
            }
        };
        if at >= self.end {
            self.left = 0;
            return None;
        }
        Some(self.send(at, prompt, stop, priority, thread))
    }
}

/// Lengths and content of one request.
struct Prompt {
    input_tokens: u32,
    output_tokens: u32,
    content: Content,
}

/// Draws lengths and groups.
#[derive(Clone, Debug)]
struct Prompts {
    input: Length,
    output: Length,
    stop: Stop,
    priority: i32,
    shared_tokens: u32,
    groups: Vec<Arc<[Segment]>>,
    inputs: RandomStream,
    outputs: RandomStream,
    group: RandomStream,
}

impl Prompts {
    fn new(generated: &Generated, ordinal: u16, seed: u64) -> Self {
        let shared = generated.shared_tokens;
        let groups = (0..generated.groups).map(|group| {
            let stream = tokens(ordinal, Owner::Group, u64::from(group));
            Arc::from([Segment { stream, tokens: shared }])
        });
        let inputs = RandomStream::new(seed, "workload/inputs", u32::from(ordinal));
        let own = || RandomStream::new(seed, "workload/outputs", u32::from(ordinal));
        let outputs = if generated.paired { inputs.clone() } else { own() };
        Self {
            input: generated.input.clone(),
            output: generated.output.clone(),
            stop: generated.stop,
            priority: generated.priority,
            shared_tokens: shared,
            groups: if shared == 0 { vec![Arc::default()] } else { groups.collect() },
            inputs,
            outputs,
            group: RandomStream::new(seed, "workload/groups", u32::from(ordinal)),
        }
    }

    /// The length of a first prompt, its shared tokens included.
    fn input(&mut self) -> u32 {
        self.input.draw(&mut self.inputs).max(self.shared_tokens)
    }

    fn output(&mut self) -> u32 {
        self.output.draw(&mut self.outputs)
    }

    /// What the prompt shares with others of its group.
    fn segments(&mut self) -> Arc<[Segment]> {
        let index = if self.groups.len() > 1 { self.group.random_range(0..self.groups.len()) } else { 0 };
        self.groups[index].clone()
    }
}
