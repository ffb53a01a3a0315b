//! Users who wait: conversations and closed loops.
//!
//! A thread is a conversation of an open loop, or a user of a closed loop, who holds one conversation after the other (of
//! a single turn where the scenario has no `turns`). All turns of a conversation have the same [`Content`]: prompt and answers
//! lie one after the other on one token stream, so a later prompt begins with everything said before.
//!
//! Everything random about a conversation is drawn when it starts, so what is drawn does not depend on the order in which
//! answers come back.

use super::{Ended, Prompts, ThreadId};
use crate::random::RandomStream;
use crate::request::Content;
use crate::units::{SimDuration, SimTime};
use crate::workload::{
    arrivals::Arrivals,
    class::{Generated, Turns},
    streams::{Owner, tokens},
    think::Think,
};

/// The threads that are alive.
#[derive(Clone, Debug)]
pub(super) struct Conversations {
    ordinal: u16,
    turns: Option<Turns>,
    /// What users of a closed loop do between conversations; threads of an open loop end.
    user_think: Option<Think>,
    /// By thread; `None` where one has ended.
    live: Vec<Option<Conversation>>,
    free: Vec<u32>,
    /// Conversations opened.
    opened: u64,
    counts: RandomStream,
    inputs: RandomStream,
    thinks: RandomStream,
}

#[derive(Clone, Debug)]
struct Conversation {
    content: Content,
    /// The turn under way.
    input_tokens: u32,
    output_tokens: u32,
    /// Turns to come, the next one last.
    later: Vec<Turn>,
    /// Between the end of this conversation and the same user's next.
    pause: SimDuration,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    new_tokens: u32,
    output_tokens: u32,
    think: SimDuration,
}

impl Conversations {
    pub(super) fn new(generated: &Generated, ordinal: u16, seed: u64) -> Self {
        let user_think = match &generated.arrivals {
            Arrivals::ClosedLoop { think, .. } => Some(*think),
            Arrivals::Renewal(_) | Arrivals::AllAtOnce => None,
        };
        Self {
            ordinal,
            turns: generated.turns.clone(),
            user_think,
            live: Vec::new(),
            free: Vec::new(),
            opened: 0,
            counts: RandomStream::new(seed, "workload/turns", u32::from(ordinal)),
            inputs: RandomStream::new(seed, "workload/turn-inputs", u32::from(ordinal)),
            thinks: RandomStream::new(seed, "workload/thinks", u32::from(ordinal)),
        }
    }

    /// Starts a thread.
    pub(super) fn open(&mut self, prompts: &mut Prompts) -> ThreadId {
        let conversation = self.converse(prompts);
        if let Some(index) = self.free.pop() {
            self.live[index as usize] = Some(conversation);
            return ThreadId(index);
        }
        self.live.push(Some(conversation));
        ThreadId(self.live.len() as u32 - 1)
    }

    /// Ends a thread.
    pub(super) fn close(&mut self, thread: ThreadId) {
        self.live[thread.0 as usize] = None;
        self.free.push(thread.0);
    }

    /// Prompt length, answer length and content of the turn under way.
    pub(super) fn turn(&self, thread: ThreadId) -> (u32, u32, Content) {
        let conversation = self.live[thread.0 as usize].as_ref().expect("a thread lives until it is closed");
        (conversation.input_tokens, conversation.output_tokens, conversation.content.clone())
    }

    /// Moves a thread on after its request ended; when it sends the next one, or `None` if the thread has ended.
    pub(super) fn next(
        &mut self,
        thread: ThreadId,
        now: SimTime,
        ended: Ended,
        prompts: &mut Prompts,
    ) -> Option<SimTime> {
        let index = thread.0 as usize;
        let conversation = self.live[index].as_mut().expect("a thread waits for one answer at a time");
        let max_context = self.turns.as_ref().and_then(|turns| turns.max_context).unwrap_or(u32::MAX);
        if let Ended::Answered { output_tokens } = ended
            && let Some(turn) = conversation.later.pop()
        {
            let said = conversation.input_tokens.saturating_add(output_tokens);
            let prompt = said.saturating_add(turn.new_tokens);
            if prompt <= max_context {
                conversation.input_tokens = prompt;
                conversation.output_tokens = turn.output_tokens;
                return Some(now.saturating_add(turn.think));
            }
        }
        let pause = conversation.pause;
        if self.user_think.is_none() {
            self.close(thread);
            return None;
        }
        self.live[index] = Some(self.converse(prompts));
        Some(now.saturating_add(pause))
    }

    /// Draws a conversation.
    fn converse(&mut self, prompts: &mut Prompts) -> Conversation {
        let tail = tokens(self.ordinal, Owner::Private, self.opened);
        self.opened += 1;
        let content = Content { segments: prompts.segments(), tail };
        let (input_tokens, output_tokens) = (prompts.input(), prompts.output());
        let mut later = Vec::new();
        if let Some(turns) = &self.turns {
            let count = turns.count.draw(&mut self.counts);
            for _ in 1..count {
                let new_tokens = match &turns.input {
                    Some(input) => input.draw(&mut self.inputs),
                    None => prompts.input.draw(&mut self.inputs).saturating_sub(prompts.shared_tokens).max(1),
                };
                let think = turns.think.draw(&mut self.thinks);
                later.push(Turn { new_tokens, output_tokens: prompts.output(), think });
            }
            later.reverse();
        }
        let pause = self.user_think.map_or(SimDuration::ZERO, |think| think.draw(&mut self.thinks));
        Conversation { content, input_tokens, output_tokens, later, pause }
    }
}
