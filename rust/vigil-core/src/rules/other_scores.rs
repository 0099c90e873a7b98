//! The scores beside NEWS2 as of one observation, from the last usable values; only those that a rule asks for.

use std::sync::OnceLock;

use crate::engine::patient::PatientState;
use crate::engine::warning::consciousness;
use crate::features::{Family, Known, VALUE_AGE_US_MAX};
use crate::scores::mews::{self, MewsInput};
use crate::scores::pews::{self, PewsInput, PewsTable};
use crate::scores::qsofa::{self, QsofaInput};
use crate::scores::sirs::{self, SirsInput};
use crate::scores::{shock_index, Consciousness, Risk, Scored};
use crate::sign::Sign;

use super::model::ScoreKind;
use super::profile::Profile;

/// Inputs that a score has at most.
pub const INPUTS_MAX: usize = 7;
/// The scores for adults are not for anybody younger.
const ADULT_AGE_YEARS_MIN: u32 = 16;
/// Months of a year.
const MONTHS: u32 = 12;

/// One input of a score.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Input {
    /// Its field.
    pub name: &'static str,
    /// `None`: no monitor sends it.
    pub sign: Option<Sign>,
    /// `None` = missing, never 0.
    pub points: Option<u8>,
    /// Age of the value.
    pub age_us: i64,
}

/// A score as of one observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Total {
    /// Which score.
    pub kind: ScoreKind,
    /// Whether it may be used for this patient at all.
    pub applicable: bool,
    /// Points, or the ratio of the shock index.
    pub value: f64,
    /// Whether it is a lower bound: something is missing.
    pub partial: bool,
    /// The inputs; those without a name are not there.
    pub inputs: [Input; INPUTS_MAX],
    /// How urgent.
    pub risk: Risk,
}

/// The scores in `asked` (a bit a [`ScoreKind`]) that one of the signs `updated` is an input of.
fn concerned(asked: u8, updated: u32) -> impl Iterator<Item = ScoreKind> {
    ScoreKind::ALL.into_iter().filter(move |kind| {
        let input = |sign: &Sign| {
            updated & (1 << sign.index()) != 0
                || Family::alternate_of(*sign).is_some_and(|s| updated & (1 << s.index()) != 0)
        };
        asked & (1 << *kind as u8) != 0 && signs(*kind).iter().any(input)
    })
}

/// Adds the scores in `asked` that an observation of the signs `updated` brings an input of.
#[inline]
pub fn add(totals: &mut Vec<Total>, asked: u8, state: &PatientState, updated: u32, now_us: i64) {
    if asked != 0 {
        let (known, profile) = (&state.known, &state.profile);
        let kinds = concerned(asked, updated);
        totals.extend(kinds.map(|kind| make(kind, known, profile, now_us)));
    }
}

/// The signs that a score is made from; NEWS2 is made elsewhere.
const fn signs(kind: ScoreKind) -> &'static [Sign] {
    match kind {
        ScoreKind::News2 => &[],
        ScoreKind::Mews => &[
            Sign::RespiratoryRate,
            Sign::HeartRate,
            Sign::Systolic,
            Sign::Temperature,
            Sign::Consciousness,
            Sign::Gcs,
        ],
        ScoreKind::Qsofa => &[
            Sign::RespiratoryRate,
            Sign::Systolic,
            Sign::Consciousness,
            Sign::Gcs,
        ],
        ScoreKind::Sirs => &[Sign::Temperature, Sign::HeartRate, Sign::RespiratoryRate],
        ScoreKind::ShockIndex => &[Sign::HeartRate, Sign::Systolic],
        ScoreKind::Pews => &[
            Sign::HeartRate,
            Sign::Systolic,
            Sign::RespiratoryRate,
            Sign::Spo2,
            Sign::Fio2,
            Sign::O2Flow,
        ],
    }
}

/// Whether a score may be used: adult scores from 16 years on, the paediatric one for the ages of its table. An
/// unknown age does not silence an adult score; a child's limits are wrong for most, so it must be known to be one.
pub fn applicable(kind: ScoreKind, age_years: Option<u32>) -> bool {
    match kind {
        ScoreKind::Pews => age_years.is_some_and(|years| !bands_of(years).is_empty()),
        _ => age_years.is_none_or(|years| years >= ADULT_AGE_YEARS_MIN),
    }
}

/// Makes a score at `now_us`. Values count up to 24 hours, as for NEWS2.
pub fn make(kind: ScoreKind, known: &Known, profile: &Profile, now_us: i64) -> Total {
    let mut total = Total {
        kind,
        applicable: applicable(kind, profile.person.age_years),
        value: 0.0,
        partial: true,
        inputs: [Input::default(); INPUTS_MAX],
        risk: Risk::Unknown,
    };
    if !total.applicable {
        return total;
    }
    let source = Source { known, now_us };
    match kind {
        ScoreKind::News2 => {}
        ScoreKind::Mews => {
            let level = consciousness(known, now_us);
            total.take(
                &source,
                &mews::score(&MewsInput {
                    respiratory_rate: source.value(Sign::RespiratoryRate),
                    heart_rate: source.value(Sign::HeartRate),
                    systolic: source.value(Sign::Systolic),
                    temperature: source.value(Sign::Temperature),
                    consciousness: level.map(|level| level.0),
                }),
            );
            // A GCS says that a patient is not alert, but not how far from it.
            total.partial |=
                level.is_some_and(|(level, _, by_gcs)| by_gcs && level != Consciousness::Alert);
        }
        ScoreKind::Qsofa => total.take(
            &source,
            &qsofa::score(&QsofaInput {
                respiratory_rate: source.value(Sign::RespiratoryRate),
                systolic: source.value(Sign::Systolic),
                consciousness: consciousness(known, now_us).map(|level| level.0),
            }),
        ),
        ScoreKind::Sirs => total.take(
            &source,
            &sirs::score(&SirsInput {
                temperature: source.value(Sign::Temperature),
                heart_rate: source.value(Sign::HeartRate),
                respiratory_rate: source.value(Sign::RespiratoryRate),
                white_cell_count: None,
            }),
        ),
        ScoreKind::ShockIndex => total.shock_index(&source),
        ScoreKind::Pews => total.pews(&source, profile.person.age_years.unwrap_or(0)),
    }
    total
}

impl Total {
    /// Bits of the inputs that give points, and of those that are missing.
    pub fn giving_and_missing(&self) -> (u8, u8) {
        let (mut giving, mut missing) = (0, 0);
        for (i, input) in self.inputs.iter().enumerate() {
            match input.points {
                _ if input.name.is_empty() || input.sign.is_none() => {}
                None => missing |= 1 << i,
                Some(0) => {}
                Some(_) => giving |= 1 << i,
            }
        }
        (giving, missing)
    }

    fn take<const N: usize>(&mut self, source: &Source<'_>, scored: &Scored<N>) {
        self.value = f64::from(scored.total);
        self.partial = scored.partial;
        self.risk = scored.risk;
        for (slot, (name, points)) in self.inputs.iter_mut().zip(scored.subscores) {
            *slot = source.input(name, points);
        }
    }

    fn shock_index(&mut self, source: &Source<'_>) {
        let index = shock_index::score(source.value(Sign::HeartRate), source.value(Sign::Systolic));
        self.value = index.ratio.unwrap_or(0.0);
        self.partial = index.ratio.is_none();
        self.risk = index.risk;
        let there = |missing: bool| (!missing).then_some(1);
        let [rate, pressure, ..] = &mut self.inputs;
        *rate = source.input("heart_rate", there(index.heart_rate_missing));
        *pressure = source.input("systolic", there(index.systolic_missing));
    }

    /// The registry knows full years. Where the table has several bands for such a year, an input counts with the
    /// fewest points of them, and the total is a lower bound.
    fn pews(&mut self, source: &Source<'_>, age_years: u32) {
        let bands = bands_of(age_years);
        let Some(table) = table() else {
            return;
        };
        let on_oxygen = source.known.on_oxygen(source.now_us, VALUE_AGE_US_MAX);
        for (i, months) in bands.iter().enumerate() {
            let scored = pews::score(
                table,
                &PewsInput {
                    age_months: Some(*months),
                    heart_rate: source.value(Sign::HeartRate),
                    systolic: source.value(Sign::Systolic),
                    respiratory_rate: source.value(Sign::RespiratoryRate),
                    spo2: source.value(Sign::Spo2),
                    on_oxygen: on_oxygen.map(|(given, _)| given),
                    o2_flow: source.value(Sign::O2Flow),
                    fio2: source.value(Sign::Fio2),
                    ..PewsInput::default()
                },
            );
            let before = self.inputs;
            self.take(source, &scored);
            if i > 0 {
                for (slot, before) in self.inputs.iter_mut().zip(before) {
                    slot.points = slot.points.min(before.points);
                }
            }
        }
        let points = self.inputs.iter().filter_map(|input| input.points);
        let total = points.fold(0, u8::saturating_add);
        self.value = f64::from(total);
        self.partial |= bands.len() > 1;
        if self.risk != Risk::Unknown {
            self.risk = if total >= table.high_from {
                Risk::High
            } else {
                Risk::Low
            };
        }
    }
}

/// Where values come from.
struct Source<'a> {
    known: &'a Known,
    now_us: i64,
}

impl Source<'_> {
    fn value(&self, sign: Sign) -> Option<f64> {
        let reading = self
            .known
            .current(Family::of(sign), self.now_us, VALUE_AGE_US_MAX);
        reading.map(|reading| reading.value)
    }

    fn input(&self, name: &'static str, points: Option<u8>) -> Input {
        let time_us = match name {
            "consciousness" => consciousness(self.known, self.now_us).map(|level| level.1),
            "oxygen_therapy" => {
                let oxygen = self.known.on_oxygen(self.now_us, VALUE_AGE_US_MAX);
                oxygen.map(|(_, time_us)| time_us)
            }
            _ => Sign::from_field(name).and_then(|sign| {
                let reading = self
                    .known
                    .current(Family::of(sign), self.now_us, VALUE_AGE_US_MAX);
                reading.map(|reading| reading.time_us)
            }),
        };
        Input {
            name,
            sign: match name {
                "oxygen_therapy" => Some(Sign::Fio2),
                _ => Sign::from_field(name),
            },
            points,
            age_us: time_us.map_or(0, |us| self.now_us.saturating_sub(us).max(0)),
        }
    }
}

fn table() -> Option<&'static PewsTable> {
    static TABLE: OnceLock<Option<PewsTable>> = OnceLock::new();
    TABLE
        .get_or_init(|| PewsTable::parse(pews::DEFAULT).ok())
        .as_ref()
}

/// An age in months in each band of the table that a child of so many full years may be in.
fn bands_of(age_years: u32) -> Vec<f64> {
    let Some(table) = table() else {
        return Vec::new();
    };
    let first = f64::from(age_years.saturating_mul(MONTHS));
    let end = first + f64::from(MONTHS);
    let mut from = 0.0f64;
    let mut ages = Vec::new();
    for band in &table.age_bands {
        let start = from.max(first);
        if start < band.below_months.min(end) {
            ages.push(start);
        }
        from = band.below_months;
    }
    ages
}

#[cfg(test)]
#[path = "other_scores_tests.rs"]
mod tests;
