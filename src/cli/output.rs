//! Writing to stdout and stderr.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
};

/// Writes `text` to stdout; a reader that has enough (`| head`) is no error.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Writes an error to stderr.
pub(super) fn complain(error: &impl Display) {
    // With stderr closed there is nobody left to tell; the exit status says it.
    let _ = writeln!(io::stderr().lock(), "error: {error}");
}

/// Writes a remark to stderr.
pub(super) fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
