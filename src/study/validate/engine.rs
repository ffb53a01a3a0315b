//! The engine a row was measured on, and its settings.

use serde_json::{Map, Value, json};

use super::{row::Row, traffic::Traffic, words};
use crate::engine::{Backend, Family};
use crate::units::Version;

/// The oldest releases that are predicted; before them an engine was another program.
const OLDEST_VLLM: Version = Version::new(0, 5, 0);
const OLDEST_TENSORRT_LLM: Version = Version::new(0, 5, 0);
/// The oldest release of vLLM whose V1 engine is known; earlier previews of it are taken for it.
const OLDEST_V1: Version = Version::new(0, 8, 0);
/// Prompts up to this long were computed whole: the step budget of TensorRT-LLM's benchmarks [tokens].
const UNCHUNKED: u32 = 8192;
/// NVIDIA's Triton container of July 2024 carries this release.
const TRITON_24_07: Version = Version::new(0, 11, 0);
/// NVIDIA's NIM containers count their own releases; those of early 2025 carry this one (recalled).
const NIM_1_8: Version = Version::new(0, 17, 0);

/// An engine of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Engine {
    pub(super) backend: Backend,
    pub(super) version: Version,
}

impl Engine {
    /// Reads the words of a row.
    ///
    /// # Errors
    /// If there is no such engine here, in words.
    pub(super) fn of(row: &Row) -> Result<Self, String> {
        let name = row.engine.to_lowercase();
        let (backend, tag, oldest) = if name.contains("tensorrt") || name.contains("trt-llm") {
            (Backend::TensorRtLlm, "trt-llm", OLDEST_TENSORRT_LLM)
        } else if name.contains("vllm") {
            (Backend::Vllm, "vllm", OLDEST_VLLM)
        } else {
            return Err(format!("no engine `{}` here: expected vLLM or TensorRT-LLM", row.engine));
        };
        let stated = version(&row.engine_version, tag)
            .ok_or_else(|| format!("engine_version `{}` names no release", row.engine_version))?;
        let preview = row.engine_version.contains("V1") && stated < OLDEST_V1;
        let version = if preview { OLDEST_V1 } else { stated };
        // What is a little older or newer than the releases known is taken for the nearest of them.
        if version < oldest {
            return Err(format!("{} {version} is older than any engine here ({oldest})", row.engine));
        }
        let (first, last) = backend.known();
        let version = version.clamp(first, last);
        Ok(Self { backend, version })
    }

    /// Engine and generation, as the catalogue's `accuracy` has them.
    pub(super) fn class(self) -> &'static str {
        Family::of(self.backend, self.version).name()
    }

    /// The scenario's `engine`, parallel sizes and limits included.
    pub(super) fn args(self, row: &Row, traffic: &Traffic) -> Map<String, Value> {
        let (chunked, max_model_len) = chunked_and_context(row, traffic);
        let mut args = Map::new();
        let mut set = |name: &str, value: Value| args.insert(name.to_owned(), value);
        set("version", json!(self.version.to_string()));
        set("max_model_len", json!(max_model_len));
        if let Some(most) = words::count(&row.max_num_seqs).or(traffic.batch()) {
            set("max_num_seqs", json!(most));
        }
        if let Some(tokens) = budget(row) {
            set("max_num_batched_tokens", json!(tokens));
        }
        if row.kv_dtype.to_lowercase().starts_with("fp8") {
            set("kv_cache_dtype", json!("fp8"));
        }
        if let Some(fraction) = words::setting(&row.notes, "gpu-mem").and_then(words::number) {
            set("gpu_memory_utilization", json!(fraction));
        }
        set("backend", json!(self.backend));
        match self.backend {
            Backend::TensorRtLlm => {
                // A prompt longer than a step can only have been computed in pieces.
                set("enable_chunked_prefill", json!(traffic.longest_prompt() > UNCHUNKED));
            }
            Backend::Vllm => {
                set("enable_prefix_caching", json!(false));
                if row.notes.contains("async scheduling") {
                    set("async_scheduling", json!(true));
                }
                if let Some(steps) = words::setting(&row.notes, "scheduler-steps").and_then(words::count) {
                    set("num_scheduler_steps", json!(steps));
                }
                if let Some(chunked) = chunked {
                    set("enable_chunked_prefill", json!(chunked));
                }
            }
        }
        args
    }
}

fn budget(row: &Row) -> Option<u32> {
    words::number(&row.max_num_batched_tokens)
        .filter(|tokens| *tokens >= 1.0 && *tokens <= 1e7)
        .map(|tokens| tokens as u32)
}

/// Whether vLLM cut prompts up, where that is stated or follows, and its `max_model_len`.
///
/// vLLM refuses a step budget below `max_model_len` unless prompts are cut up: where nothing else is said, they were.
fn chunked_and_context(row: &Row, traffic: &Traffic) -> (Option<bool>, u32) {
    let stated = words::setting(&row.notes, "chunked-prefill").map(|said| said.eq_ignore_ascii_case("true"));
    let context = ["max-model-len", "max-seq-len"]
        .iter()
        .find_map(|name| words::setting(&row.notes, name).and_then(words::count))
        .unwrap_or(traffic.longest());
    let small = budget(row).is_some_and(|tokens| tokens < context);
    (stated.or(small.then_some(true)), context)
}

/// The release in a text; of a range its end, of a text about several engines the one behind `tag`.
fn version(text: &str, tag: &str) -> Option<Version> {
    let lower = text.to_lowercase();
    if lower.starts_with("nim") {
        return Some(NIM_1_8);
    }
    if lower.contains("24.07") {
        return Some(TRITON_24_07);
    }
    let mine = lower.split('/').find(|part| part.contains(tag)).unwrap_or(&lower);
    let mut last = None;
    for part in mine.split(|c: char| !c.is_ascii_digit() && c != '.') {
        let numbers: Vec<&str> = part.split('.').filter(|number| !number.is_empty()).take(3).collect();
        if numbers.len() < 2 {
            continue;
        }
        match numbers.join(".").parse() {
            Ok(found) => last = Some(found),
            Err(_) => break,
        }
        // What follows a release is its build: `0.6.3.post2.dev308`.
        if !mine.contains('-') || mine.contains("dev") {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_found_in_their_sources_words() {
        for (text, tag, expected) in [
            ("0.6.3.post2.dev308+gb489fc3c (V0)", "vllm", "0.6.3"),
            ("vLLM 0.10-0.11 / TRT-LLM 1.0-1.1 era (exact not in dump)", "vllm", "0.11"),
            ("vLLM 0.10-0.11 / TRT-LLM 1.0-1.1 era (exact not in dump)", "trt-llm", "1.1"),
            ("0.20-pytorch", "trt-llm", "0.20"),
            ("1.0.0rc3", "trt-llm", "1.0"),
            ("~0.2 eager [recall]", "vllm", "0.2"),
            ("NIM 1.8.0", "trt-llm", "0.17"),
            ("r24.07", "trt-llm", "0.11"),
            ("0.12.0.dev2024072300", "trt-llm", "0.12"),
        ] {
            assert_eq!(version(text, tag), Some(expected.parse().unwrap()), "{text}");
        }
        assert_eq!(version("MLPerf v5", "trt-llm"), None);
    }
}
