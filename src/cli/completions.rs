//! `towtank completions`: completion scripts.

use clap::{Args, Command};
use clap_complete::Shell;

use super::{CliError, output};

#[derive(Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub(super) fn completions(args: &CompletionsArgs, command: &mut Command) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "towtank", &mut script);
    Ok(output::print(&String::from_utf8_lossy(&script))?)
}
