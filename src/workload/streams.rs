//! Whose tokens are whose.

use crate::request::StreamId;

/// What a token stream belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// One request, or one conversation.
    Private = 0,
    /// A prefix group.
    Group = 1,
    /// A chain of hash ids of a trace.
    Chain = 2,
}

/// Token streams of different classes and owners never meet: class in the top 16 bits, owner in 4, number in 44.
pub(super) fn tokens(ordinal: u16, owner: Owner, number: u64) -> StreamId {
    assert!(number < 1 << 44, "token stream {number} of one class");
    StreamId(u64::from(ordinal) << 48 | (owner as u64) << 44 | number)
}
