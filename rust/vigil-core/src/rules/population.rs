//! Whom a rule is for. What is not known of a patient does not exclude it: better an alarm too many.

use crate::error::Error;
use crate::wire::Reader;

/// Whom a rule is for: all that is named must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Population {
    /// Full years, the limit itself belongs to it.
    pub age_min: Option<u32>,
    /// Full years, the limit itself belongs to it.
    pub age_max: Option<u32>,
    /// `female`, `male` or `other`.
    pub sex: Option<String>,
    /// One of these.
    pub wards: Vec<String>,
    /// Any of these.
    pub conditions: Vec<String>,
    /// The observation comes from one of these types of devices.
    pub device_types: Vec<String>,
    /// Whether the patient is pregnant.
    pub pregnant: Option<bool>,
    /// What is not known of a patient excludes: for limits that would be wrong for most (those of children).
    pub only_known: bool,
}

/// What is known of a patient. A patient whom the registry knows has the conditions that are recorded, and no others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits<'a> {
    known: bool,
    age_years: Option<u32>,
    sex: &'a str,
    conditions: Vec<&'a str>,
    ward: &'a str,
    pregnant: bool,
}

impl<'a> Traits<'a> {
    /// Reads an encoded `Context`; an empty one is a patient of whom nothing is known.
    pub fn read(context: &'a [u8]) -> Result<Self, Error> {
        let mut traits = Self {
            known: !context.is_empty(),
            ..Self::default()
        };
        let mut reader = Reader::new(context);
        while let Some(field) = reader.next_field()? {
            match field.number {
                2 => {
                    traits.age_years =
                        Some(u32::try_from(field.value.varint()?).unwrap_or(u32::MAX));
                }
                3 => traits.sex = field.value.text()?,
                4 => traits.conditions.push(field.value.text()?),
                9 => traits.ward = field.value.text()?,
                11 => traits.pregnant = field.value.varint()? != 0,
                _ => {}
            }
        }
        Ok(traits)
    }
}

/// The answer to one filter: `None` when what it asks is not known.
type Fits = Option<bool>;

impl Population {
    /// Whether a rule for it is for this patient. The type of the device is another question.
    pub fn includes(&self, traits: &Traits<'_>) -> bool {
        self.excluded_by(traits).is_none()
    }

    /// What leaves this patient out; `None` when the rule is for the patient.
    pub fn excluded_by(&self, traits: &Traits<'_>) -> Option<&'static str> {
        [
            ("age", self.age(traits)),
            ("sex", self.sex(traits)),
            ("ward", self.ward(traits)),
            ("condition", self.condition(traits)),
            ("pregnancy", self.pregnancy(traits)),
        ]
        .into_iter()
        .find(|(_, fits)| !fits.unwrap_or(!self.only_known))
        .map(|(attribute, _)| attribute)
    }

    fn age(&self, traits: &Traits<'_>) -> Fits {
        if self.age_min.is_none() && self.age_max.is_none() {
            return Some(true);
        }
        traits.age_years.map(|age| {
            self.age_min.is_none_or(|min| age >= min) && self.age_max.is_none_or(|max| age <= max)
        })
    }

    fn sex(&self, traits: &Traits<'_>) -> Fits {
        match (&self.sex, traits.sex) {
            (None, _) => Some(true),
            (Some(_), "" | "unknown") => None,
            (Some(asked), sex) => Some(asked == sex),
        }
    }

    fn ward(&self, traits: &Traits<'_>) -> Fits {
        if self.wards.is_empty() {
            return Some(true);
        }
        (!traits.ward.is_empty()).then(|| self.wards.iter().any(|ward| ward == traits.ward))
    }

    fn condition(&self, traits: &Traits<'_>) -> Fits {
        if self.conditions.is_empty() {
            return Some(true);
        }
        let has = |condition: &String| traits.conditions.contains(&condition.as_str());
        traits.known.then(|| self.conditions.iter().any(has))
    }

    fn pregnancy(&self, traits: &Traits<'_>) -> Fits {
        let Some(asked) = self.pregnant else {
            return Some(true);
        };
        traits.known.then_some(asked == traits.pregnant)
    }

    /// Whether a rule for it looks at what a device of this type sends; the type may not be known (empty).
    pub fn includes_device(&self, device_type: &str) -> bool {
        self.device_types.is_empty()
            || if device_type.is_empty() {
                !self.only_known
            } else {
                self.device_types.iter().any(|known| known == device_type)
            }
    }
}
