//! Inside the engines: how busy each pipeline stage is, and what the memory of a GPU holds.

use maud::html;

use super::{Ran, listed, served};
use crate::report::page::{Column, Part, Section, Table, swatch};
use crate::report::plot::{Bar, Bars, Caption, Figure, Scale, Stack, StackRow};
use crate::report::recorded::Recorded;
use crate::report::words::{figure, fixed, or_dash, share};

const GIB: f64 = 1_073_741_824.0;
/// What a GPU's memory holds.
const PARTS: [&str; 4] = ["weights", "KV cache", "other", "free"];

pub(super) fn section(recorded: &Recorded) -> Result<Option<Section>, String> {
    let served = served(recorded);
    if served.is_empty() {
        return Ok(None);
    }
    Ok(Some(Section {
        id: "engines",
        title: "Inside the engines",
        lead: "How busy the GPUs of each pipeline stage are, and what each of them holds.".to_owned(),
        parts: vec![Part::Figures(vec![occupancy(&served)?, memory(&served)?]), table(&served).into()],
    }))
}

/// Name of a stage: its deployment where there are several, its number where there are several.
fn stage(ran: &Ran<'_>, deployment: &str, index: usize, stages: usize) -> String {
    let mut name = ran.name().to_owned();
    if ran.figures.deployments.len() > 1 {
        name = format!("{name}, {deployment}");
    }
    if stages > 1 { format!("{name}, stage {index}") } else { name }
}

fn occupancy(served: &[Ran<'_>]) -> Result<Figure, String> {
    let mut bars = Vec::new();
    for ran in served {
        for deployment in &ran.figures.deployments {
            let busy = &deployment.engine.stage_busy_fraction;
            bars.extend(busy.iter().enumerate().map(|(index, fraction)| Bar {
                name: stage(ran, &deployment.name, index, busy.len()),
                index: ran.index,
                value: Some(100.0 * fraction),
                notch: None,
                range: None,
                text: share(*fraction),
            }));
        }
    }
    let described = listed(bars.iter().map(|bar| (bar.name.as_str(), bar.text.clone())));
    let caption = Caption::new(
        "occupancy",
        "Pipeline occupancy",
        "Part of the time a stage computes. Stages that differ much are out of balance; stages far from full while the queue grows wait for something else.",
        described,
    );
    Bars { scale: Scale::linear("busy [% of the time]", 100.0), rows: bars, limit: None }.figure(caption)
}

fn memory(served: &[Ran<'_>]) -> Result<Figure, String> {
    let mut rows = Vec::new();
    for ran in served {
        for deployment in &ran.figures.deployments {
            let memory = &deployment.memory;
            let stages = memory.weights_bytes_per_gpu.len();
            for (index, (weights, free)) in
                memory.weights_bytes_per_gpu.iter().zip(&memory.free_bytes_per_gpu).enumerate()
            {
                let kv_cache = memory.kv_cache_bytes_per_gpu;
                let other = memory.gpu_bytes.saturating_sub(weights + kv_cache + free);
                rows.push(StackRow {
                    name: stage(ran, &deployment.name, index, stages),
                    index: ran.index,
                    parts: [*weights, kv_cache, other, *free].map(|bytes| bytes as f64 / GIB).to_vec(),
                    text: format!("{} GiB", fixed(memory.gpu_bytes as f64 / GIB, 0)),
                });
            }
        }
    }
    let most = rows.iter().map(|row| row.parts.iter().sum()).fold(0.0, f64::max);
    let described = listed(rows.iter().map(|row| {
        let parts = PARTS.iter().zip(&row.parts).map(|(name, gib)| format!("{name} {} GiB", fixed(*gib, 1)));
        (row.name.as_str(), parts.collect::<Vec<_>>().join(", "))
    }));
    let caption = Caption::new(
        "memory",
        "Memory of one GPU",
        "What the weights leave is room for KV cache, and so for requests at the same time; other is working memory, free is what vLLM leaves alone.",
        described,
    );
    Stack { scale: Scale::linear("GiB", most), parts: &PARTS, rows }.figure(caption)
}

fn table(served: &[Ran<'_>]) -> Table {
    let columns = vec![
        Column::words("placement"),
        Column::words("deployment"),
        Column::number("KV tokens"),
        Column::number("sequences here"),
        Column::number("KV in use, mean [%]"),
        Column::number("most [%]"),
        Column::number("batch, mean"),
        Column::number("most"),
        Column::number("preemptions"),
        Column::number("prefix hits [%]"),
        Column::number("steps"),
    ];
    let mut rows = Vec::new();
    for ran in served {
        for deployment in &ran.figures.deployments {
            let (engine, memory) = (&deployment.engine, &deployment.memory);
            let mut row = vec![swatch(ran.index, ran.name())];
            row.extend(
                [
                    deployment.name.clone(),
                    fixed(memory.kv_cache_tokens as f64, 0),
                    or_dash(memory.sequences_at_this_workload, figure),
                    figure(100.0 * engine.kv_cache_usage.mean),
                    figure(100.0 * engine.kv_cache_usage.max),
                    figure(engine.batch_size.mean),
                    fixed(engine.batch_size.max, 0),
                    fixed(engine.preemptions as f64, 0),
                    or_dash(engine.prefix_cache_hit_rate, |rate| figure(100.0 * rate)),
                    fixed(engine.steps as f64, 0),
                ]
                .map(|cell| html! { (cell) }),
            );
            rows.push(row);
        }
    }
    Table { id: "engine-figures".to_owned(), caption: "Engines".to_owned(), columns, rows }
}
