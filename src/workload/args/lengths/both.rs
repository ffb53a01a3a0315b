//! Lengths of prompts and answers together.

use std::path::PathBuf;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::LengthArgs;

/// Lengths of one class: a preset's name, input and output, or a file that states both. Paths are relative to the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum LengthsArgs {
    /// Both from a preset of the catalogue.
    Preset(String),
    /// Each on its own.
    Each {
        /// Prompt lengths [tokens].
        input: LengthArgs,
        /// Answer lengths [tokens], and with `stop` what ends an answer.
        output: LengthArgs,
    },
    /// Each from a histogram of a vLLM server: `vllm:request_prompt_tokens` and `vllm:request_generation_tokens`.
    Prometheus {
        /// What its `/metrics` answered.
        prometheus: PathBuf,
    },
    /// Both of a row of a dataset, each request's row drawn from all.
    Dataset {
        /// JSON lines as `vllm bench serve --dataset-name custom` reads them: `prompt`, or its length as `prompt_len`, and
        /// `output_tokens`.
        dataset: PathBuf,
        /// Answer length of rows that state none; 256 when left out, as in vLLM [tokens].
        #[serde(skip_serializing_if = "Option::is_none")]
        custom_output_len: Option<u32>,
    },
}

/// Every field of the forms that have fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    input: Option<LengthArgs>,
    output: Option<LengthArgs>,
    prometheus: Option<PathBuf>,
    dataset: Option<PathBuf>,
    custom_output_len: Option<u32>,
}

impl Fields {
    /// The one form that these fields make up.
    fn form<E: Error>(self) -> Result<LengthsArgs, E> {
        match self {
            Self {
                input: Some(input),
                output: Some(output),
                prometheus: None,
                dataset: None,
                custom_output_len: None,
            } => Ok(LengthsArgs::Each { input, output }),
            Self {
                input: None,
                output: None,
                prometheus: Some(prometheus),
                dataset: None,
                custom_output_len: None,
            } => Ok(LengthsArgs::Prometheus { prometheus }),
            Self {
                input: None,
                output: None,
                prometheus: None,
                dataset: Some(dataset),
                custom_output_len,
            } => Ok(LengthsArgs::Dataset { dataset, custom_output_len }),
            Self { input: Some(_), output: None, prometheus: None, dataset: None, .. } => {
                Err(E::missing_field("output"))
            }
            Self { input: None, output: Some(_), prometheus: None, dataset: None, .. } => {
                Err(E::missing_field("input"))
            }
            _ => Err(E::custom(
                "expected `input` and `output`, `prometheus`, or `dataset` (with `custom_output_len`)",
            )),
        }
    }
}

impl Validate for LengthsArgs {
    type Context = ();
    fn validate_into(&self, ctx: &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        match self {
            Self::Each { input, output } => {
                input.validate_input(&mut || parent().join("input"), report);
                output.validate_into(ctx, &mut || parent().join("output"), report);
            }
            Self::Dataset { custom_output_len: Some(0), .. } => {
                report.append(parent().join("custom_output_len"), garde::Error::new("must be at least 1"));
            }
            Self::Preset(_) | Self::Prometheus { .. } | Self::Dataset { .. } => (),
        }
    }
}

impl<'de> Deserialize<'de> for LengthsArgs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = LengthsArgs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a preset such as chat, or {input: ..., output: ...}")
            }
            fn visit_str<E>(self, name: &str) -> Result<LengthsArgs, E> {
                Ok(LengthsArgs::Preset(name.to_owned()))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<LengthsArgs, A::Error> {
                Fields::deserialize(serde::de::value::MapAccessDeserializer::new(map))?.form()
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
