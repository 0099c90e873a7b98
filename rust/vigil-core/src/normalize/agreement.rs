//! Two values of one thing: what agrees is kept once, what does not is kept twice and not believed.

use super::interpret::{Column, Meaning};
use super::raw::Measurement;
use crate::error::ErrorCode;
use crate::observation::quality;
use crate::sign::Sign;

/// Difference of heart and pulse rate, per minute, that is worth a notice.
const PULSE_DEFICIT: f64 = 10.0;

/// Compares values of one sign, and heart with pulse rate.
#[inline]
pub fn check(meaning: &mut Meaning, measurements: &[Measurement<'_>]) {
    let (mut seen, mut twice) = (0u32, false);
    for column in &meaning.columns {
        let bit = 1 << column.sign.index();
        twice |= seen & bit != 0;
        seen |= bit;
    }
    if twice {
        merge(&mut meaning.columns, measurements);
    }
    let rates = 1 << Sign::HeartRate.index() | 1 << Sign::PulseRate.index();
    if seen & rates == rates {
        compare_rates(meaning);
    }
}

/// One sign under several names: equal usable values become one, different ones exclude each other. Samples
/// taken at different times do not disagree: the latest is believed, the others are marked and kept.
fn merge(columns: &mut Vec<Column>, measurements: &[Measurement<'_>]) {
    let time = |column: &Column| measurements.get(column.from).map_or(0, |m| m.time_us);
    let mut at = 0;
    while let Some(column) = columns.get(at).copied() {
        let usable =
            |other: &Column| other.sign == column.sign && other.quality & quality::EXCLUDES == 0;
        if !usable(&column) {
            at += 1;
            continue;
        }
        let earlier = columns
            .iter()
            .take(at)
            .position(|other| usable(other) && time(other) == time(&column));
        match earlier {
            Some(first)
                if columns
                    .get(first)
                    .is_some_and(|other| other.value == column.value) =>
            {
                columns.remove(at);
            }
            _ => at += 1,
        }
    }
    for &sign in Sign::ALL {
        let usable =
            |column: &Column| column.sign == sign && column.quality & quality::EXCLUDES == 0;
        if columns.iter().filter(|c| usable(c)).count() < 2 {
            continue;
        }
        let latest = columns
            .iter()
            .filter(|c| usable(c))
            .map(time)
            .max()
            .unwrap_or_default();
        let believed = columns
            .iter()
            .filter(|c| usable(c) && time(c) == latest)
            .count()
            == 1;
        for column in columns.iter_mut().filter(|c| usable(c)) {
            if !believed || time(column) != latest {
                column.quality |= quality::MISMATCH;
            }
        }
    }
}

fn compare_rates(meaning: &mut Meaning) {
    let usable = |sign| {
        let found = meaning
            .columns
            .iter()
            .find(|c| c.sign == sign && c.quality & quality::EXCLUDES == 0);
        found.map(|c| (c.value, c.from))
    };
    if let (Some((heart, _)), Some((pulse, from))) =
        (usable(Sign::HeartRate), usable(Sign::PulseRate))
    {
        if (heart - pulse).abs() > PULSE_DEFICIT {
            meaning.notice(from, ErrorCode::PulseDeficit);
        }
    }
}
