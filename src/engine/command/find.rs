//! The engine's command among what a container runs.

use super::shell::{self, Unclosed};
use super::{CommandError, ServeCommand, Server};

/// Words that run what follows them, with options of their own in between, and those that may stand before a command.
const PREFIXES: [&str; 29] = [
    "exec",
    "nohup",
    "time",
    "env",
    "command",
    "numactl",
    "taskset",
    "nice",
    "ionice",
    "chrt",
    "stdbuf",
    "timeout",
    "setsid",
    "sudo",
    "tini",
    "dumb-init",
    "mpirun",
    "trtllm-llmapi-launch",
    "nsys",
    "catchsegv",
    "if",
    "elif",
    "then",
    "else",
    "while",
    "until",
    "do",
    "{",
    "!",
];

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
        let words: Vec<String> = command.iter().chain(args).cloned().collect();
        let script = script(&words);
        // Where `args` are a command themselves, the image has another entry point than is thought.
        let are_flags = command.is_empty() && script.is_none() && program(&words).is_none();
        if let (true, Some(server)) = (are_flags, entrypoint) {
            return Self::parse(server, &words).map(|found| Some(Self { is_process_1: true, ..found }));
        }
        let commands = match script {
            Some(script) => shell::commands(script, &mut variables)
                .map_err(|Unclosed(open)| CommandError::Unclosed { open })?,
            None => vec![words.clone()],
        };
        let starts_ray = commands.iter().any(|words| brings_up_ray(words));
        let mut serving = commands.iter().filter_map(|words| program(words));
        let Some(Program { server, arguments, replaces }) = serving.next() else { return Ok(None) };
        let found = Self::parse(server, arguments)?;
        let is_process_1 = script.is_none() || replaces;
        Ok(Some(Self { is_process_1, starts_ray, others: serving.count(), ..found }))
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

/// A serving engine among the words of a command.
struct Program<'a> {
    server: Server,
    arguments: &'a [String],
    /// It takes the place of its shell.
    replaces: bool,
}

/// The engine that a command starts, itself or through programs that run others.
fn program(words: &[String]) -> Option<Program<'_>> {
    let before = words.iter().take_while(|word| is_assignment(word)).count();
    let words = &words[before..];
    let prefixed = words.first().is_some_and(|word| PREFIXES.contains(&base(word)));
    let places = if prefixed { words.len() } else { 1 };
    let found = (0..places).find_map(|at| Some((at, server(words.get(at..)?)?)));
    found.map(|(at, (server, arguments))| Program {
        server,
        arguments,
        replaces: words[..at].iter().any(|word| word == "exec"),
    })
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
        [sglang, serve, arguments @ ..] if base(sglang) == "sglang" && serve == "serve" => {
            Some((Server::Sglang, arguments))
        }
        [trtllm, arguments @ ..] if base(trtllm) == "trtllm-serve" => {
            // From 1.0 on a subcommand may stand first.
            let arguments = arguments.strip_prefix(&["serve".to_owned()]).unwrap_or(arguments);
            Some((Server::TensorRtLlm, arguments))
        }
        [python, rest @ ..] if base(python).starts_with("python") => {
            let options = rest.iter().take_while(|word| word.starts_with('-') && *word != "-m").count();
            match &rest[options..] {
                [m, cli, serve, arguments @ ..] if m == "-m" && cli == CLI && serve == "serve" => {
                    Some((Server::Vllm, arguments))
                }
                [m, module, arguments @ ..] if m == "-m" => Some((of_module(module)?, arguments)),
                [script, arguments @ ..] => {
                    let module = script.strip_suffix(".py")?.replace('/', ".");
                    let known = MODULES.iter().find(|(known, _)| module.ends_with(known));
                    known.map(|(_, server)| (*server, arguments))
                }
                [] => None,
            }
        }
        _ => None,
    }
}

/// Modules that serve when Python runs them.
const MODULES: [(&str, Server); 3] = [
    ("vllm.entrypoints.openai.api_server", Server::Vllm),
    ("vllm.entrypoints.api_server", Server::Vllm),
    ("sglang.launch_server", Server::Sglang),
];

/// The module behind the program `vllm`.
const CLI: &str = "vllm.entrypoints.cli.main";

fn of_module(name: &str) -> Option<Server> {
    MODULES.iter().find(|(known, _)| *known == name).map(|(_, server)| *server)
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
