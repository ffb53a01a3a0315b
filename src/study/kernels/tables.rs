//! The tables of measured kernels that are understood, known by their columns.
//!
//! GEMM, attention, custom all-reduce and NCCL come as ai-dynamo/aiconfigurator collects them; collectives and
//! point-to-point also as Vidur and `APEX+` publish them, whose files say by their name what they measured.

use std::path::Path;

use super::KernelError;
use super::calls::{Kernel, Row, Sequences};
use super::cells::{Cells, Sheet};
use crate::hardware::Gpu;

/// A kind of table.
struct Format {
    /// Columns it has, others aside.
    columns: &'static [&'static str],
    reader: Reader,
    /// Whether the file's name says what was measured.
    named: bool,
}

/// The kinds there are.
const FORMATS: [Format; 7] = [
    Format { columns: &["gemm_dtype", "m", "n", "k", MS_COLUMN], reader: gemm, named: false },
    Format {
        columns: &[KV, "batch_size", "kv_len", "num_heads", KV_HEADS, "head_dim", MS_COLUMN],
        reader: decode,
        named: false,
    },
    Format {
        columns: &[KV, "batch_size", "isl", "num_heads", KV_HEADS, "head_dim", MS_COLUMN],
        reader: prefill,
        named: false,
    },
    Format {
        columns: &["backend", "allreduce_dtype", "num_gpus", "message_bytes", MS_COLUMN],
        reader: custom,
        named: false,
    },
    Format {
        columns: &["op_name", "nccl_dtype", "num_gpus", "message_bytes", MS_COLUMN],
        reader: nccl,
        named: false,
    },
    Format {
        columns: &["num_workers", "devices_per_node", "bytes", "time_ms", "network"],
        reader: vidur,
        named: true,
    },
    Format {
        columns: &["gpu", "num_nodes", "num_gpus_per_node", "dtype", "size(kb)", "time(us)"],
        reader: apex,
        named: true,
    },
];
const KV: &str = "kv_cache_dtype";
const KV_HEADS: &str = "num_key_value_heads";
const MS_COLUMN: &str = "latency_ms";

/// Nanoseconds of a millisecond and of a microsecond.
const MS: f64 = 1e6;
const US: f64 = 1e3;

/// What a file is about as a whole.
struct About<'a> {
    /// What its name says that it measured.
    named: Option<Kernel>,
    gpu: &'a Gpu,
}

/// Makes a row of a line; nothing of one that is about no kernel of the model on this GPU.
type Reader = fn(&Cells<'_>, &About<'_>) -> Result<Option<Row>, KernelError>;

/// All rows of all tables.
pub(super) struct Tables {
    pub(super) rows: Vec<Row>,
    pub(super) remarks: Vec<String>,
}

impl Tables {
    pub(super) fn read(files: &[&Path], gpu: &Gpu) -> Result<Self, KernelError> {
        let mut all = Self { rows: Vec::new(), remarks: Vec::new() };
        for (place, file) in files.iter().enumerate() {
            all.add(place, file, gpu)?;
        }
        Ok(all)
    }

    fn add(&mut self, file: usize, path: &Path, gpu: &Gpu) -> Result<(), KernelError> {
        let sheet = Sheet::read(path)?;
        let Some(format) = FORMATS.iter().find(|format| sheet.has(format.columns)) else {
            let known: Vec<_> = FORMATS.iter().map(|format| format.columns.join(",")).collect();
            let reason =
                format!("columns `{}`, expected those of one of: {}", sheet.columns(), known.join("; "));
            return Err(sheet.error(reason));
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let about = About { named: named(&name), gpu };
        if format.named && about.named.is_none() {
            let reason = "expected a name with `all_reduce`, `all_gather` or `send_recv`, which says what was measured";
            return Err(sheet.error(reason.to_owned()));
        }
        let (mut kept, mut left_out) = (0, 0);
        for cells in sheet.cells() {
            match (format.reader)(&cells, &about)? {
                Some(row) => {
                    self.rows.push(Row { file, ..row });
                    kept += 1;
                }
                None => left_out += 1,
            }
        }
        if kept == 0 {
            return Err(sheet.error(format!("no row is about a kernel of the model on {}", gpu.name)));
        }
        if left_out > 0 {
            let rows = if left_out == 1 { "row is" } else { "rows are" };
            self.remarks
                .push(format!("{name}: {left_out} {rows} about no kernel of the model on {}", gpu.name));
        }
        Ok(())
    }
}

fn named(name: &str) -> Option<Kernel> {
    let words =
        [("all_reduce", Kernel::Nccl), ("all_gather", Kernel::AllGather), ("send_recv", Kernel::Send)];
    let name = name.replace("sendrecv", "send_recv");
    words.into_iter().find(|(word, _)| name.contains(word)).map(|(_, kernel)| kernel)
}

fn gemm(cells: &Cells<'_>, _: &About<'_>) -> Result<Option<Row>, KernelError> {
    let kernel = match cells.text("gemm_dtype") {
        "bfloat16" => Kernel::GemmBf16,
        "fp8" => Kernel::GemmFp8,
        _ => return Ok(None),
    };
    let shape = [cells.count("m")?, cells.count("n")?, cells.count("k")?];
    Ok(Some(Row::product(kernel, shape, cells.time(MS_COLUMN, MS)?)))
}

fn decode(cells: &Cells<'_>, _: &About<'_>) -> Result<Option<Row>, KernelError> {
    let kernels = [Kernel::DecodeBf16, Kernel::DecodeFp8];
    let of = sequences(cells, "kv_len")?;
    let time = cells.time(MS_COLUMN, MS)?;
    Ok(cache(cells).map(|kv_bytes| {
        let kernel = kernels[usize::from(kv_bytes == 1)];
        Row::decode(kernel, Sequences { kv_bytes, ..of }, time)
    }))
}

fn prefill(cells: &Cells<'_>, _: &About<'_>) -> Result<Option<Row>, KernelError> {
    let kernels = [Kernel::PrefillBf16, Kernel::PrefillFp8];
    let of = sequences(cells, "isl")?;
    let time = cells.time(MS_COLUMN, MS)?;
    Ok(cache(cells).map(|kv_bytes| {
        let kernel = kernels[usize::from(kv_bytes == 1)];
        Row::prefill(kernel, Sequences { kv_bytes, ..of }, time)
    }))
}

/// Bytes of an element of the cache, where the model has a kernel for it.
fn cache(cells: &Cells<'_>) -> Option<u32> {
    match cells.text(KV) {
        "bfloat16" => Some(2),
        "fp8" => Some(1),
        _ => None,
    }
}

fn sequences(cells: &Cells<'_>, tokens: &str) -> Result<Sequences, KernelError> {
    Ok(Sequences {
        count: cells.count("batch_size")?,
        tokens: cells.count(tokens)?,
        heads: cells.count("num_heads")?,
        kv_heads: cells.count(KV_HEADS)?,
        head_dim: cells.count("head_dim")?,
        kv_bytes: 2,
    })
}

/// Launched eagerly, the custom all-reduce waits for the CPU; inside a graph it does not.
fn custom(cells: &Cells<'_>, _: &About<'_>) -> Result<Option<Row>, KernelError> {
    let (gpus, bytes) = (cells.count("num_gpus")?, cells.size("message_bytes")?);
    let time = cells.time(MS_COLUMN, MS)?;
    let graph = cells.text("backend") == "vllm_graph";
    Ok(graph.then(|| Row::message(Kernel::Peer, gpus, bytes, time)))
}

/// Hidden states have two bytes an element; narrower ones reduce at another rate.
fn nccl(cells: &Cells<'_>, _: &About<'_>) -> Result<Option<Row>, KernelError> {
    let (gpus, bytes) = (cells.count("num_gpus")?, cells.size("message_bytes")?);
    let time = cells.time(MS_COLUMN, MS)?;
    let kernel = match cells.text("op_name") {
        "all_reduce" => Kernel::Nccl,
        "all_gather" => Kernel::AllGather,
        _ => return Ok(None),
    };
    let wide = matches!(cells.text("nccl_dtype"), "half" | "bfloat16");
    Ok(wide.then(|| Row::message(kernel, gpus, bytes, time)))
}

/// Ranks of one machine of this GPU, `h100_dgx`.
fn vidur(cells: &Cells<'_>, about: &About<'_>) -> Result<Option<Row>, KernelError> {
    let (ranks, per_node) = (cells.count("num_workers")?, cells.count("devices_per_node")?);
    let (bytes, time) = (cells.size("bytes")?, cells.time("time_ms", MS)?);
    let same = cells.text("network") == format!("{}_dgx", family(&about.gpu.name));
    let row = about.named.map(|kernel| Row::message(kernel, ranks, bytes, time));
    Ok(row.filter(|_| same && ranks == per_node))
}

/// GPUs of one machine; sizes are in KiB.
fn apex(cells: &Cells<'_>, about: &About<'_>) -> Result<Option<Row>, KernelError> {
    let (nodes, gpus) = (cells.count("num_nodes")?, cells.count("num_gpus_per_node")?);
    let (bytes, time) = (cells.size("size(kb)")? * 1024, cells.time("time(us)", US)?);
    let same = family(cells.text("gpu")) == family(&about.gpu.name);
    let row = about.named.map(|kernel| Row::message(kernel, gpus, bytes, time));
    Ok(row.filter(|_| same && nodes == 1))
}

/// `h100` of `H100-SXM5-80GB`.
fn family(gpu: &str) -> String {
    gpu.split('-').next().unwrap_or_default().to_lowercase()
}
