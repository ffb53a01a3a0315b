//! The `towtank` command.

fn main() -> std::process::ExitCode {
    towtank::cli::main()
}
