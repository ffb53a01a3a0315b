//! A plan on the terminal, and its candidates as CSV.

use std::io;

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::{Candidate, Counts, Demand, Plan, PriceOption, Range, Redundancy, Verdict, Winner};

/// Candidates that the terminal shows; the files have all.
const SHOWN: usize = 15;

const COLUMNS: [&str; 10] = [
    "candidate",
    "floor\ngroups",
    "groups\n",
    "+ spare\n",
    "nodes\n",
    "$/month\n",
    "$/M tok\nplanned",
    "TTFT\np95 ms",
    "TPOT\np95 ms",
    "tok/s\na GPU",
];

/// Ruled under the header only.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

impl Verdict {
    /// As the files and tables have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MeetsSlo => "meets_slo",
            Self::MissesSlo => "misses_slo",
            Self::DoesNotFit => "does_not_fit",
            Self::Pruned => "pruned",
            Self::NotReached => "not_reached",
        }
    }
}

fn shown(value: Option<f64>, places: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.places$}"))
}

fn cells(candidate: &Candidate) -> Vec<String> {
    let floor = candidate.floor.map_or_else(|| "-".to_owned(), |floor| floor.groups.to_string());
    let mut cells = vec![candidate.name.clone(), floor];
    match &candidate.figures {
        Some(figures) => cells.extend([
            figures.groups.to_string(),
            figures.spare_groups.to_string(),
            figures.nodes.to_string(),
            format!("{:.0}", figures.usd_per_month),
            shown(figures.usd_per_million_total_tokens_at_planned_rate, 2),
            shown(figures.ttft_p95_ms, 0),
            shown(figures.tpot_p95_ms, 1),
            shown(Some(figures.output_tokens_per_s_per_gpu), 1),
        ]),
        None => cells.extend(std::iter::repeat_n("-".to_owned(), 8)),
    }
    cells
}

/// The best candidates, then what the winner takes and why the others lost.
pub fn plan_table(plan: &Plan) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(COLUMNS);
    let meets = plan.candidates.iter().filter(|candidate| candidate.verdict == Verdict::MeetsSlo);
    for candidate in meets.take(SHOWN) {
        table.add_row(cells(candidate));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut lines = vec![table.trim_fmt(), String::new()];
    lines.extend(searched(plan));
    if let Some(winner) = &plan.winner {
        lines.extend(said(winner));
        lines.extend(plan.availability_note.clone());
        if !plan.ties.is_empty() {
            lines.push(format!(
                "{} others cost no more than the winner with {} groups would: a tie within what is known",
                plan.ties.len(),
                winner.groups.high
            ));
        }
    }
    lines.join("\n") + "\n"
}

/// What was planned for, and what became of the candidates.
fn searched(plan: &Plan) -> [String; 2] {
    let Demand {
        planned_requests_per_s: planned,
        mean_requests_per_s: mean,
        peak_over_mean: peak,
        growth_percent_per_month: growth,
        months,
        headroom,
        ..
    } = &plan.demand;
    let Counts { candidates, does_not_fit, miss_slo, pruned, simulated, simulations } = plan.counts;
    let headroom = headroom * 100.0;
    [
        format!(
            "planned for {planned:.3} requests/s: {mean:.3} today on average, x {peak:.2} at the peak, {growth:+} % a month \
             for {months} months, {headroom:.0} % headroom"
        ),
        format!(
            "{candidates} candidates: {does_not_fit} do not fit, {miss_slo} miss the slo, {pruned} cost too much; \
             {simulated} simulated in {simulations} simulations"
        ),
    ]
}

/// The winner in a few lines.
fn said(winner: &Winner) -> Vec<String> {
    let groups = winner.groups;
    let total = |of: fn(&Range<f64>) -> f64| winner.months.iter().map(|month| of(&month.usd)).sum::<f64>();
    let (low, base, high) = (total(|usd| usd.low), total(|usd| usd.base), total(|usd| usd.high));
    let mut lines = vec![
        format!(
            "winner: {}: {} groups, {} to {} within the model error and between seeds (analytic floor {}), and {} spare",
            winner.name, groups.base, groups.low, groups.high, winner.floor_groups, winner.spare_groups
        ),
        format!(
            "{} months on demand: ${base:.0}, ${low:.0} to ${high:.0}; ${:.2} a million tokens at forecast",
            winner.months.len(),
            winner.unit_cost.at_forecast
        ),
    ];
    let price =
        |price: &PriceOption| format!("{}: ${:.0} a month: {}", price.terms, price.usd_per_month, price.note);
    lines.extend(winner.prices.iter().map(price));
    let spare = winner.spare_groups;
    lines.extend(
        winner.spare_reason.iter().map(|reason| format!("{spare} spare: with {}, {reason}", spare - 1)),
    );
    lines.extend(winner.redundancy.iter().map(redundancy));
    lines
}

/// So many groups beyond the need, and what is left with a node down.
fn redundancy(level: &Redundancy) -> String {
    let Redundancy { spare_groups, groups, usd_per_month, groups_lost_with_a_node: lost, one_down, .. } =
        level;
    let down = match one_down {
        None => "nothing is left".to_owned(),
        Some(down) => format!(
            "TTFT p95 {} ms, TPOT p95 {} ms, slo {}",
            shown(down.ttft_p95_ms, 0),
            shown(down.tpot_p95_ms, 1),
            if down.slo_met { "met" } else { "missed" }
        ),
    };
    let s = if *lost == 1 { "" } else { "s" };
    format!(
        "N+{spare_groups}: {groups} groups, ${usd_per_month:.0} a month; with a node ({lost} group{s}) down at the peak: {down}"
    )
}

/// Every candidate, a row each.
///
/// # Errors
/// If memory takes no more, which cannot be.
pub fn plan_csv(plan: &Plan) -> io::Result<String> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    for row in rows(plan) {
        csv.write_record(row)?;
    }
    let bytes = csv.into_inner().map_err(csv::IntoInnerError::into_error)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

const KEYS: [&str; 27] = [
    "rank",
    "name",
    "verdict",
    "reason",
    "machine",
    "network",
    "model",
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "max_num_seqs",
    "max_num_batched_tokens",
    "nodes_per_group",
    "groups_per_node",
    "usd_per_node_hour",
    "floor_requests_per_s_per_group",
    "floor_groups",
    "floor_usd_per_month",
    "groups",
    "spare_groups",
    "nodes",
    "gpus",
    "usd_per_month",
    "ttft_p95_ms",
    "tpot_p95_ms",
    "output_tokens_per_s_per_gpu",
    "output_tokens_per_s_per_user",
    "usd_per_million_total_tokens_at_planned_rate",
];

/// Text of what may be absent.
fn maybe(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn rows(plan: &Plan) -> Vec<Vec<String>> {
    let mut rows = vec![KEYS.map(str::to_owned).to_vec()];
    for (index, candidate) in plan.candidates.iter().enumerate() {
        let (floor, figures) = (candidate.floor, candidate.figures);
        let ranked = candidate.verdict == Verdict::MeetsSlo;
        rows.push(vec![
            maybe(ranked.then_some(index + 1)),
            candidate.name.clone(),
            candidate.verdict.name().to_owned(),
            candidate.reason.clone().unwrap_or_default(),
            candidate.machine.clone(),
            candidate.network.clone(),
            candidate.model.clone(),
            candidate.tensor_parallel_size.to_string(),
            candidate.pipeline_parallel_size.to_string(),
            maybe(candidate.max_num_seqs),
            maybe(candidate.max_num_batched_tokens),
            candidate.nodes_per_group.to_string(),
            candidate.groups_per_node.to_string(),
            candidate.usd_per_node_hour.to_string(),
            maybe(floor.map(|floor| floor.requests_per_s_per_group)),
            maybe(floor.map(|floor| floor.groups)),
            maybe(floor.map(|floor| floor.usd_per_month)),
            maybe(figures.map(|figures| figures.groups)),
            maybe(figures.map(|figures| figures.spare_groups)),
            maybe(figures.map(|figures| figures.nodes)),
            maybe(figures.map(|figures| figures.gpus)),
            maybe(figures.map(|figures| figures.usd_per_month)),
            maybe(figures.and_then(|figures| figures.ttft_p95_ms)),
            maybe(figures.and_then(|figures| figures.tpot_p95_ms)),
            maybe(figures.map(|figures| figures.output_tokens_per_s_per_gpu)),
            maybe(figures.and_then(|figures| figures.output_tokens_per_s_per_user)),
            maybe(figures.and_then(|figures| figures.usd_per_million_total_tokens_at_planned_rate)),
        ]);
    }
    rows
}
