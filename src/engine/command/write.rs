//! Engine arguments as the flags of a release of vLLM.

use serde_json::Value;

use crate::units::Version;

/// The first release whose processes span nodes (`--nnodes`; recalled).
pub const NNODES_SINCE: Version = Version::new(0, 12, 0);

/// Flags that came after the first release known, and when (recalled).
const SINCE: [(&str, Version); 4] = [
    ("scheduling_policy", Version::new(0, 6, 4)),
    ("long_prefill_token_threshold", Version::new(0, 8, 0)),
    ("disable_hybrid_kv_cache_manager", Version::new(0, 9, 0)),
    ("async_scheduling", Version::new(0, 10, 0)),
];

/// The first release that takes `--no-` in front of every switch (`argparse.BooleanOptionalAction`), and switches for which
/// that came earlier (recalled).
const NEGATED: Version = Version::new(0, 9, 0);
const NEGATED_EARLIER: [(&str, Version); 2] =
    [("enable_prefix_caching", Version::new(0, 7, 0)), ("enable_chunked_prefill", Version::new(0, 8, 4))];

/// The words that state field `name` of the engine's arguments; none where it states a default that the release has no word
/// for, `None` if the release cannot do that.
pub fn flag(version: Version, name: &str, value: &Value) -> Option<Vec<String>> {
    let of =
        |table: &[(&str, Version)]| table.iter().find(|(known, _)| *known == name).map(|(_, since)| *since);
    let known = of(&SINCE).is_none_or(|since| version >= since);
    let negated = version >= of(&NEGATED_EARLIER).unwrap_or(NEGATED);
    let flag = name.replace('_', "-");
    match value {
        // All switches but one are off where nothing is stated, in releases that have no `--no-`.
        Value::Bool(false) if !known => Some(Vec::new()),
        _ if !known => None,
        Value::Bool(true) => Some(vec![format!("--{flag}")]),
        Value::Bool(false) if negated => Some(vec![format!("--no-{flag}")]),
        Value::Bool(false) if name == "enable_chunked_prefill" => Some(vec![format!("--{flag}=False")]),
        Value::Bool(false) => Some(Vec::new()),
        Value::String(text) => Some(vec![format!("--{flag}"), text.clone()]),
        other => Some(vec![format!("--{flag}"), other.to_string()]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_release_gets_the_words_that_it_takes() {
        let (old, new) = (Version::new(0, 6, 3), Version::new(0, 33, 0));
        let read = |version, name, value| flag(version, name, &value).map(|words| words.join(" "));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read(new, "enforce_eager", json!(false)), some("--no-enforce-eager"));
        assert_eq!(read(old, "enforce_eager", json!(false)), some(""));
        assert_eq!(read(old, "enforce_eager", json!(true)), some("--enforce-eager"));
        assert_eq!(read(old, "enable_chunked_prefill", json!(false)), some("--enable-chunked-prefill=False"));
        assert_eq!(
            read(Version::new(0, 8, 5), "enable_prefix_caching", json!(false)),
            some("--no-enable-prefix-caching")
        );
        assert_eq!(read(Version::new(0, 8, 5), "async_scheduling", json!(false)), some(""));
        assert_eq!(read(Version::new(0, 8, 5), "async_scheduling", json!(true)), None);
        assert_eq!(read(new, "max_num_seqs", json!(8)), some("--max-num-seqs 8"));
    }
}
