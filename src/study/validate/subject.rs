//! The model and the machines of a row, by the catalogue's names.

use super::{row::Row, words};
use crate::catalog::Catalog;
use crate::engine::Backend;
use crate::hardware::{Machine, NetworkKind};

/// Most of anything that is counted in GPUs or machines.
const MOST: u32 = 1024;

/// What ran where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Subject {
    pub(super) model: String,
    pub(super) gpu: String,
    pub(super) machine: String,
    pub(super) network: NetworkKind,
    pub(super) nodes: u32,
    pub(super) tensor_parallel: u32,
    pub(super) pipeline_parallel: u32,
}

impl Subject {
    /// Reads the words of a row.
    ///
    /// # Errors
    /// If the catalogue does not have what the row names, in words.
    pub(super) fn of(row: &Row, backend: Backend, catalog: &Catalog) -> Result<Self, String> {
        let size = |column: &str, text: &str| words::stated(column, text, MOST);
        let tensor_parallel = size("TP", &row.tensor_parallel)?.ok_or("TP is not stated")?;
        let pipeline_parallel = size("PP", &row.pipeline_parallel)?.unwrap_or(1);
        if size("DP", &row.data_parallel)?.unwrap_or(1) > 1 {
            return Err("data parallelism inside one engine is not modelled".to_owned());
        }
        let nodes = size("nodes", &row.nodes)?.unwrap_or(1);
        let gpu = gpu(&row.gpu, catalog)?;
        let needed = (tensor_parallel * pipeline_parallel).div_ceil(nodes);
        let stated = size("gpus_per_node", &row.gpus_per_node)?.unwrap_or(needed).max(needed);
        let (machine, network) = machine(&gpu, stated, catalog)?;
        Ok(Self {
            model: model(row, backend, catalog)?,
            gpu,
            machine,
            network,
            nodes,
            tensor_parallel,
            pipeline_parallel,
        })
    }

    /// GPUs of the engine.
    pub(super) fn gpus(&self) -> u32 {
        self.tensor_parallel * self.pipeline_parallel
    }
}

/// The catalogue's name of a GPU: the same chip, form and memory.
fn gpu(text: &str, catalog: &Catalog) -> Result<String, String> {
    let parts = |name: &str| -> Option<(String, String, String)> {
        let name = name.split('(').next().unwrap_or_default().trim().to_uppercase();
        let mut parts = name.split('-');
        let chip = parts.next()?.to_owned();
        let form: String = parts.next()?.chars().take_while(char::is_ascii_alphabetic).collect();
        Some((chip, form, parts.next()?.to_owned()))
    };
    let known = catalog.section("gpus").map_err(|error| error.to_string())?;
    let wanted = parts(text);
    known
        .keys()
        .find(|name| *name == text || (wanted.is_some() && parts(name) == wanted))
        .cloned()
        .ok_or_else(|| {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            format!("no GPU `{text}` in the catalogue: expected one of {}", names.join(", "))
        })
}

/// The machine with that GPU and the fewest GPUs that are enough, and the fastest network it has.
fn machine(gpu: &str, gpus: u32, catalog: &Catalog) -> Result<(String, NetworkKind), String> {
    let text = |error: crate::catalog::CatalogError| error.to_string();
    let mut best: Option<Machine> = None;
    for name in catalog.section("machines").map_err(text)?.keys() {
        let machine = Machine::read(catalog, name).map_err(text)?;
        let enough = machine.gpu == gpu && machine.gpus >= gpus;
        let rank = |machine: &Machine| (machine.gpus, std::cmp::Reverse(network(machine)));
        if enough && best.as_ref().is_none_or(|best| rank(&machine) < rank(best)) {
            best = Some(machine);
        }
    }
    let machine = best.ok_or_else(|| format!("no machine with {gpus} {gpu} in the catalogue"))?;
    let network = network(&machine);
    Ok((machine.name, network))
}

/// The fastest network of a machine: kinds are ordered slowest first.
fn network(machine: &Machine) -> NetworkKind {
    machine.networks.iter().copied().max().unwrap_or(NetworkKind::Gvnic)
}

/// The catalogue's name of a model: the name itself, or the one of that family, size and format.
fn model(row: &Row, backend: Backend, catalog: &Catalog) -> Result<String, String> {
    let known = catalog.section("models").map_err(|error| error.to_string())?;
    let stated =
        row.model.split(" (").next().unwrap_or_default().split(" or ").next().unwrap_or_default().trim();
    let fp8 = row.weight_dtype.to_uppercase().starts_with("FP8");
    let unknown = || format!("no model `{}` ({}) in the catalogue", row.model, row.weight_dtype);
    if known.contains_key(stated) && fp8 == stated.to_uppercase().contains("FP8") {
        return Ok(stated.to_owned());
    }
    let (family, size) = family_and_size(stated).ok_or_else(unknown)?;
    let bare = format!("Llama-{family}-{size}");
    let metas = |name: &str| format!("meta-llama/{name}");
    let candidates = match (fp8, backend) {
        // Meta's own checkpoint is what vLLM's users of 405B run; TensorRT-LLM's run NVIDIA's.
        (true, Backend::Vllm) => vec![
            metas(&format!("{bare}-Instruct-FP8")),
            format!("neuralmagic/Meta-{bare}-Instruct-FP8"),
            format!("nvidia/{bare}-Instruct-FP8"),
        ],
        (true, Backend::TensorRtLlm) => {
            vec![format!("nvidia/{bare}-Instruct-FP8"), format!("nvidia/{bare}-FP8")]
        }
        (false, _) => vec![
            metas(&bare),
            metas(&format!("Meta-{bare}")),
            metas(&format!("{bare}-Instruct")),
            metas(&format!("{bare}-hf")),
        ],
    };
    let lower = |name: &str| name.to_lowercase();
    candidates
        .iter()
        .find_map(|candidate| known.keys().find(|name| lower(name) == lower(candidate)))
        .cloned()
        .ok_or_else(unknown)
}

/// `3.1` and `70B` of `Meta-Llama-3.1-70B-Instruct`.
pub(super) fn family_and_size(name: &str) -> Option<(String, String)> {
    let lower = name.to_lowercase();
    let behind = &lower[lower.find("llama-")? + "llama-".len()..];
    let mut parts = behind.split(['-', ' ']);
    let (family, size) = (parts.next()?, parts.next()?);
    let is_size = size.ends_with('b') && size.trim_end_matches('b').parse::<f64>().is_ok();
    is_size.then(|| (family.to_owned(), size.to_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sources_become_names_of_the_catalogue() {
        let catalog = Catalog::builtin();
        assert_eq!(gpu("H100-SXM-80GB", &catalog).unwrap(), "H100-SXM5-80GB");
        assert_eq!(gpu("A100-SXM4-40GB (Polaris, 4/node)", &catalog).unwrap(), "A100-SXM4-40GB");
        assert!(gpu("H1000-SXM-80GB", &catalog).unwrap_err().contains("H100-SXM5-80GB"));
        assert_eq!(machine("H100-SXM5-80GB", 4, &catalog).unwrap().0, "a3-highgpu-4g");
        let row = |model: &str, dtype: &str| Row {
            model: model.to_owned(),
            weight_dtype: dtype.to_owned(),
            ..Row::default()
        };
        for (name, dtype, backend, expected) in [
            (
                "Llama-3.1-405B-FP8 (meta-llama, FBGEMM)",
                "FP8",
                Backend::Vllm,
                "meta-llama/Llama-3.1-405B-Instruct-FP8",
            ),
            ("Llama-3.1-70B", "FP16", Backend::TensorRtLlm, "meta-llama/Llama-3.1-70B"),
            ("Llama-3.1-70B", "FP8", Backend::TensorRtLlm, "nvidia/Llama-3.1-70B-Instruct-FP8"),
            ("meta-llama/Llama-2-7b-hf", "FP16", Backend::Vllm, "meta-llama/Llama-2-7b-hf"),
            ("Llama-2-70B-chat", "BF16", Backend::Vllm, "meta-llama/Llama-2-70b-hf"),
        ] {
            assert_eq!(model(&row(name, dtype), backend, &catalog).as_deref(), Ok(expected), "{name}");
        }
        assert!(model(&row("Gemma-7B", "BF16"), Backend::Vllm, &catalog).is_err());
    }
}
