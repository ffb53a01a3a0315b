//! What vLLM's log would say of the KV cache, word for word, to hold against a server's own.

use crate::engine::Family;
use crate::scenario::ResolvedDeployment;

/// The two lines of V1 (vLLM `v1/core/kv_cache_utils.py`, recalled); nothing for other engines and where nothing starts.
pub(super) fn lines(name: &str, deployment: &ResolvedDeployment) -> String {
    let engine = &deployment.engine;
    let Some(plan) = deployment.memory.as_ref().ok().filter(|_| engine.family() == Family::V1) else {
        return String::new();
    };
    let blocks_of_longest = engine.max_model_len.div_ceil(engine.block_size);
    let concurrency = f64::from(plan.num_gpu_blocks) / f64::from(blocks_of_longest);
    let (tokens, longest) = (with_commas(plan.kv_cache_tokens), with_commas(engine.max_model_len.into()));
    format!(
        "{name}: GPU KV cache size: {tokens} tokens\n\
         {name}: Maximum concurrency for {longest} tokens per request: {concurrency:.2}x\n"
    )
}

/// Thousands apart, as Python's `:,` writes them.
fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([7, 658_352, 1_000_000].map(with_commas), ["7", "658,352", "1,000,000"]);
    }
}
