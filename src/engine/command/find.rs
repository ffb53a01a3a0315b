//! The engine's command among what a container runs.

use super::shell;
use super::{CommandError, ServeCommand, Server};

/// Words that run what follows them.
const PREFIXES: [&str; 4] = ["exec", "nohup", "time", "env"];

impl ServeCommand {
    /// Looks for a serving engine in a container's `command` and `args`; `None` if there is none. `variables` are those of
    /// the container, `entrypoint` is what its image runs if it states no command.
    ///
    /// # Errors
    /// If there is one, and its command line makes no sense.
    pub fn find(
        command: &[String],
        args: &[String],
        variables: &std::collections::BTreeMap<String, String>,
        entrypoint: Option<Server>,
    ) -> Result<Option<Self>, CommandError> {
        let mut variables = variables.clone();
        let words: Vec<String> =
            command.iter().chain(args).map(|word| shell::replace(word, &variables)).collect();
        if let (true, Some(server)) = (command.is_empty(), entrypoint) {
            return Self::parse(server, &words).map(|found| Some(Self { is_process_1: true, ..found }));
        }
        let script = script(&words);
        let commands = match script {
            Some(script) => shell::commands(script, &mut variables),
            None => vec![words.clone()],
        };
        let starts_ray = commands.iter().any(|words| brings_up_ray(words));
        for words in commands {
            let (words, replaces) = program(&words);
            if let Some((server, arguments)) = server(words) {
                let found = Self::parse(server, arguments)?;
                let is_process_1 = script.is_none() || replaces;
                return Ok(Some(Self { is_process_1, starts_ray, ..found }));
            }
        }
        Ok(None)
    }

    /// Reads a command with the name of its program, as typed into a terminal.
    ///
    /// # Errors
    /// If it makes no sense.
    pub fn typed(words: &[String]) -> Result<Self, CommandError> {
        match server(words) {
            Some((server, arguments)) => Self::parse(server, arguments),
            None => Self::parse(Server::Vllm, words),
        }
    }
}

/// The script that a shell is given, if the words start one.
fn script(words: &[String]) -> Option<&str> {
    let shell = words.first()?;
    if !["sh", "bash", "dash", "ash", "zsh"].contains(&base(shell)) {
        return None;
    }
    let flag = words.iter().skip(1).position(|word| word.starts_with('-') && word.ends_with('c'))?;
    words.get(flag + 2).map(String::as_str)
}

/// A command without what runs it, and whether it takes the place of its shell.
fn program(words: &[String]) -> (&[String], bool) {
    let at = words.iter().position(|word| !PREFIXES.contains(&word.as_str()) && !is_assignment(word));
    let (before, words) = words.split_at(at.unwrap_or(words.len()));
    (words, before.iter().any(|word| word == "exec"))
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

/// The server that a command starts, and its arguments.
fn server(words: &[String]) -> Option<(Server, &[String])> {
    match words {
        [vllm, serve, arguments @ ..] if base(vllm) == "vllm" && serve == "serve" => {
            Some((Server::Vllm, arguments))
        }
        [trtllm, arguments @ ..] if base(trtllm) == "trtllm-serve" => {
            // From 1.0 on a subcommand may stand first.
            let arguments = arguments.strip_prefix(&["serve".to_owned()]).unwrap_or(arguments);
            Some((Server::TensorRtLlm, arguments))
        }
        [python, m, module, arguments @ ..] if base(python).starts_with("python") && m == "-m" => {
            match module.as_str() {
                "vllm.entrypoints.openai.api_server" | "vllm.entrypoints.api_server" => {
                    Some((Server::Vllm, arguments))
                }
                "sglang.launch_server" => Some((Server::Sglang, arguments)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// vLLM's script for several nodes, `ray start`, or what is named after it.
fn brings_up_ray(words: &[String]) -> bool {
    let starts = |pair: &[String]| base(&pair[0]) == "ray" && pair[1] == "start";
    words.iter().any(|word| word.ends_with("multi-node-serving.sh") || word.contains("ray_init"))
        || words.windows(2).any(starts)
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
