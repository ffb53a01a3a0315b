//! The flags of each server, and which field of the engine's arguments each one is.

mod sglang;
mod tensorrt_llm;
mod vllm;

use super::Server;

/// What a flag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    /// Its value is a field.
    Field(&'static str),
    /// It sets a field to this, unless its value or a `--no-` in front says otherwise.
    Switch(&'static str, bool),
    /// Its value is the model.
    Model,
    /// Its values are names of the model.
    ServedName,
    /// Its value is where models are kept.
    DownloadDir,
    /// Its value is the number of nodes that the engine spans.
    Nodes,
    /// It changes nothing that is simulated.
    NoMatter(Takes),
    /// It may change something and is not simulated; whoever reads the command is told.
    Ignored(Takes),
    /// Its value changes what comes out, unless it is the first, and is not simulated for the reason that comes second.
    Refused(&'static str, &'static str),
    /// The same for a flag that stands alone.
    RefusedSwitch(&'static str),
}

/// What stands behind a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Value,
}

/// Flags by name, in the form of a field.
type Table = &'static [(&'static str, Flag)];

impl Flag {
    const fn table(server: Server) -> Table {
        match server {
            Server::Vllm => vllm::FLAGS,
            Server::Sglang => sglang::FLAGS,
            Server::TensorRtLlm => tensorrt_llm::FLAGS,
        }
    }

    /// The flag of that name, in the form of a field.
    pub(super) fn find(server: Server, name: &str) -> Option<Self> {
        Self::table(server).iter().find(|(known, _)| *known == name).map(|(_, flag)| *flag)
    }

    /// Names of all flags.
    pub(super) fn names(server: Server) -> impl Iterator<Item = &'static str> {
        Self::table(server).iter().map(|(name, _)| *name)
    }

    /// Whether it stands alone, and has a form that begins with `--no-`.
    pub(super) const fn is_switch(&self) -> bool {
        matches!(
            self,
            Self::Switch(..)
                | Self::RefusedSwitch(_)
                | Self::NoMatter(Takes::Nothing)
                | Self::Ignored(Takes::Nothing)
        )
    }
}

/// `--a-b`, `--a_b=v`, `--a.b v` and the short forms, as the name of a field and what follows `=`; `None` for a word that is
/// no flag.
pub(super) fn flag_name(server: Server, word: &str) -> Option<(String, Option<&str>)> {
    if word == "-" || !word.starts_with('-') {
        return None;
    }
    let (flag, value) = word.split_once('=').map_or((word, None), |(flag, value)| (flag, Some(value)));
    // A part of a setting that is JSON, such as `--compilation-config.mode`.
    let flag = flag.split('.').next().unwrap_or_default();
    if let Some(name) = flag.strip_prefix("--") {
        return Some((name.replace('-', "_"), value));
    }
    let short = &flag[1..];
    let long = match server {
        Server::Vllm => vllm::SHORT.iter().find(|(known, _)| *known == short).map(|(_, long)| *long),
        Server::Sglang | Server::TensorRtLlm => None,
    };
    // `-O3` is `-O 3`.
    if let Some(level) =
        short.strip_prefix('O').filter(|level| long.is_none() && server == Server::Vllm && !level.is_empty())
    {
        return Some(("optimization_level".to_owned(), Some(level)));
    }
    Some((long.unwrap_or(short).to_owned(), value))
}
