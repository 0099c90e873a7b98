//! The early-warning score as of one observation, from the last usable values.

use crate::features::{Family, Known, NEVER, VALUE_AGE_US_MAX};
use crate::rules::moment::Warning;
use crate::rules::other_scores::Total;
use crate::rules::Profile;
use crate::scores::news2::{applicable, score, News2Input};
use crate::scores::Consciousness;
use crate::sign::Sign;
use crate::wire::Writer;

/// GCS of a patient who is alert.
const GCS_ALERT: f64 = 15.0;

/// Bits of the signs that NEWS2 is made from.
pub const INPUTS: u32 = bits(&[
    Sign::HeartRate,
    Sign::PulseRate,
    Sign::Spo2,
    Sign::RespiratoryRate,
    Sign::Temperature,
    Sign::Systolic,
    Sign::ArtSystolic,
    Sign::Fio2,
    Sign::O2Flow,
    Sign::Consciousness,
    Sign::Gcs,
]);

const fn bits(signs: &[Sign]) -> u32 {
    let mut bits = 0;
    let mut rest = signs;
    while let [sign, tail @ ..] = rest {
        bits |= 1 << sign.index();
        rest = tail;
    }
    bits
}

/// Scores NEWS2 at `now_us`. Values count up to 24 hours, as wards chart some of them rarely; ages are reported.
#[inline]
pub fn evaluate(
    known: &Known,
    profile: &Profile,
    now_us: i64,
    updated: bool,
    previous_us: i64,
) -> Warning {
    let mut ages_us = [0; 7];
    let mut warning = Warning {
        news2: None,
        ages_us,
        updated,
        previous_us,
    };
    if !applicable(profile.person.age_years, profile.pregnant) {
        return warning;
    }
    let mut take = |slot: usize, sign: Sign| {
        let reading = known.current(Family::of(sign), now_us, VALUE_AGE_US_MAX)?;
        note(&mut ages_us, slot, now_us, reading.time_us);
        Some(reading.value)
    };
    let mut input = News2Input {
        respiratory_rate: take(0, Sign::RespiratoryRate),
        spo2: take(1, Sign::Spo2),
        systolic: take(3, Sign::Systolic),
        heart_rate: take(4, Sign::HeartRate),
        temperature: take(6, Sign::Temperature),
        spo2_scale: profile.spo2_scale,
        ..News2Input::default()
    };
    if let Some((on_oxygen, time_us)) = known.on_oxygen(now_us, VALUE_AGE_US_MAX) {
        input.on_oxygen = Some(on_oxygen);
        note(&mut ages_us, 2, now_us, time_us);
    }
    if let Some((level, time_us, _)) = consciousness(known, now_us) {
        input.consciousness = Some(level);
        note(&mut ages_us, 5, now_us, time_us);
    }
    warning.news2 = Some(score(&input));
    warning.ages_us = ages_us;
    warning
}

fn note(ages_us: &mut [i64; 7], slot: usize, now_us: i64, time_us: i64) {
    if let Some(age_us) = ages_us.get_mut(slot) {
        *age_us = now_us.saturating_sub(time_us).max(0);
    }
}

/// ACVPU, or the newer GCS: below 15 a patient is not alert, which is all that NEWS2 asks. With the event time, and
/// whether the GCS says it.
pub(crate) fn consciousness(known: &Known, now_us: i64) -> Option<(Consciousness, i64, bool)> {
    let of = |sign| known.current(Family::of(sign), now_us, VALUE_AGE_US_MAX);
    let acvpu = of(Sign::Consciousness)
        .and_then(|r| Consciousness::from_value(r.value).map(|level| (level, r.time_us, false)));
    let gcs = of(Sign::Gcs).map(|r| {
        let level = if r.value >= GCS_ALERT {
            Consciousness::Alert
        } else {
            Consciousness::Confusion
        };
        (level, r.time_us, true)
    });
    let newer = |a: &(Consciousness, i64, bool)| a.1 >= gcs.map_or(NEVER, |g| g.1);
    acvpu.filter(newer).or(gcs).or(acvpu)
}

/// Writes an `EarlyWarning` as field `number`.
#[inline]
pub fn write(w: &mut Writer, number: u32, warning: &Warning) {
    w.message(number, |w| {
        w.bytes(1, b"news2");
        let Some(news2) = &warning.news2 else {
            w.bytes(7, b"not_applicable");
            return;
        };
        if news2.total > 0 {
            w.varint(2, u64::from(news2.total));
        }
        if news2.partial {
            w.varint(3, 1);
        }
        if news2.single_three {
            w.varint(4, 1);
        }
        for ((input, points), age_us) in news2.subscores.iter().zip(&warning.ages_us) {
            if let Some(points) = points {
                w.message(5, |w| {
                    w.varint(1, input.sign() as u64);
                    if *points > 0 {
                        w.varint(2, u64::from(*points));
                    }
                    if *age_us > 0 {
                        w.varint(3, *age_us as u64);
                    }
                });
            }
        }
        if news2.partial {
            w.message(6, |w| {
                for input in news2.missing() {
                    w.raw_varint(input.sign() as u64);
                }
            });
        }
        w.bytes(7, news2.risk.text().as_bytes());
    });
}

/// Writes another score as an `EarlyWarning`. What no monitor sends is not listed as missing, but makes it partial.
pub fn write_total(w: &mut Writer, number: u32, total: &Total) {
    w.message(number, |w| {
        w.bytes(1, total.kind.name().as_bytes());
        if !total.applicable {
            w.bytes(7, b"not_applicable");
            return;
        }
        if total.value > 0.0 {
            w.varint(2, total.value as u64);
        }
        if total.partial {
            w.varint(3, 1);
        }
        let signs = || total.inputs.iter().filter_map(|i| Some((i, i.sign?)));
        for (input, sign) in signs() {
            if let Some(points) = input.points {
                w.message(5, |w| {
                    w.varint(1, sign as u64);
                    if points > 0 {
                        w.varint(2, u64::from(points));
                    }
                    if input.age_us > 0 {
                        w.varint(3, input.age_us as u64);
                    }
                });
            }
        }
        let missing = || signs().filter(|(input, _)| input.points.is_none());
        if missing().next().is_some() {
            w.message(6, |w| {
                for (_, sign) in missing() {
                    w.raw_varint(sign as u64);
                }
            });
        }
        w.bytes(7, total.risk.text().as_bytes());
    });
}
