//! A vital sign together with the other way of measuring it.

use crate::sign::Sign;

/// A sign and the sign that stands in for it when it is not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The one that rules and features name.
    pub sign: Sign,
    /// Used when `sign` is not there.
    pub alternate: Option<Sign>,
}

const fn family(sign: Sign) -> Family {
    Family {
        sign,
        alternate: Family::alternate_of(sign),
    }
}

/// The signs that the model sees, in column order.
pub const MODEL_FAMILIES: [Family; 7] = [
    family(Sign::HeartRate),
    family(Sign::Spo2),
    family(Sign::RespiratoryRate),
    family(Sign::Temperature),
    family(Sign::Systolic),
    family(Sign::Diastolic),
    family(Sign::MeanPressure),
];

impl Family {
    /// The family named by `sign`.
    pub const fn of(sign: Sign) -> Self {
        family(sign)
    }

    /// What stands in for `sign`: the pulse for the heart rate, the artery for the cuff.
    pub const fn alternate_of(sign: Sign) -> Option<Sign> {
        match sign {
            Sign::HeartRate => Some(Sign::PulseRate),
            Sign::Systolic => Some(Sign::ArtSystolic),
            Sign::Diastolic => Some(Sign::ArtDiastolic),
            Sign::MeanPressure => Some(Sign::ArtMean),
            _ => None,
        }
    }

    /// The sign that `sign` stands in for.
    pub const fn primary_of(sign: Sign) -> Option<Sign> {
        match sign {
            Sign::PulseRate => Some(Sign::HeartRate),
            Sign::ArtSystolic => Some(Sign::Systolic),
            Sign::ArtDiastolic => Some(Sign::Diastolic),
            Sign::ArtMean => Some(Sign::MeanPressure),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primary_and_alternate_are_inverse() {
        for sign in Sign::ALL {
            if let Some(alternate) = Family::alternate_of(*sign) {
                assert_eq!(Family::primary_of(alternate), Some(*sign));
                assert_eq!(Family::of(*sign).alternate, Some(alternate));
            }
        }
    }
}
