//! Prices of the winner's nodes on all terms, and commitments against its load-duration curve.

use super::{
    HOURS_PER_MONTH,
    candidates::{Spec, price, region},
    fleet::Ground,
};
use crate::hardware::{Commitment, HourlyPrice, Provisioning};
use crate::report::plan::{BreakEven, Commitments, DemandSwing, LoadHours, Money, Month, PriceOption};

/// Factors on the demand for which the regret of a commitment is worked out.
const SWINGS: [f64; 3] = [0.7, 1.0, 1.3];

/// Terms on which nodes can be bought: name, provisioning, commitment, months it binds, and what comes with it.
const TERMS: [(&str, Provisioning, Option<Commitment>, u32, &str); 5] = [
    ("on-demand", Provisioning::Standard, None, 0, "can be given back at any time"),
    (
        "commitment-1y",
        Provisioning::Standard,
        Some(Commitment::OneYear),
        12,
        "paid for twelve months, used or not",
    ),
    (
        "commitment-3y",
        Provisioning::Standard,
        Some(Commitment::ThreeYears),
        36,
        "paid for 36 months, used or not",
    ),
    ("spot", Provisioning::Spot, None, 0, "may be taken away at any time; no availability can be promised"),
    (
        "flex-start",
        Provisioning::FlexStart,
        None,
        0,
        "every node ends after 7 days, and a new one waits for capacity: plan a restart of each group a week",
    ),
];

/// The fleet of the last month and what its hours are like.
pub(super) struct Fleet<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) spec: &'a Spec,
    /// Groups that the slo needs at the peak.
    pub(super) groups: u32,
    pub(super) spare_groups: u32,
    /// Load of every hour of a week over that of the busiest.
    pub(super) load: &'a [f64],
}

impl Fleet<'_> {
    fn price(&self, provisioning: Provisioning, commitment: Option<Commitment>) -> Option<HourlyPrice> {
        let terms = (provisioning, commitment);
        price(self.ground.catalog, self.ground.args, &self.spec.candidate.machine, terms).ok()
    }

    /// The same nodes on all terms that the catalogue has a price for.
    pub(super) fn options(&self, months: &[Month]) -> Vec<PriceOption> {
        let nodes = |month: &Month| f64::from(self.spec.nodes(month.groups.base));
        let most = months.iter().map(nodes).fold(0.0, f64::max);
        let last = months.last().map_or(0.0, nodes);
        let of = |(terms, provisioning, commitment, binds, note): (&str, _, _, u32, &str)| {
            let price = self.price(provisioning, commitment)?;
            let month = price.usd_per_hour * HOURS_PER_MONTH;
            let bound = f64::from(binds.max(months.len() as u32));
            let usd_over_horizon =
                if binds > 0 { most * month * bound } else { months.iter().map(nodes).sum::<f64>() * month };
            let note = if binds > months.len() as u32 {
                format!("{note}: the figure for the horizon is that of the whole commitment")
            } else {
                note.to_owned()
            };
            Some(PriceOption {
                terms: terms.to_owned(),
                usd_per_node_hour: price.usd_per_hour,
                usd_per_month: last * month,
                usd_over_horizon,
                note,
                region: region(self.ground.args).to_owned(),
                date: price.date,
                source: price.source,
                recalled: price.recalled,
            })
        };
        TERMS.into_iter().filter_map(of).collect()
    }

    /// Nodes of each hour of a week at a factor on the demand: those that serve, without and with the spare ones. Groups follow
    /// the load in proportion.
    fn nodes_by_hour(&self, demand: f64) -> Vec<(u32, u32)> {
        let groups = |load: &f64| (f64::from(self.groups) * load * demand).ceil().max(1.0) as u32;
        let nodes = |groups| (self.spec.nodes(groups), self.spec.nodes(groups + self.spare_groups));
        self.load.iter().map(groups).map(nodes).collect()
    }

    /// What a month costs with so many nodes committed and the rest on demand, hour by hour.
    fn month(&self, committed: u32, demand: f64, prices: (f64, f64)) -> Money {
        let by_hour = self.nodes_by_hour(demand);
        let (committed_price, on_demand) = prices;
        let mut money = Money::default();
        for (needed, with_spare) in &by_hour {
            let hours = HOURS_PER_MONTH / by_hour.len() as f64;
            let spare = with_spare - needed;
            let spare_committed = spare.min(committed.saturating_sub(*needed));
            money.committed += f64::from(*needed.min(&committed)) * committed_price * hours;
            money.on_demand += f64::from(needed.saturating_sub(committed)) * on_demand * hours;
            money.idle += f64::from(committed.saturating_sub(*with_spare)) * committed_price * hours;
            money.spare += (f64::from(spare_committed) * committed_price
                + f64::from(spare - spare_committed) * on_demand)
                * hours;
        }
        money
    }

    fn cheapest(&self, demand: f64, prices: (f64, f64)) -> (u32, f64) {
        let most = self.nodes_by_hour(demand).into_iter().map(|(_, nodes)| nodes).max().unwrap_or(0);
        let costs = (0..=most).map(|nodes| (nodes, total(&self.month(nodes, demand, prices))));
        costs.reduce(|best, next| if next.1 < best.1 { next } else { best }).unwrap_or((0, 0.0))
    }

    /// The best commitment of each length that has a price, and how the money splits with the cheapest of them.
    pub(super) fn commitments(&self) -> (Vec<Commitments>, Money) {
        let Some(on_demand) = self.price(Provisioning::Standard, None) else {
            return (Vec::new(), Money::default());
        };
        let mut found = Vec::new();
        let mut split = (self.month(0, 1.0, (0.0, on_demand.usd_per_hour)), f64::INFINITY);
        for (terms, provisioning, commitment, ..) in TERMS.into_iter().filter(|(.., binds, _)| *binds > 0) {
            let Some(price) = self.price(provisioning, commitment) else { continue };
            let prices = (price.usd_per_hour, on_demand.usd_per_hour);
            let (committed_nodes, usd_per_month) = self.cheapest(1.0, prices);
            let regret = SWINGS.map(|demand| {
                let cost = total(&self.month(committed_nodes, demand, prices));
                let (best_committed_nodes, best) = self.cheapest(demand, prices);
                DemandSwing {
                    demand,
                    usd_per_month: cost,
                    best_committed_nodes,
                    regret_usd_per_month: cost - best,
                }
            });
            if usd_per_month < split.1 {
                split = (self.month(committed_nodes, 1.0, prices), usd_per_month);
            }
            let load_duration = self.load_duration();
            let (terms, regret) = (terms.to_owned(), regret.to_vec());
            found.push(Commitments { load_duration, terms, committed_nodes, usd_per_month, regret });
        }
        (found, split.0)
    }

    /// Hours of a month by the nodes they need, spare ones included, most first.
    fn load_duration(&self) -> Vec<LoadHours> {
        let mut by_hour: Vec<u32> = self.nodes_by_hour(1.0).into_iter().map(|(_, nodes)| nodes).collect();
        by_hour.sort_unstable_by(|a, b| b.cmp(a));
        let hour = HOURS_PER_MONTH / by_hour.len() as f64;
        let equal = by_hour.chunk_by(|a, b| a == b);
        equal.map(|hours| LoadHours { nodes: hours[0], hours: hours.len() as f64 * hour }).collect()
    }

    /// From how many hours a month on a node is cheaper under a commitment.
    pub(super) fn break_even(&self) -> Vec<BreakEven> {
        let Some(on_demand) = self.price(Provisioning::Standard, None) else { return Vec::new() };
        let of = |(terms, provisioning, commitment, binds, _): (&str, _, _, u32, &str)| {
            let price = self.price(provisioning, commitment).filter(|_| binds > 0)?;
            let hours_per_month = price.usd_per_hour / on_demand.usd_per_hour * HOURS_PER_MONTH;
            Some(BreakEven { terms: terms.to_owned(), hours_per_month })
        };
        TERMS.into_iter().filter_map(of).collect()
    }
}

fn total(money: &Money) -> f64 {
    money.committed + money.on_demand + money.idle + money.spare
}
