//! What prompts have in common.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LengthArgs, ThinkArgs};

/// Shared beginnings of prompts, and conversations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrefixArgs {
    /// Tokens at the start of a prompt that its group has in common; part of the input, which is never shorter.
    #[garde(skip)]
    #[serde(default)]
    pub shared_tokens: u32,
    /// Number of groups (system prompts, documents); each request or conversation belongs to one, all equally likely.
    #[garde(range(min = 1, max = 1_000_000))]
    #[serde(default = "one")]
    pub groups: u32,
    /// Conversations: each arrival opens one, and each later turn sends everything said before once more.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<TurnArgs>,
}

fn one() -> u32 {
    1
}

/// Conversations. `lengths` gives the first prompt and every answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TurnArgs {
    /// Number of turns, in any form that lengths have.
    #[garde(dive)]
    pub count: LengthArgs,
    /// Time between the end of an answer and the next turn; none when left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think_time: Option<ThinkArgs>,
    /// New tokens that each later turn adds; as the first prompt without its shared tokens when left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<LengthArgs>,
    /// A conversation ends before a turn whose prompt would be longer than this [tokens].
    #[garde(range(min = 1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_context: Option<u32>,
}
