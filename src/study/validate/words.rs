//! Numbers and settings in the words of a source.

/// The numbers in a text, in order: `20,000 +-15%` has two, `1e3` one; none where the first is negative.
pub(super) fn numbers(text: &str) -> Vec<f64> {
    let text = without_thousands(text);
    let bytes = text.as_bytes();
    let is_part = |at: usize| {
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let behind_exponent =
            |at: usize| at > 1 && bytes[at - 1].eq_ignore_ascii_case(&b'e') && digit(at - 2);
        match bytes[at] {
            b'0'..=b'9' | b'.' => true,
            b'e' | b'E' => at > 0 && digit(at - 1) && (digit(at + 1) || digit(at + 2)),
            b'+' | b'-' => behind_exponent(at) && digit(at + 1),
            _ => false,
        }
    };
    let mut numbers = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = (at..bytes.len()).find(|at| !is_part(*at)).unwrap_or(bytes.len());
        if let Ok(number) = text[at..end].trim_matches('.').parse() {
            let signed = at > 0 && bytes[at - 1] == b'-';
            let spread = at > 1 && (bytes[at - 2] == b'+' || bytes[at - 2].is_ascii_alphanumeric());
            if numbers.is_empty() && signed && !spread {
                return Vec::new();
            }
            numbers.push(number);
        }
        at = end + 1;
    }
    numbers
}

/// The first number in a text.
pub(super) fn number(text: &str) -> Option<f64> {
    numbers(text).first().copied()
}

/// A whole number, where that is all a text has.
pub(super) fn count(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|count| *count > 0)
}

/// What a column says: nothing, or a whole number from 1 to `most`.
///
/// # Errors
/// If it says anything else, in words.
pub(super) fn stated(column: &str, text: &str, most: u32) -> Result<Option<u32>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = count(text).filter(|number| *number <= most);
    number.map(Some).ok_or_else(|| format!("{column} is `{text}`: expected a whole number from 1 to {most}"))
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
        assert_eq!(numbers("rate 1e-3 req/s"), [1e-3]);
        assert_eq!(number("1e15"), Some(1e15));
        assert_eq!(number("rate -5 req/s"), None);
        assert_eq!(number("range 0.8-1.0"), Some(0.8));
        assert_eq!(stated("TP", "", 8), Ok(None));
        assert_eq!(stated("TP", "8", 8), Ok(Some(8)));
        assert!(["0", "9", "-1", "1e3", "3,000"].iter().all(|text| stated("TP", text, 8).is_err()));
        let notes = "max-model-len 91680; num-scheduler-steps=15; chunked prefill=TRUE";
        assert_eq!(setting(notes, "num-scheduler-steps"), Some("15"));
        assert_eq!(setting(notes, "max-model-len"), Some("91680"));
        assert_eq!(setting(notes, "chunked-prefill"), Some("TRUE"));
        assert_eq!(setting(notes, "kv fraction"), None);
    }
}
