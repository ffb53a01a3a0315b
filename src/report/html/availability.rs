//! How long groups were ready, and what kept them from it.

use super::{Ran, ran};
use crate::report::page::{Column, Part, Section, Table, swatch, texts};
use crate::report::recorded::Recorded;
use crate::report::words::{DASH, count, figure, or_dash, percent, span};

pub(super) fn section(recorded: &Recorded) -> Option<Section> {
    let ran = ran(recorded);
    let eventful = ran.iter().any(|ran| {
        let availability = &ran.figures.availability;
        availability.capacity_fraction < 1.0
            || !availability.by_cause.is_empty()
            || ran.figures.rare_events.is_some()
    });
    if !eventful {
        return None;
    }
    let mut parts: Vec<Part> = vec![overall(&ran).into()];
    parts.extend(causes(&ran).map(Part::from));
    parts.extend(rare_events(&ran).map(Part::from));
    Some(Section {
        id: "availability",
        title: "Availability",
        lead: "A group counts as ready while requests sent to it are answered, whether or not anybody has noticed that it is not.".to_owned(),
        parts,
    })
}

fn overall(ran: &[Ran<'_>]) -> Table {
    let columns = vec![
        Column::words("placement"),
        Column::number("at least one group ready [%]"),
        Column::number("of the wanted groups ready [%]"),
        Column::number("without any group"),
        Column::number("group restarts"),
        Column::number("recovery, mean"),
        Column::number("backlog drain, mean"),
        Column::number("requests failed"),
        Column::number("retried"),
    ];
    let rows = ran.iter().map(|ran| {
        let (availability, requests) = (&ran.figures.availability, &ran.figures.traffic.requests);
        let mut row = vec![swatch(ran.index, ran.name())];
        row.extend(texts([
            percent(availability.fraction, availability.fraction_interval),
            percent(availability.capacity_fraction, None),
            span(availability.downtime_s),
            count(availability.group_restarts),
            or_dash(availability.mean_time_to_recover_s, span),
            or_dash(availability.backlog_drain.map(|drain| drain.mean_s), span),
            requests.failed.to_string(),
            requests.retried.to_string(),
        ]));
        row
    });
    Table {
        id: "availability-figures".to_owned(),
        caption: "Groups".to_owned(),
        columns,
        rows: rows.collect(),
    }
}

fn causes(ran: &[Ran<'_>]) -> Option<Table> {
    let mut rows = Vec::new();
    for ran in ran {
        for (cause, figures) in &ran.figures.availability.by_cause {
            let stages = figures.stages_s.iter().filter_map(|(name, s)| Some((name, s.as_f64()?)));
            let longest = stages.max_by(|(_, one), (_, other)| one.total_cmp(other));
            let longest = longest.map_or_else(
                || DASH.to_owned(),
                |(name, s)| format!("{} ({})", name.replace('_', " "), span(s)),
            );
            let mut row = vec![swatch(ran.index, ran.name())];
            row.extend(texts([
                cause.replace('_', " "),
                count(figures.faults),
                count(figures.recoveries),
                span(figures.downtime_s),
                or_dash(figures.time_to_recover.map(|time| time.mean_s), span),
                or_dash(figures.time_to_recover.map(|time| time.max_s), span),
                longest,
            ]));
            rows.push(row);
        }
    }
    let columns = vec![
        Column::words("placement"),
        Column::words("cause"),
        Column::number("faults"),
        Column::number("recoveries"),
        Column::number("without any group"),
        Column::number("recovery, mean"),
        Column::number("longest"),
        Column::words("longest stage of a recovery"),
    ];
    let table = Table { id: "causes".to_owned(), caption: "By cause".to_owned(), columns, rows };
    (!table.rows.is_empty()).then_some(table)
}

fn rare_events(ran: &[Ran<'_>]) -> Option<Table> {
    let rows = ran.iter().filter_map(|ran| {
        let rare = ran.figures.rare_events.as_ref()?;
        let mut row = vec![swatch(ran.index, ran.name())];
        row.extend(texts([
            figure(rare.failures_per_year),
            figure(rare.per_failure.requests_lost),
            figure(rare.per_failure.tokens_lost),
            figure(rare.requests_lost_per_year),
            percent(rare.availability, rare.availability_interval),
            rare.hours_cut_short.to_string(),
        ]));
        Some(row)
    });
    let rows: Vec<_> = rows.collect();
    let columns = vec![
        Column::words("placement"),
        Column::number("failures a year"),
        Column::number("requests lost by one"),
        Column::number("answer tokens lost by one"),
        Column::number("requests lost a year"),
        Column::number("at least one group ready [%]"),
        Column::number("hours cut short"),
    ];
    let table = Table {
        id: "rare-events".to_owned(),
        caption: "Failures too rare to meet in this run".to_owned(),
        columns,
        rows,
    };
    (!table.rows.is_empty()).then_some(table)
}
