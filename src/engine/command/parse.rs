//! From the words of a command line to a [`ServeCommand`].

use std::iter::Peekable;

use serde_json::{Map, Value, json};

use super::dialect::{Flag, Takes, flag_name};
use super::{CommandError, ServeCommand, Server, UnknownFlag, number};
use crate::catalog::suggestion;
use crate::engine::Backend;

impl ServeCommand {
    /// Reads the words behind the name of the program.
    ///
    /// # Errors
    /// If there is no model, more than one, a flag without its value, or one that is not simulated and would change what
    /// comes out.
    pub fn parse(server: Server, words: &[String]) -> Result<Self, CommandError> {
        let command = Self {
            server,
            model: String::new(),
            served_model_name: None,
            download_dir: None,
            engine: Map::new(),
            nodes: None,
            ignored: Vec::new(),
            unknown: Vec::new(),
            others: 0,
            is_process_1: false,
            starts_ray: false,
        };
        let words = words.iter().map(String::as_str).collect::<Vec<_>>().into_iter().peekable();
        let mut parser = Parser { command, words, flagged_model: None };
        while let Some(word) = parser.words.next() {
            match flag_name(server, word) {
                Some((name, given)) => parser.flag(word, &name, given)?,
                None => parser.positional(word)?,
            }
        }
        parser.end()
    }
}

struct Parser<'a> {
    command: ServeCommand,
    words: Peekable<std::vec::IntoIter<&'a str>>,
    /// What `--model` says.
    flagged_model: Option<String>,
}

impl Parser<'_> {
    fn flag(&mut self, word: &str, name: &str, given: Option<&str>) -> Result<(), CommandError> {
        let server = self.command.server;
        let (switch, on) = name.strip_prefix("no_").map_or((name, true), |name| (name, false));
        let found = Flag::find(server, name).or_else(|| Flag::find(server, switch).filter(Flag::is_switch));
        let Some(flag) = found else {
            self.unknown(word, name, given);
            return Ok(());
        };
        if flag.is_switch() {
            return self.switch(flag, word, given, on);
        }
        // Numbers below zero are values; only the long form of a flag is one for sure.
        let value = match given {
            Some(value) => Some(value),
            None => self.words.next_if(|next| !next.starts_with("--")),
        };
        let value = value.ok_or_else(|| CommandError::NoValue { flag: word.to_owned() })?;
        self.valued(flag, word, name, value)
    }

    /// A flag that stands alone, but for what may follow in older releases: `--enable-chunked-prefill False`.
    fn switch(&mut self, flag: Flag, word: &str, given: Option<&str>, on: bool) -> Result<(), CommandError> {
        let spelt = |next: &&str| ["true", "false"].contains(&next.to_ascii_lowercase().as_str());
        let given = given.or_else(|| self.words.next_if(spelt));
        let on = given.map_or(Some(on), |given| truth(given).map(|given| given == on));
        let on = on.ok_or_else(|| CommandError::NotASwitch { flag: word.to_owned() })?;
        match flag {
            Flag::Switch(field, value) => {
                self.command.engine.insert(field.to_owned(), json!(on == value));
            }
            Flag::RefusedSwitch(why) if on => {
                return Err(CommandError::Refused { flag: word.to_owned(), why });
            }
            Flag::Ignored(_) => self.command.ignored.push(word.to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn valued(&mut self, flag: Flag, word: &str, name: &str, value: &str) -> Result<(), CommandError> {
        match flag {
            Flag::Model => self.flagged_model = Some(value.to_owned()),
            Flag::ServedName => {
                self.command.served_model_name = Some(value.to_owned());
                // Names a model may be called by come several after one flag.
                while self.words.next_if(|next| !next.starts_with('-')).is_some() {}
            }
            Flag::DownloadDir => self.command.download_dir = Some(value.to_owned()),
            Flag::Nodes => {
                let wrong = || CommandError::NotANumber { flag: word.to_owned(), value: value.to_owned() };
                self.command.nodes = Some(value.parse().map_err(|_| wrong())?);
            }
            Flag::Field(field) => {
                if let Some(why) = left_to_the_server(field, value) {
                    return Err(CommandError::Refused { flag: format!("{word} {value}"), why });
                }
                let short = if name.starts_with("max_") { number::human_readable(value) } else { None };
                let value = short.map_or_else(|| number::scalar(value), Value::from);
                self.command.engine.insert(field.to_owned(), value);
            }
            Flag::Refused(harmless, why) if value != harmless => {
                return Err(CommandError::Refused { flag: word.to_owned(), why });
            }
            Flag::Ignored(Takes::Value) => self.command.ignored.push(word.to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn unknown(&mut self, word: &str, name: &str, given: Option<&str>) {
        let long = |name: &str| format!("--{}", name.replace('_', "-"));
        let known: Vec<String> = Flag::names(self.command.server).map(long).collect();
        let suggestion = suggestion(&long(name), known.iter().map(String::as_str));
        self.command.unknown.push(UnknownFlag { word: word.to_owned(), suggestion });
        // Whether it takes a value nobody knows; a word that is no flag is more likely one than a model.
        if given.is_none() {
            self.words.next_if(|next| !next.starts_with('-'));
        }
    }

    fn positional(&mut self, word: &str) -> Result<(), CommandError> {
        if !self.command.model.is_empty() {
            return Err(CommandError::TwoModels { word: word.to_owned() });
        }
        word.clone_into(&mut self.command.model);
        Ok(())
    }

    fn end(self) -> Result<ServeCommand, CommandError> {
        let Self { mut command, flagged_model, .. } = self;
        // The word that stands alone goes before `--model` (`vllm/entrypoints/cli/serve.py`, recalled).
        if command.model.is_empty() {
            let example = command.server.example();
            command.model = flagged_model.ok_or(CommandError::NoModel { example })?;
        }
        if command.server == Server::TensorRtLlm {
            command.engine.insert("backend".to_owned(), json!(Backend::TensorRtLlm));
        }
        // Who names nodes means processes on them (`vllm/config/parallel.py`).
        if command.nodes.is_some_and(|nodes| nodes > 1) {
            command.engine.entry("distributed_executor_backend").or_insert_with(|| json!("mp"));
        }
        Ok(command)
    }
}

/// Why a value that makes the server choose is not simulated; `None` for other values.
fn left_to_the_server(field: &str, value: &str) -> Option<&'static str> {
    match (field, value) {
        ("max_model_len", "auto" | "-1") => {
            Some("the longest context that fits is not worked out here: state one")
        }
        ("max_num_batched_tokens", "-1") => {
            Some("prompts that are never cut, however long, are not simulated: state a size")
        }
        _ => None,
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}
