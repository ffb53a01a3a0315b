//! Where the text of a file comes from.

use std::{fs, io, path::Path};

use super::FileError;

/// Reads `path`, stdin for `-`: the name that errors call it by, and its text.
///
/// # Errors
/// If it cannot be read, or is not UTF-8.
pub fn read(path: &Path) -> Result<(String, String), FileError> {
    let name = path.display().to_string();
    let text = if name == "-" { io::read_to_string(io::stdin()) } else { fs::read_to_string(path) };
    match text {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(FileError::unreadable(&name, &error)),
    }
}
