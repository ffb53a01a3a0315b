//! The command line of a serving engine, as people write it: in a terminal, in a container's `command`, inside a shell script.
//!
//! [`ServeCommand::find`] looks for it in what a container runs, [`ServeCommand::parse`] reads its words. Flags become the
//! fields of [`EngineArgs`](super::EngineArgs), still untyped, so that whoever knows where the command stands can say what is
//! wrong with a value there.

mod dialect;
mod find;
mod number;
mod parse;
mod shell;
mod write;

use serde_json::{Map, Value};
use thiserror::Error;

pub use write::{NNODES_SINCE, flag};

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
    /// Nodes that it says the engine spans (`--nnodes`).
    pub nodes: Option<u32>,
    /// Flags that are known and not simulated.
    pub ignored: Vec<String>,
    /// Flags that are not known here.
    pub unknown: Vec<UnknownFlag>,
    /// Serving commands that come after it in its script.
    pub others: usize,
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
    /// A flag that changes what comes out, and is not simulated.
    #[error("`{flag}`: {why}")]
    Refused {
        /// The flag, with its value where that is what is not simulated.
        flag: String,
        /// Why.
        why: &'static str,
    },
    /// A value that counts something, and is no number.
    #[error("`{flag}`: expected a whole number, found `{value}`")]
    NotANumber {
        /// The flag.
        flag: String,
        /// Its value.
        value: String,
    },
    /// A quote or bracket of a script that stays open.
    #[error("the script has a `{open}` that nothing closes")]
    Unclosed {
        /// What opens it.
        open: char,
    },
    /// Neither true nor false.
    #[error("`{flag}`: expected true or false")]
    NotASwitch {
        /// The flag.
        flag: String,
    },
}

impl ServeCommand {
    /// What is simulated otherwise than the command says, on `nodes` nodes; a line each.
    pub fn remarks(&self, nodes: u32) -> Vec<String> {
        let mut remarks: Vec<String> =
            self.ignored.iter().map(|flag| format!("`{flag}` is not simulated; ignored")).collect();
        if self.server == Server::Sglang {
            remarks.push("SGLang is simulated as vLLM, which schedules much alike".to_owned());
        }
        if self.others > 0 {
            let what =
                format!("the script starts {} more serving command(s); the first one counts", self.others);
            remarks.push(what);
        }
        let processes = self.engine.get("distributed_executor_backend").is_some_and(|driver| driver == "mp");
        match self.nodes {
            Some(stated) if stated != nodes => {
                remarks.push(format!("`--nnodes {stated}`: the engine has {nodes} here, which counts"));
            }
            None if processes && nodes > 1 => {
                remarks.push(format!(
                    "`mp` spans {nodes} nodes with `--nnodes {nodes}`, which is taken to be there"
                ));
            }
            _ => {}
        }
        remarks
    }
}
