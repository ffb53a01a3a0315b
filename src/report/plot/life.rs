//! The life of a placement: its groups over time, what happened to them, and what that did to queue and cache.

use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::bars::axis;
use super::canvas::{Area, Drawn, WIDTH, cut_before, figure, fill, stroke, text, words, write};
use super::{Caption, Clock, Figure, Scale};
use crate::report::life::{Life, Moment, State};
use crate::report::palette::{self, ALARM, GRID, INK, MUTED};

/// Room for names and numbers left of everything [units].
const LEFT: i32 = 150;
/// Room right of everything, for the last number [units].
const RIGHT: i32 = 24;
/// Height of the lane of what happened [units].
const LANE: i32 = 40;
/// From one group to the next [units].
const GROUP: i32 = 34;
/// Height of a group's bar [units].
const BAR: i32 = 22;
/// Groups that are shown.
const GROUPS: usize = 12;
/// Height of a track, and of its name above it [units].
const TRACK: i32 = 120;
const NAME: i32 = 44;
/// Room for the axis [units].
const AXIS: i32 = 88;
/// From one row of the legend to the next [units].
const LEGEND: i32 = 38;
/// Signs in a row of the legend.
const COLUMNS: usize = 4;
/// Something too short to be seen is drawn this wide [units].
const LEAST: i32 = 3;

/// A quantity over time, its largest values.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Track {
    /// From 0; its label is the name of the track.
    pub(in crate::report) scale: Scale,
    /// Time [s] and value.
    pub(in crate::report) points: Vec<(f64, f64)>,
}

/// All that happened to one placement, on one time axis.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct LifeFigure<'a> {
    /// Which placement: its colour.
    pub(in crate::report) index: usize,
    /// The time axis.
    pub(in crate::report) clock: Clock,
    /// Its groups.
    pub(in crate::report) life: &'a Life,
    /// What was sampled.
    pub(in crate::report) tracks: Vec<Track>,
}

/// What a sample in the legend stands for.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    Stands(State),
    Happened(Moment),
    Change,
}

impl LifeFigure<'_> {
    /// Draws it.
    ///
    /// # Errors
    /// If the library cannot, in its words.
    pub(in crate::report) fn figure(&self, caption: Caption) -> Result<Figure, String> {
        let signs = self.signs();
        let legend = signs.len().div_ceil(COLUMNS) as i32 * LEGEND + 8;
        let lane = if self.life.moments.is_empty() { 0 } else { LANE };
        let shown = self.life.groups.len().min(GROUPS) as i32;
        let rest = if self.life.groups.len() > GROUPS { GROUP } else { 0 };
        let groups = legend + lane;
        let tracks = groups + shown * GROUP + rest + 6;
        let bottom = tracks + self.tracks.len() as i32 * (NAME + TRACK);
        figure(caption, bottom + AXIS, |root| {
            self.legend(root, &signs)?;
            self.changes(root, (legend, groups + shown * GROUP))?;
            let time = self.clock.scale();
            let plot =
                root.clone().shrink((LEFT, 0), ((WIDTH - LEFT - RIGHT) as u32, (bottom + AXIS) as u32));
            axis(&plot, &time, (bottom, bottom + 8), WIDTH - LEFT - RIGHT)?;
            self.moments(root, legend + lane / 2)?;
            self.groups(root, groups)?;
            for (index, track) in self.tracks.iter().enumerate() {
                self.track(root, track, tracks + index as i32 * (NAME + TRACK) + NAME)?;
            }
            Ok(())
        })
    }

    fn x(&self, seconds: f64) -> i32 {
        let part = self.clock.scale().part(self.clock.at(seconds));
        LEFT + (part * f64::from(WIDTH - LEFT - RIGHT)).round() as i32
    }

    /// The signs that occur, each with its name.
    fn signs(&self) -> Vec<(Sign, &'static str)> {
        let mut signs = vec![
            (Sign::Stands(State::Ready), "ready"),
            (Sign::Stands(State::Starting), "starting"),
            (Sign::Stands(State::Down), "not ready"),
            (Sign::Happened(Moment::Failure), "failure"),
            (Sign::Happened(Moment::Maintenance), "maintenance"),
            (Sign::Happened(Moment::Scaling), "scaling"),
            (Sign::Change, "rollout"),
        ];
        signs.retain(|(sign, _)| match sign {
            Sign::Stands(state) => {
                self.life.groups.iter().flat_map(|group| &group.spans).any(|s| s.state == *state)
            }
            Sign::Happened(moment) => self.life.moments.iter().any(|(_, m)| m == moment),
            Sign::Change => !self.life.changes.is_empty(),
        });
        signs
    }

    fn legend(&self, area: &Area<'_>, signs: &[(Sign, &str)]) -> Drawn {
        for (place, (sign, name)) in signs.iter().enumerate() {
            let (column, row) = ((place % COLUMNS) as i32, (place / COLUMNS) as i32);
            let (x, y) = (column * WIDTH / COLUMNS as i32 + 18, row * LEGEND + LEGEND / 2);
            let corners = [(x - 16, y - BAR / 2), (x + 16, y + BAR / 2)];
            match sign {
                Sign::Stands(state) => self.bar(area, corners, *state)?,
                Sign::Happened(moment) => sign_of(area, *moment, (x, y))?,
                Sign::Change => fill(area, corners, GRID)?,
            }
            write(area, *name, (x + 28, y), &text(INK, HPos::Left, VPos::Center))?;
        }
        Ok(())
    }

    /// A group's bar while it stands so.
    fn bar(&self, area: &Area<'_>, corners: [(i32, i32); 2], state: State) -> Drawn {
        let colour = palette::colour(self.index);
        let style = match state {
            State::Ready => colour.filled(),
            State::Starting => colour.mix(0.35).filled(),
            State::Down => MUTED.mix(0.3).filled(),
        };
        area.draw(&Rectangle::new(corners, style)).map_err(words)
    }

    fn changes(&self, area: &Area<'_>, (top, bottom): (i32, i32)) -> Drawn {
        for (from, to) in &self.life.changes {
            let (from, to) = (self.x(*from), self.x(*to));
            fill(area, [(from, top), (to.max(from + LEAST), bottom)], GRID)?;
        }
        Ok(())
    }

    fn moments(&self, area: &Area<'_>, y: i32) -> Drawn {
        let mut last = None;
        for (at, moment) in &self.life.moments {
            let sign = (self.x(*at), *moment);
            // Two that fall on one place are seen as one.
            if last != Some(sign) {
                sign_of(area, *moment, (sign.0, y))?;
            }
            last = Some(sign);
        }
        Ok(())
    }

    fn groups(&self, area: &Area<'_>, top: i32) -> Drawn {
        let name = text(INK, HPos::Right, VPos::Center);
        for (row, group) in self.life.groups.iter().take(GROUPS).enumerate() {
            let y = top + row as i32 * GROUP + GROUP / 2;
            write(area, cut_before(&group.name, LEFT - 16), (LEFT - 12, y), &name)?;
            let mut drawn = i32::MIN;
            for span in &group.spans {
                let (from, to) = (self.x(span.from), self.x(span.to));
                let to = if span.state == State::Ready { to } else { to.max(from + LEAST) };
                // What ends where something was drawn already would hide it.
                if to > drawn {
                    self.bar(area, [(from.max(drawn), y - BAR / 2), (to, y + BAR / 2)], span.state)?;
                    drawn = to;
                }
            }
        }
        if self.life.groups.len() > GROUPS {
            let rest = format!("and {} more groups", self.life.groups.len() - GROUPS);
            let y = top + GROUPS as i32 * GROUP + GROUP / 2;
            write(area, rest, (LEFT, y), &text(MUTED, HPos::Left, VPos::Center))?;
        }
        Ok(())
    }

    fn track(&self, area: &Area<'_>, track: &Track, top: i32) -> Drawn {
        let bottom = top + TRACK - 8;
        write(area, &track.scale.label, (LEFT, top - 8), &text(INK, HPos::Left, VPos::Bottom))?;
        let y = |value: f64| bottom - (track.scale.part(value) * f64::from(bottom - top)).round() as i32;
        let range = track.scale.range();
        for value in [range.start, range.end] {
            stroke(area, [(LEFT, y(value)), (WIDTH - RIGHT, y(value))], GRID.stroke_width(2))?;
            let number = text(MUTED, HPos::Right, VPos::Center);
            write(area, Scale::format(&value), (LEFT - 12, y(value)), &number)?;
        }
        let points: Vec<(i32, i32)> = track.points.iter().map(|(t, v)| (self.x(*t), y(*v))).collect();
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return Ok(()) };
        let colour = palette::colour(self.index);
        let mut outline = vec![(first.0, bottom)];
        outline.extend(&points);
        outline.push((last.0, bottom));
        area.draw(&Polygon::new(outline, colour.mix(0.3).filled())).map_err(words)?;
        stroke_through(area, points, colour)
    }
}

fn stroke_through(area: &Area<'_>, points: Vec<(i32, i32)>, colour: RGBColor) -> Drawn {
    area.draw(&PathElement::new(points, colour.stroke_width(3))).map_err(words)
}

/// The sign of something that happened: a cross, a diamond, a triangle.
fn sign_of(area: &Area<'_>, moment: Moment, (x, y): (i32, i32)) -> Drawn {
    match moment {
        Moment::Failure => {
            let style = ALARM.stroke_width(4);
            stroke(area, [(x - 9, y - 9), (x + 9, y + 9)], style)?;
            stroke(area, [(x - 9, y + 9), (x + 9, y - 9)], style)
        }
        Moment::Maintenance => {
            let corners = vec![(x, y - 12), (x + 12, y), (x, y + 12), (x - 12, y)];
            area.draw(&Polygon::new(corners, INK.filled())).map_err(words)
        }
        Moment::Scaling => {
            let corners = vec![(x, y - 12), (x + 11, y + 9), (x - 11, y + 9)];
            area.draw(&Polygon::new(corners, MUTED.filled())).map_err(words)
        }
    }
}
