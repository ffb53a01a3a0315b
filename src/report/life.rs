//! What became of the groups of a placement, read out of its events: when each was ready, what happened to it.

use std::collections::BTreeMap;

use super::recorded::EventLine;

/// Where a group stood, as Kubernetes sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its pods are ready.
    Ready,
    /// Its leader is on a node, on its way to ready.
    Starting,
    /// It is wanted, and neither.
    Down,
}

/// A group stood so for a while [s].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) state: State,
}

/// What happened at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moment {
    /// Something broke.
    Failure,
    /// A host went down for maintenance.
    Maintenance,
    /// More or fewer groups were asked for.
    Scaling,
}

/// One group, by its name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GroupLife {
    pub(super) name: String,
    pub(super) spans: Vec<Span>,
}

/// A placement from its start to its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Life {
    /// Its groups, in the order of their names.
    pub(super) groups: Vec<GroupLife>,
    /// What happened and when [s].
    pub(super) moments: Vec<(f64, Moment)>,
    /// Rollouts and upgrades: when they began and ended [s].
    pub(super) changes: Vec<(f64, f64)>,
}

/// A group on its way through the events.
#[derive(Default)]
struct Walk {
    since: f64,
    state: Option<State>,
    spans: Vec<Span>,
}

impl Walk {
    /// It stood as it did until now.
    fn to(&mut self, now: f64) {
        if now > self.since {
            self.spans.extend(self.state.map(|state| Span { from: self.since, to: now, state }));
        }
        self.since = now;
    }
}

impl Life {
    /// Of a placement with these deployments, whose run ended at `end_s`.
    pub(super) fn of(events: &[EventLine], deployments: &[&str], end_s: f64) -> Self {
        let mut life = Self::default();
        let mut groups: BTreeMap<(usize, u32), Walk> = BTreeMap::new();
        let mut open: BTreeMap<&str, f64> = BTreeMap::new();
        for event in events {
            if let Some(moment) = moment(event) {
                life.moments.push((event.t_s, moment));
            }
            match change(event) {
                Some(true) => _ = open.entry(&event.object).or_insert(event.t_s),
                Some(false) => {
                    let from = open.remove(event.object.as_str());
                    life.changes.extend(from.map(|from| (from, event.t_s)));
                }
                None => (),
            }
            let Some(place) = group(&event.object, deployments) else { continue };
            let walk = groups.entry(place).or_default();
            let next = next(&event.kind, walk.state);
            if next != walk.state {
                walk.to(event.t_s);
                walk.state = next;
            }
        }
        life.changes.extend(open.into_values().map(|from| (from, end_s)));
        life.groups = groups
            .into_iter()
            .map(|((deployment, index), mut walk)| {
                walk.to(end_s);
                GroupLife { name: format!("{}-{index}", deployments[deployment]), spans: walk.spans }
            })
            .filter(|group| !group.spans.is_empty())
            .collect();
        life
    }
}

/// Deployment and index of the group that goes by this name, which is that of its leader too.
fn group(object: &str, deployments: &[&str]) -> Option<(usize, u32)> {
    let named = |(place, deployment): (usize, &&str)| {
        let index = object.strip_prefix(deployment)?.strip_prefix('-')?.parse().ok()?;
        Some((place, index))
    };
    deployments.iter().enumerate().find_map(named)
}

/// Where a group stands after a change of it or of its leader.
fn next(kind: &str, state: Option<State>) -> Option<State> {
    match (kind, state) {
        ("group_ready", _) => Some(State::Ready),
        // A group whose leader is gone already is not wanted, unless another leader comes.
        ("group_unready", Some(_)) | ("pod_created", None) => Some(State::Down),
        ("pod_scheduled", Some(State::Down) | None) => Some(State::Starting),
        ("pod_deleted", _) => None,
        (_, state) => state,
    }
}

fn moment(event: &EventLine) -> Option<Moment> {
    match (event.kind.as_str(), event.cause.as_deref()) {
        ("fault", Some("maintenance")) => Some(Moment::Maintenance),
        ("fault" | "node_expired", _) => Some(Moment::Failure),
        ("hpa_scaled" | "lws_scaled", _) => Some(Moment::Scaling),
        _ => None,
    }
}

/// Whether a rollout or an upgrade begins or ends.
fn change(event: &EventLine) -> Option<bool> {
    match (event.kind.as_str(), event.condition.as_deref()) {
        ("upgrade_started", _) => Some(true),
        ("upgrade_finished", _) => Some(false),
        ("lws_condition", Some("UpdateInProgress")) => event.status.as_deref().map(|status| status == "True"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(t_s: f64, kind: &str, object: &str) -> EventLine {
        EventLine { t_s, kind: kind.to_owned(), object: object.to_owned(), ..EventLine::default() }
    }

    #[test]
    fn a_group_fails_comes_back_and_is_scaled_away() {
        let fault = EventLine { cause: Some("node".to_owned()), ..event(10.0, "fault", "a3-1") };
        let events = [
            event(0.0, "group_ready", "llama-0"),
            fault,
            event(12.0, "group_unready", "llama-0"),
            event(15.0, "pod_deleted", "llama-0-1"),
            event(15.0, "pod_deleted", "llama-0"),
            event(15.0, "pod_created", "llama-0"),
            event(20.0, "pod_scheduled", "llama-0"),
            event(30.0, "group_ready", "llama-0"),
            event(40.0, "lws_scaled", "llama"),
            event(41.0, "group_unready", "llama-0"),
            event(42.0, "pod_deleted", "llama-0"),
        ];
        let life = Life::of(&events, &["llama"], 50.0);
        let spans = [
            (0.0, 12.0, State::Ready),
            (12.0, 15.0, State::Down),
            (15.0, 20.0, State::Down),
            (20.0, 30.0, State::Starting),
            (30.0, 41.0, State::Ready),
            (41.0, 42.0, State::Down),
        ];
        assert_eq!(life.groups[0].spans, spans.map(|(from, to, state)| Span { from, to, state }));
        assert_eq!(life.moments, [(10.0, Moment::Failure), (40.0, Moment::Scaling)]);
    }

    #[test]
    fn a_group_on_top_of_a_rollout_is_gone_with_its_leader() {
        let events = [
            event(0.0, "pod_scheduled", "llama-4"),
            event(9.0, "group_ready", "llama-4"),
            event(20.0, "pod_deleted", "llama-4"),
            event(20.0, "group_unready", "llama-4"),
        ];
        let life = Life::of(&events, &["llama"], 50.0);
        let spans = [(0.0, 9.0, State::Starting), (9.0, 20.0, State::Ready)];
        assert_eq!(life.groups[0].spans, spans.map(|(from, to, state)| Span { from, to, state }));
    }

    #[test]
    fn a_rollout_lasts_from_condition_to_condition() {
        let condition = |t_s, status: &str| EventLine {
            condition: Some("UpdateInProgress".to_owned()),
            status: Some(status.to_owned()),
            ..event(t_s, "lws_condition", "llama")
        };
        let events = [condition(5.0, "True"), condition(9.0, "False"), condition(20.0, "True")];
        assert_eq!(Life::of(&events, &["llama"], 30.0).changes, [(5.0, 9.0), (20.0, 30.0)]);
    }
}
