//! What clients ask for, and when: arrivals, lengths, prefixes, traces and client behaviour.
//!
//! A scenario file's words are [`WorkloadArgs`].

mod args;

pub use args::{
    ArrivalArgs, ClientArgs, LengthArgs, LengthForm, LengthsArgs, LognormalArgs, PrefixArgs, Process,
    RateCurveArgs, RequestArgs, Stop, ThinkArgs, ThinkForm, TokenScaleArgs, TraceArgs, TraceFormat, TurnArgs,
    WorkloadArgs,
};
