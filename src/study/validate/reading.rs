//! Where a row's own figures contradict its label.

use super::row::Row;

/// The row as it was really measured, and why it is read so; nothing where the label stands.
///
/// Each rule is about a source's runs of one kind, rests on evidence other than the error it removes, and is said in
/// `LIMITATIONS.md`.
pub(super) fn corrected(row: &Row) -> Option<(Row, &'static str)> {
    // InferenceMAX's vLLM servers on H100: with 64 requests of 1k/8k on two GPUs, and 32 of 8k/1k, a new request waits 31 s and
    // 6.5 s. An FP8 cache holds all of them at once; a 16-bit one holds half, and those are the waits it gives. H200 rows of
    // the same runs show neither.
    let inferencemax = row.source.contains("aiconfigurator") && row.notes.contains("InferenceMAX");
    let fp8 = row.kv_dtype.to_uppercase().starts_with("FP8");
    if inferencemax && row.engine == "vLLM" && row.gpu.starts_with("H100") && fp8 {
        let row = Row { kv_dtype: "auto".to_owned(), ..row.clone() };
        return Some((row, "KV cache read as 16-bit: labelled FP8, but its capacity is a 16-bit cache's"));
    }
    None
}
