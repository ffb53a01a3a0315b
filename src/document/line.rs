//! One line of a file of JSON lines.

use serde::de::DeserializeOwned;
use serde_json::{Error, Value};

use super::{strict::Strict, typed};

/// A line as a `T`; a list is no line, whatever the order of the fields.
///
/// # Errors
/// If it is not; the message says what was found instead.
pub fn json_line<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| plain(&error))?;
    T::deserialize(Strict(&value)).map_err(|error| plain(&error))
}

/// The position counts from line 1 of the line itself, which would mislead.
fn plain(error: &Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    let mismatch = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix)?.rsplit_once(", expected "));
    mismatch.map_or_else(|| text.to_owned(), |(found, wanted)| typed::in_words(found, wanted))
}
