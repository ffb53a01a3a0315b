//! The command line of a serving engine, as people write it: in a terminal, in a container's `command`, inside a shell script.
//!
//! [`ServeCommand::find`] looks for it in what a container runs, [`ServeCommand::parse`] reads its words. Flags become the
//! fields of [`EngineArgs`](super::EngineArgs), still untyped, so that whoever knows where the command stands can say what is
//! wrong with a value there.

mod dialect;
mod find;
mod number;
mod shell;

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::Backend;
use crate::catalog::suggestion;
use dialect::{Flag, flag_name};

/// Whose command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// vLLM: `vllm serve`, or its module.
    Vllm,
    /// SGLang: simulated as vLLM, which schedules much alike.
    Sglang,
    /// TensorRT-LLM: `trtllm-serve`.
    TensorRtLlm,
}

impl Server {
    /// What it calls itself.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Vllm => "vLLM",
            Self::Sglang => "SGLang",
            Self::TensorRtLlm => "TensorRT-LLM",
        }
    }

    /// How its command begins.
    const fn example(self) -> &'static str {
        match self {
            Self::Vllm => "vllm serve MODEL",
            Self::Sglang => "python3 -m sglang.launch_server --model-path MODEL",
            Self::TensorRtLlm => "trtllm-serve MODEL",
        }
    }
}

/// A command, understood as far as the engine goes.
#[derive(Clone, Debug, PartialEq)]
pub struct ServeCommand {
    /// Whose it is.
    pub server: Server,
    /// The model: a name of the hub, or a path.
    pub model: String,
    /// Names that clients call the model by.
    pub served_model_name: Option<String>,
    /// Where a model of the hub is kept.
    pub download_dir: Option<String>,
    /// Fields of [`EngineArgs`](super::EngineArgs).
    pub engine: Map<String, Value>,
    /// Flags that are not known here.
    pub unknown: Vec<UnknownFlag>,
    /// It is the process that Kubernetes signals, with no shell in between.
    pub is_process_1: bool,
    /// The container brings up a Ray cluster first.
    pub starts_ray: bool,
}

/// A flag that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFlag {
    /// The flag as it was written.
    pub word: String,
    /// `; did you mean ...?`, or empty.
    pub suggestion: String,
}

/// Why a command cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Nothing says which model.
    #[error("no model: expected `{example} ...`")]
    NoModel {
        /// What such a command looks like.
        example: &'static str,
    },
    /// A second model, or a word that belongs to no flag.
    #[error("`{word}`: only one model can be served")]
    TwoModels {
        /// The word.
        word: String,
    },
    /// A flag at the end, whose value is missing.
    #[error("`{flag}` needs a value")]
    NoValue {
        /// The flag.
        flag: String,
    },
    /// Neither true nor false.
    #[error("`{flag}`: expected true or false")]
    NotASwitch {
        /// The flag.
        flag: String,
    },
}

impl ServeCommand {
    /// Reads the words behind the name of the program.
    ///
    /// # Errors
    /// If there is no model, more than one, or a flag without its value.
    pub fn parse(server: Server, words: &[String]) -> Result<Self, CommandError> {
        let mut command = Self {
            server,
            model: String::new(),
            served_model_name: None,
            download_dir: None,
            engine: Map::new(),
            unknown: Vec::new(),
            is_process_1: false,
            starts_ray: false,
        };
        if server == Server::TensorRtLlm {
            command.engine.insert("backend".to_owned(), json!(Backend::TensorRtLlm));
        }
        let mut words = words.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            let Some((name, given)) = flag_name(server, word) else {
                command.positional(word)?;
                continue;
            };
            let (switch, on) = name.strip_prefix("no_").map_or((name.as_str(), true), |name| (name, false));
            match Flag::find(server, &name).or_else(|| Flag::find(server, switch).filter(Flag::is_switch)) {
                Some(Flag::Switch(field, value)) => {
                    let on = given.map_or(Some(on), truth);
                    let on = on.ok_or_else(|| CommandError::NotASwitch { flag: word.to_owned() })?;
                    command.engine.insert(field.to_owned(), json!(on == value));
                }
                Some(Flag::NoMatter) => {}
                Some(flag) => {
                    let value = given.or_else(|| words.next());
                    let value = value.ok_or_else(|| CommandError::NoValue { flag: word.to_owned() })?;
                    // Names a model may be called by come several after one flag.
                    while flag == Flag::ServedName && words.next_if(|next| !next.starts_with('-')).is_some() {
                    }
                    command.set(flag, &name, value);
                }
                None => {
                    let known = Flag::fields(server).map(|name| name.replace('_', "-")).collect::<Vec<_>>();
                    let near = suggestion(&name.replace('_', "-"), known.iter().map(String::as_str));
                    command.unknown.push(UnknownFlag { word: word.to_owned(), suggestion: near });
                    // Whether it takes a value nobody knows; a word that is no flag is more likely one than a model.
                    if given.is_none() {
                        words.next_if(|next| !next.starts_with('-'));
                    }
                }
            }
        }
        if command.model.is_empty() {
            return Err(CommandError::NoModel { example: server.example() });
        }
        Ok(command)
    }

    fn positional(&mut self, word: &str) -> Result<(), CommandError> {
        if !self.model.is_empty() {
            return Err(CommandError::TwoModels { word: word.to_owned() });
        }
        word.clone_into(&mut self.model);
        Ok(())
    }

    fn set(&mut self, flag: Flag, name: &str, value: &str) {
        match flag {
            Flag::Model => value.clone_into(&mut self.model),
            Flag::ServedName => self.served_model_name = Some(value.to_owned()),
            Flag::DownloadDir => self.download_dir = Some(value.to_owned()),
            Flag::Field(field) => {
                let short = if name.starts_with("max_") { number::human_readable(value) } else { None };
                let value = short.map_or_else(|| number::scalar(value), Value::from);
                self.engine.insert(field.to_owned(), value);
            }
            Flag::Switch(..) | Flag::NoMatter | Flag::NoMatterValue => {}
        }
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}
