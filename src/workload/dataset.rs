//! Requests without times: JSON lines as `vllm bench serve --dataset-name custom` reads them.
//!
//! vLLM tokenises the `prompt`; nobody does here, so a line may state its length (`prompt_len`), and the length of one that
//! does not is estimated from its characters, which the [`TraceNote`]s count.

use serde::Deserialize;

use super::TraceError;
use super::trace::{TraceNote, bad_row};
use crate::document::json_line;

/// Characters of a token, of English text under a large vocabulary (recalled).
const CHARACTERS: usize = 4;

/// Answer length where neither the line nor the scenario states one: vLLM's `--custom-output-len` [tokens].
const OUTPUT_TOKENS: u32 = 256;

/// The keys that are read of a line.
#[derive(Deserialize)]
struct Line {
    prompt: Option<String>,
    #[serde(alias = "prompt_tokens", alias = "input_tokens")]
    prompt_len: Option<u32>,
    #[serde(alias = "expected_output_len", alias = "output_len")]
    output_tokens: Option<u32>,
}

/// Lengths that belong together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dataset {
    /// Prompt of each row [tokens].
    pub(super) inputs: Vec<u32>,
    /// Answer of each row [tokens].
    pub(super) outputs: Vec<u32>,
    /// What was made up.
    pub(super) notes: Vec<TraceNote>,
}

impl Dataset {
    /// Reads the lines of `file`; `output_tokens` is the answer length of those that state none.
    pub(super) fn parse(file: &str, text: &str, output_tokens: Option<u32>) -> Result<Self, TraceError> {
        let mut dataset = Self { inputs: Vec::new(), outputs: Vec::new(), notes: Vec::new() };
        let (mut estimated, mut unstated) = (0, 0);
        let default = output_tokens.unwrap_or(OUTPUT_TOKENS);
        for (number, text) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let line: Line = json_line(text).map_err(|what| {
                let expected = "{\"prompt\": \"...\", \"output_tokens\": 128}";
                bad_row(file, number, format!("{what}: expected a line such as {expected}"))
            })?;
            let input = match (line.prompt_len, line.prompt) {
                (Some(tokens), _) => tokens,
                (None, Some(prompt)) => {
                    estimated += 1;
                    u32::try_from(prompt.chars().count().div_ceil(CHARACTERS)).unwrap_or(u32::MAX)
                }
                (None, None) => return Err(bad_row(file, number, "neither `prompt` nor `prompt_len`")),
            };
            unstated += u32::from(line.output_tokens.is_none());
            let output = line.output_tokens.unwrap_or(default);
            if input == 0 || output == 0 {
                return Err(bad_row(file, number, "a prompt or an answer of no tokens"));
            }
            dataset.inputs.push(input);
            dataset.outputs.push(output);
        }
        let of = dataset.inputs.len() as u32;
        if of == 0 {
            return Err(TraceError::Empty { file: file.to_owned() });
        }
        if estimated > 0 {
            dataset.notes.push(TraceNote::Estimated { rows: estimated, of, characters: CHARACTERS as u32 });
        }
        if unstated > 0 && output_tokens.is_none() {
            dataset.notes.push(TraceNote::DefaultOutput { rows: unstated, of, tokens: default });
        }
        Ok(dataset)
    }
}
