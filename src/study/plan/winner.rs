//! The winner, looked at from all sides.

use super::{
    HOURS_PER_MONTH,
    candidates::Spec,
    demand,
    facts::facts,
    fleet::{Ground, NoRun},
    incident::incident,
    knee::knee,
    money::Fleet,
    needs::Needs,
    redundancy::{redundancy, too_seldom},
    uptime::Uptime,
};
use crate::random::derived;
use crate::report::plan::{Demand, ManagedApi, Month, Range, Swing, UnitCosts, Winner};
use crate::report::{Summary, SummaryHead};
use crate::study::{RunOptions, run};

/// Other seeds under which the number of groups is worked out.
const SEEDS: u32 = 2;
/// How far demand, answers and prices are varied either way.
const DEMAND_SWING: f64 = 0.3;
const OUTPUT_SWING: f64 = 0.2;
const PRICE_SWING: f64 = 0.2;
/// Factors on the failure rate.
const FAILURE_SWING: [f64; 2] = [0.5, 2.0];

/// What the analysis of a winner rests on.
pub(super) struct Case<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) spec: &'a Spec,
    pub(super) demand: &'a Demand,
    /// Load of every hour of a week over that of the busiest.
    pub(super) load: &'a [f64],
}

impl Case<'_> {
    fn planned(&self) -> f64 {
        self.demand.planned_requests_per_s
    }

    /// Looks at the winner from all sides; its scenario is `text`.
    pub(super) fn winner(&self, text: &str) -> Result<Winner, NoRun> {
        let figures = self.spec.candidate.figures.expect("a winner was simulated");
        let (groups, spare_groups) = (figures.groups, figures.spare_groups);
        let resolved = self.ground.resolved(self.spec, groups + spare_groups)?;
        let placement = &resolved.placements[0];
        let error = placement.model_error.throughput.min(0.9);
        let (incident, uptime) = if self.ground.fails() {
            let (incident, uptime) = incident(self.ground, self.spec, groups)?;
            (Some(incident), Some(uptime))
        } else {
            (None, None)
        };
        let mut needs = Needs::new(self.ground, self.spec, self.planned());
        let range = self.range(&mut needs, groups, error)?;
        let months = self.months(&mut needs, error, uptime)?;
        let (knee, at_capacity) = knee(self.ground, self.spec, self.planned())?;
        let fleet = Fleet { ground: self.ground, spec: self.spec, groups, spare_groups, load: self.load };
        let (commitments, money) = fleet.commitments();
        let tokens = self.million_tokens_per_month();
        let bill = self.spec.usd_per_month(groups + spare_groups);
        let api = self.ground.args.managed_api_usd_per_million_tokens;
        Ok(Winner {
            name: self.spec.candidate.name.clone(),
            groups: range,
            spare_groups,
            spare_reason: uptime.and_then(|uptime| self.spare_reason((groups, spare_groups), uptime)),
            floor_groups: self.spec.candidate.floor.map_or(0, |floor| floor.groups),
            summary: self.summary(text)?,
            redundancy: redundancy(self.ground, self.spec, (groups, spare_groups), uptime)?,
            knee,
            prices: fleet.options(&months),
            months,
            commitments,
            money,
            unit_cost: UnitCosts { at_capacity, at_forecast: bill / tokens },
            break_even: fleet.break_even(),
            managed_api: ManagedApi {
                million_tokens_per_month: tokens,
                break_even_usd_per_million_tokens: bill / tokens,
                usd_per_million_tokens: api,
                usd_per_month: api.map(|price| price * tokens),
            },
            tornado: self.tornado(&mut needs, error, uptime)?,
            incident,
            facts: facts(self.ground, self.spec, placement),
        })
    }

    /// Why there are as many spare groups as there are.
    fn spare_reason(&self, (groups, spare): (u32, u32), uptime: Uptime) -> Option<String> {
        too_seldom(self.ground, self.spec, (groups, spare.checked_sub(1)?), uptime)
    }

    /// Prompts and answers of the last month, without headroom.
    fn million_tokens_per_month(&self) -> f64 {
        let growth = demand::growth(self.ground.args, self.demand.months);
        let requests = self.demand.mean_requests_per_s * growth * HOURS_PER_MONTH * 3600.0;
        requests * (self.demand.input_tokens + self.demand.output_tokens) / 1e6
    }

    /// The placement in the summary of a run of the emitted scenario.
    fn summary(&self, text: &str) -> Result<serde_json::Value, NoRun> {
        let resolved = self.ground.resolve_text(text)?;
        let options = RunOptions::default();
        let result = run(&resolved, &options, self.ground.monitor);
        if result.interrupted {
            return Err(NoRun::Interrupted);
        }
        let summary = Summary::new(&SummaryHead::of(&resolved), &result.placements);
        let placement = summary.placements.into_iter().next().expect("the scenario has a placement");
        Ok(serde_json::to_value(placement).expect("a summary is JSON"))
    }

    /// Groups within the model error and between seeds.
    fn range(&self, needs: &mut Needs<'_>, base: u32, error: f64) -> Result<Range<u32>, NoRun> {
        let mut all = vec![base];
        all.extend(needs.at(1.0 / (1.0 + error))?);
        all.extend(needs.at(1.0 / (1.0 - error))?);
        for replication in 1..=SEEDS {
            let ground = self.ground.with_seed(derived(self.ground.seed(), "plan", replication));
            all.extend(Needs::new(&ground, self.spec, self.planned()).at(1.0)?);
        }
        let (low, high) =
            all.iter().fold((base, base), |(low, high), groups| (low.min(*groups), high.max(*groups)));
        Ok(Range { low, base, high })
    }

    /// Groups and money of every month.
    fn months(&self, needs: &mut Needs<'_>, error: f64, uptime: Option<Uptime>) -> Result<Vec<Month>, NoRun> {
        let args = self.ground.args;
        let busiest = demand::most_growth(args);
        let mut with_spare = |factor: f64| -> Result<u32, NoRun> {
            // The band of the model error may be out of reach: the most there is stands for it.
            let groups = needs.at(factor)?.unwrap_or(self.ground.most_groups());
            Ok(groups + self.ground.spare_groups(self.spec, groups, uptime).0)
        };
        let mut months = Vec::new();
        // The ends first: what lies between two equal answers is not simulated.
        let mut order: Vec<u32> = (1..=self.demand.months).collect();
        order.sort_by_key(|month| (*month != 1 && *month != self.demand.months, *month));
        for month in order {
            let factor = demand::growth(args, month) / busiest;
            let groups = Range {
                low: with_spare(factor / (1.0 + error))?,
                base: with_spare(factor)?,
                high: with_spare(factor / (1.0 - error))?,
            };
            let usd = Range {
                low: self.spec.usd_per_month(groups.low),
                base: self.spec.usd_per_month(groups.base),
                high: self.spec.usd_per_month(groups.high),
            };
            months.push(Month { month, requests_per_s: self.planned() * factor, groups, usd });
        }
        months.sort_by_key(|month| month.month);
        Ok(months)
    }

    /// What moves the bill of the last month, most first.
    fn tornado(
        &self,
        needs: &mut Needs<'_>,
        error: f64,
        uptime: Option<Uptime>,
    ) -> Result<Vec<Swing>, NoRun> {
        let spare = |groups, uptime| self.ground.spare_groups(self.spec, groups, uptime).0;
        let with_spare = |groups: Option<u32>| groups.map(|groups| groups + spare(groups, uptime));
        let bill = |groups: Option<u32>| groups.map(|groups| self.spec.usd_per_month(groups));
        let swing = |what: &str, labels: [String; 2], groups: [Option<u32>; 2]| Swing {
            what: what.to_owned(),
            usd_low: bill(groups[0]),
            usd_high: bill(groups[1]),
            groups_low: groups[0],
            groups_high: groups[1],
            low: labels[0].clone(),
            high: labels[1].clone(),
        };
        let percent = |part: f64| [format!("-{:.0} %", part * 100.0), format!("+{:.0} %", part * 100.0)];
        let mut swings = Vec::new();
        let answers = [1.0 - OUTPUT_SWING, 1.0 + OUTPUT_SWING].map(|factor| {
            let ground = self.ground.with_output_scaled(factor);
            // Shorter answers than planned need no fewer groups than none at all: the floor of the winner does not hold.
            Needs::without_floor(&ground, self.spec).at(1.0)
        });
        let [shorter, longer] = answers;
        swings.push(swing(
            "output length",
            percent(OUTPUT_SWING),
            [with_spare(shorter?), with_spare(longer?)],
        ));
        let demands = [needs.at(1.0 - DEMAND_SWING)?, needs.at(1.0 + DEMAND_SWING)?];
        swings.push(swing("demand", percent(DEMAND_SWING), demands.map(with_spare)));
        let errors = [needs.at(1.0 / (1.0 + error))?, needs.at(1.0 / (1.0 - error))?];
        let labels = percent(error);
        swings.push(swing(
            "model error of the throughput",
            [labels[1].clone(), labels[0].clone()],
            errors.map(with_spare),
        ));
        let now = with_spare(needs.at(1.0)?);
        let mut price = swing("price", percent(PRICE_SWING), [now, now]);
        price.usd_low = price.usd_low.map(|usd| usd * (1.0 - PRICE_SWING));
        price.usd_high = price.usd_high.map(|usd| usd * (1.0 + PRICE_SWING));
        swings.push(price);
        if let (Some(uptime), Some(groups)) = (uptime, needs.at(1.0)?) {
            let groups =
                FAILURE_SWING.map(|factor| Some(groups + spare(groups, Some(uptime.with_losses(factor)))));
            let labels = FAILURE_SWING.map(|factor| format!("x {factor}"));
            swings.push(swing("failure rate", labels, groups));
        }
        let width = |swing: &Swing| match (swing.usd_low, swing.usd_high) {
            (Some(low), Some(high)) => high - low,
            _ => f64::INFINITY,
        };
        swings.sort_by(|a, b| width(b).total_cmp(&width(a)));
        Ok(swings)
    }
}
