//! What became of the groups, where anything did: a row a placement.

use comfy_table::{CellAlignment, Table};

use super::{STYLE, shown};
use crate::metrics::RareEvents;
use crate::report::words::{percent, span};
use crate::report::{PlacementSummary, Summary};

const COLUMNS: [&str; 9] = [
    "placement",
    "ready\n%",
    "capacity\n%",
    "down\n",
    "group\nrestarts",
    "recovery\nmean / max",
    "most downtime\ndue to",
    "node h\npaid",
    "$\n",
];

/// Position of the one text among the numbers.
const CAUSE: usize = 6;

/// The table, if anything happened to a group.
pub(super) fn table(summary: &Summary) -> Option<String> {
    let eventful = |placement: &PlacementSummary| {
        placement.figures.as_ref().is_some_and(|figures| {
            let availability = &figures.availability;
            availability.fraction < 1.0
                || availability.capacity_fraction < 1.0
                || availability.group_restarts > 0.0
                || availability.fraction_interval.is_some()
        })
    };
    if !summary.placements.iter().any(eventful) {
        return None;
    }
    let mut table = Table::new();
    table.load_style(STYLE).set_header(COLUMNS);
    for placement in &summary.placements {
        table.add_row(cells(placement));
    }
    for (index, column) in table.column_iter_mut().enumerate().skip(1) {
        let left = index == CAUSE;
        column.set_cell_alignment(if left { CellAlignment::Left } else { CellAlignment::Right });
    }
    Some(table.trim_fmt())
}

fn cells(placement: &PlacementSummary) -> Vec<String> {
    let mut cells = vec![placement.name.clone()];
    let Some(figures) = &placement.figures else {
        cells.extend(std::iter::repeat_n("-".to_owned(), COLUMNS.len() - 1));
        return cells;
    };
    let availability = &figures.availability;
    let worst = availability.by_cause.iter().filter(|(_, figures)| figures.downtime_s > 0.0);
    let worst = worst.max_by(|(_, a), (_, b)| a.downtime_s.total_cmp(&b.downtime_s));
    let slowest =
        availability.by_cause.values().filter_map(|figures| figures.time_to_recover).map(|time| time.max_s);
    let recovery = availability.mean_time_to_recover_s.zip(slowest.reduce(f64::max));
    let hours = &figures.cost.hours;
    let paid = hours.serving + hours.idle + hours.starting + hours.down + hours.spare;
    cells.extend([
        percent(availability.fraction, availability.fraction_interval),
        percent(availability.capacity_fraction, None),
        span(availability.downtime_s),
        shown(Some(availability.group_restarts), usize::from(availability.group_restarts.fract() != 0.0)),
        recovery.map_or_else(|| "-".to_owned(), |(mean, max)| format!("{} / {}", span(mean), span(max))),
        worst.map_or_else(|| "-".to_owned(), |(cause, _)| cause.clone()),
        format!("{paid:.1}"),
        format!("{:.0}", figures.cost.usd_total),
    ]);
    cells
}

/// How often failures come and what one costs, in a sentence.
pub(super) fn rare_events(rare: &RareEvents) -> String {
    let half = rare.requests_lost_interval.map(|[low, high]| format!(" ± {:.1}", (high - low) / 2.0));
    let cut_short = match rare.hours_cut_short {
        0 => String::new(),
        hours => format!(" (at least: {hours} of {} were not over when the traffic was)", rare.by_hour.len()),
    };
    format!(
        "{:.1} failures a year; one loses {:.1}{} requests and {:.0} tokens of answers{cut_short}, so a year {:.0} requests; at \
         least one group is ready {} % of {} years",
        rare.failures_per_year,
        rare.per_failure.requests_lost,
        half.unwrap_or_default(),
        rare.per_failure.tokens_lost,
        rare.requests_lost_per_year,
        percent(rare.availability, rare.availability_interval),
        rare.years,
    )
}
