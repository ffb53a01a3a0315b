//! What clients ask for, and when: arrivals, lengths, prefixes, traces and client behaviour.
//!
//! A scenario file's words are [`WorkloadArgs`]; [`Class::resolve`] works out what they mean, reading traces and presets;
//! [`Source`] then sends the requests of one class in one run, as an iterator in order of time. Requests that wait for an
//! answer (later turns of a conversation, users of a closed loop) come out of [`Source::completed`]. What a client does
//! when an answer is late ([`Client`]) is data here and acted out by the simulation.
//!
//! A class at another rate has the same requests at other times (see [`SourceOptions::rate_factor`]), and classes do not
//! disturb one another: every attribute of every class has a random stream of its own.

mod args;
mod arrivals;
mod class;
mod curve;
mod dataset;
mod error;
mod expected;
mod histogram;
mod length;
mod prometheus;
mod resolve;
mod source;
mod streams;
mod think;
mod trace;

pub use args::{
    ArrivalArgs, ClientArgs, LengthArgs, LengthForm, LengthsArgs, LognormalArgs, PrefixArgs, Process,
    RateCurveArgs, RateFromArgs, RequestArgs, Stop, ThinkArgs, ThinkForm, TokenScaleArgs, TraceArgs,
    TraceFormat, TurnArgs, WorkloadArgs,
};
pub use arrivals::{Arrivals, Gaps, Renewal};
pub use class::{Class, Client, Demand, Generated, Listed, ListedName, ListedRow, Turns};
pub use curve::RateCurve;
pub use error::WorkloadError;
pub use expected::Expected;
pub use length::Length;
pub use source::{Arrival, Ended, Source, SourceOptions, ThreadId};
pub use think::Think;
pub use trace::{Dropped, Reading, Trace, TraceError, TraceNote, TraceRow};
