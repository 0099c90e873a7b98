//! Zero: an asystole, or a sensor that is not there?
//!
//! Most monitors send 0 for "no reading", and a heart that stands still is also 0. Told apart by what else the
//! same observation says; in doubt the zero is real and alarms:
//!
//! | sign | 0 is "no reading" when | else |
//! |---|---|---|
//! | heart rate | all pulse-derived signs that were sent (pulse, SpO2, pressures) are 0, and at least one was sent | asystole |
//! | pulse rate | the same without itself: SpO2 or an arterial pressure is 0 and none of them lives | no pulse |
//! | respiratory rate | the heart rate (or, without one, every pulse-derived sign sent) is 0 and "no reading" | apnoea |
//! | EtCO2 | a breath rate above 0 was sent, or the breath rate is "no reading" | apnoea |
//! | SpO2, pressures, temperature, FiO2, glucose, GCS | always: no living patient, and no cuff, shows 0 | |
//! | O2 flow, consciousness | never: 0 is room air, and "alert" | |
//!
//! A null is not a zero: a device that says null for what it cannot read means its zeros.
//! Breathing does not tell the heart's zero apart: impedance breathing goes on counting artefacts on loose leads.

use super::interpret::Column;
use crate::observation::quality;
use crate::sign::Sign;

/// Judges the zeros of one observation.
pub fn judge(columns: &mut [Column]) {
    if !columns.iter().any(|c| c.is_zero) {
        return;
    }
    let pulse_derived = evidence(columns, |sign| {
        matches!(
            sign,
            Sign::PulseRate
                | Sign::Spo2
                | Sign::Systolic
                | Sign::Diastolic
                | Sign::MeanPressure
                | Sign::ArtSystolic
                | Sign::ArtDiastolic
                | Sign::ArtMean
        )
    });
    let beside_pulse = evidence(columns, |sign| {
        matches!(
            sign,
            Sign::Spo2 | Sign::ArtSystolic | Sign::ArtDiastolic | Sign::ArtMean
        )
    });
    let heart = evidence(columns, |sign| sign == Sign::HeartRate);
    let breath = evidence(columns, |sign| sign == Sign::RespiratoryRate);
    // Without a heart rate the pulse-derived signs alone tell whether the sensors are there.
    let no_heart_reading = pulse_derived.only_zeros() && !heart.lives;
    let no_breath_reading = breath.zeros && no_heart_reading;
    for column in columns.iter_mut().filter(|c| c.is_zero) {
        let no_reading = match column.sign {
            Sign::HeartRate => pulse_derived.only_zeros(),
            Sign::PulseRate => beside_pulse.only_zeros(),
            Sign::RespiratoryRate => no_heart_reading,
            Sign::Etco2 => breath.lives || no_breath_reading,
            Sign::O2Flow | Sign::Consciousness => false,
            _ => true,
        };
        if no_reading {
            column.quality |= quality::SENTINEL;
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Evidence {
    zeros: bool,
    lives: bool,
}

impl Evidence {
    fn only_zeros(self) -> bool {
        self.zeros && !self.lives
    }
}

/// Zeros and usable values among the signs of a kind.
fn evidence(columns: &[Column], of: impl Fn(Sign) -> bool) -> Evidence {
    columns
        .iter()
        .filter(|c| of(c.sign))
        .fold(Evidence::default(), |sum, c| Evidence {
            zeros: sum.zeros || c.is_zero,
            lives: sum.lives || (!c.is_zero && c.quality & quality::EXCLUDES == 0),
        })
}
