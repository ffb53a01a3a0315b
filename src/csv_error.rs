//! What is wrong with a line of a CSV file, in words that do not repeat where it stands.

/// The reason alone: the place goes before it.
pub fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) => error.to_string(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns: expected {expected_len} as in the header")
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8: expected text".to_owned(),
        _ => error.to_string(),
    }
}
