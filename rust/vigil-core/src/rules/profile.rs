//! What rules and features need of a patient's context.

use std::sync::Arc;

use crate::error::Error;
use crate::features::{Family, Person};
use crate::sign::Sign;
use crate::wire::Reader;

use super::model::PatientLimitKind;

/// A patient's own limits of one sign; what is not a number counts as absent, so the default applies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PatientLimit {
    sign: Sign,
    /// low, high, critical low, critical high.
    limits: [Option<f64>; 4],
}

/// The parsed context, kept with the hash of the bytes it came from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// Hash of the encoded context; 0 = none was read yet.
    pub hash: u64,
    /// Age and sex.
    pub person: Person,
    /// NEWS2 does not apply in pregnancy.
    pub pregnant: bool,
    /// 2 by a recorded decision, else 1.
    pub spo2_scale: u8,
    /// Bits of the signs that a limit may concern.
    concerned: u32,
    /// `None` = none: then a copy of the profile does not count references.
    limits: Option<Arc<[PatientLimit]>>,
}

impl Profile {
    /// Reads an encoded `Context`. An empty one is a patient of whom nothing is known.
    pub fn read(context: &[u8], hash: u64) -> Result<Self, Error> {
        let mut profile = Self {
            hash,
            spo2_scale: 1,
            ..Self::default()
        };
        let mut limits = Vec::new();
        let mut reader = Reader::new(context);
        while let Some(field) = reader.next_field()? {
            match field.number {
                2 => {
                    profile.person.age_years =
                        Some(u32::try_from(field.value.varint()?).unwrap_or(u32::MAX));
                }
                3 => {
                    profile.person.male = match field.value.bytes()? {
                        b"male" => Some(true),
                        b"female" => Some(false),
                        _ => None,
                    }
                }
                6 => limits.extend(read_limit(field.value.bytes()?)?),
                11 => profile.pregnant = field.value.varint()? != 0,
                12 if field.value.varint()? == 2 => profile.spo2_scale = 2,
                _ => {}
            }
        }
        for limit in &limits {
            let alternate = Family::alternate_of(limit.sign);
            for sign in [Some(limit.sign), alternate].into_iter().flatten() {
                profile.concerned |= 1 << sign.index();
            }
        }
        profile.limits = (!limits.is_empty()).then(|| limits.into());
        Ok(profile)
    }

    /// Whether the patient has a limit that may concern `sign`.
    #[inline]
    pub fn concerns(&self, sign: Sign) -> bool {
        self.concerned & (1 << sign.index()) != 0
    }

    /// The patient's limit for a value of `sign` under a rule about `primary`: its own, else the primary's.
    #[inline]
    pub fn limit(&self, sign: Sign, primary: Sign, kind: PatientLimitKind) -> Option<f64> {
        if !self.concerns(sign) {
            return None;
        }
        // Said twice, the last one counts.
        let of = |sign: Sign| {
            let limits = self.limits.as_deref().unwrap_or_default();
            let mut own = limits.iter().rev().filter(|own| own.sign == sign);
            own.find_map(|own| own.limits.get(kind as usize).copied().flatten())
        };
        of(sign).or_else(|| of(primary))
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.limits.as_deref().map_or(0, size_of_val)
    }
}

fn read_limit(encoded: &[u8]) -> Result<Option<PatientLimit>, Error> {
    let mut sign = None;
    let mut limits = [None; 4];
    let mut reader = Reader::new(encoded);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => sign = Sign::from_number(field.value.varint()?),
            number @ 2..=5 => {
                let limit = Some(field.value.double()?).filter(|limit| limit.is_finite());
                if let Some(slot) = limits.get_mut(number as usize - 2) {
                    *slot = limit;
                }
            }
            _ => {}
        }
    }
    Ok(sign.map(|sign| PatientLimit { sign, limits }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::v1;
    use prost::Message;
    use PatientLimitKind::{CriticalHigh, High, Low};

    #[test]
    fn a_context_is_read_as_it_was_written() {
        let context = v1::Context {
            patient_id: "p".into(),
            age_years: Some(70),
            sex: "female".into(),
            conditions: vec!["copd".into()],
            limits: vec![
                v1::Limit {
                    sign: v1::Sign::HeartRate.into(),
                    low: Some(45.0),
                    high: Some(f64::NAN),
                    ..v1::Limit::default()
                },
                v1::Limit {
                    sign: v1::Sign::ArtSystolic.into(),
                    critical_high: Some(210.0),
                    ..v1::Limit::default()
                },
            ],
            pregnant: true,
            spo2_scale: 2,
            ..v1::Context::default()
        };
        let profile = Profile::read(&context.encode_to_vec(), 9).unwrap();
        assert_eq!(profile.person.age_years, Some(70));
        assert_eq!(profile.person.male, Some(false));
        assert!(profile.pregnant);
        assert_eq!(profile.spo2_scale, 2);
        let limit = |sign, primary, kind| profile.limit(sign, primary, kind);
        assert_eq!(limit(Sign::HeartRate, Sign::HeartRate, Low), Some(45.0));
        assert_eq!(limit(Sign::PulseRate, Sign::HeartRate, Low), Some(45.0));
        assert_eq!(limit(Sign::HeartRate, Sign::HeartRate, High), None);
        assert_eq!(
            limit(Sign::ArtSystolic, Sign::Systolic, CriticalHigh),
            Some(210.0)
        );
        assert_eq!(limit(Sign::Systolic, Sign::Systolic, CriticalHigh), None);
        assert!(!profile.concerns(Sign::Spo2));
    }
}
