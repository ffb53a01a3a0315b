//! Numbers as flags have them.

use serde_json::{Number, Value};

/// `8k` is 8000 and `8K` is 8192; only the decimal ones take a fraction, as in `25.6k` (vLLM `engine/arg_utils.py`,
/// `human_readable_int`).
pub(super) fn human_readable(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let power = "kmgt".find(&unit.to_ascii_lowercase())? as u32 + 1;
    if unit.chars().all(char::is_uppercase) {
        return digits.parse::<u64>().ok()?.checked_mul(1_u64 << (10 * power));
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = 10_u64.pow(3 * power);
    let fine = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()? };
    whole.parse::<u64>().ok()?.checked_mul(scale)?.checked_add(parts.checked_mul(scale)? / fine)
}

/// A number where it is one, in any of the spellings that Python takes: `8`, `+8`, `.9`, `1.`.
pub(super) fn scalar(text: &str) -> Value {
    let whole = text.parse::<i64>().map(Value::from).ok();
    let number = whole.or_else(|| text.parse().ok().and_then(Number::from_f64).map(Value::Number));
    number.unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        let read = ["8", "+8", "-1", ".9", "1.", "0.85", "eight", "inf"].map(scalar);
        let text = |text: &str| Value::String(text.to_owned());
        let numbers: [Value; 6] = [8.into(), 8.into(), (-1).into(), 0.9.into(), 1.0.into(), 0.85.into()];
        assert_eq!(read[..6], numbers);
        assert_eq!(read[6..], ["eight", "inf"].map(text));
    }

    #[test]
    fn lengths_are_read_as_vllm_reads_them() {
        let read = |text| human_readable(text);
        assert_eq!(
            [read("8k"), read("8K"), read("1M"), read("25.6k")],
            [8000, 8192, 1 << 20, 25_600].map(Some)
        );
        assert_eq!([read("8192"), read("1.5K"), read("k"), read(""), read("99999999T")], [None; 5]);
    }
}
