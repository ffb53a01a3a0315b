//! Numbers and settings in the words of a source.

/// The numbers in a text, in order, without their signs: `20,000 +-15%` has two.
pub(super) fn numbers(text: &str) -> Vec<f64> {
    let joined = without_thousands(text);
    joined
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .map(|part| part.trim_matches('.'))
        .filter_map(|part| part.parse().ok())
        .collect()
}

/// The first number in a text.
pub(super) fn number(text: &str) -> Option<f64> {
    numbers(text).first().copied()
}

/// A whole number, where that is all a text has.
pub(super) fn count(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|count| *count > 0)
}

/// The value of a setting in a text, such as 4 of `max-num-seqs=4` or `max num seqs 4`; `name` has hyphens.
pub(super) fn setting<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let found = text.find(name).or_else(|| text.find(&name.replace('-', " ")))?;
    let behind = &text[found + name.len()..];
    let value = behind.trim_start_matches(['=', ' ', ':']);
    let end = value.find([';', ',', ' ', ')']).unwrap_or(value.len());
    (value.len() < behind.len() && end > 0).then(|| &value[..end])
}

/// Commas between digits taken out.
fn without_thousands(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit =
        |index: Option<usize>| index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit);
    text.char_indices()
        .filter(|(index, c)| !(*c == ',' && digit(index.checked_sub(1)) && digit(Some(index + 1))))
        .map(|(_, c)| c)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_settings_are_found() {
        assert_eq!(numbers("~20,000 +-15%"), [20_000.0, 15.0]);
        assert_eq!(number("mean 117.1 (max dataset)"), Some(117.1));
        assert_eq!(number("none."), None);
        let notes = "max-model-len 91680; num-scheduler-steps=15; chunked prefill=TRUE";
        assert_eq!(setting(notes, "num-scheduler-steps"), Some("15"));
        assert_eq!(setting(notes, "max-model-len"), Some("91680"));
        assert_eq!(setting(notes, "chunked-prefill"), Some("TRUE"));
        assert_eq!(setting(notes, "kv fraction"), None);
    }
}
