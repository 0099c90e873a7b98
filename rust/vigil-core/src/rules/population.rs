//! Whom a rule is for. What is not known of a patient does not exclude it: better an alarm too many.

use crate::alarms::signal::{Scene, Sink};
use crate::alarms::silence;
use crate::error::Error;
use crate::wire::Reader;

use super::compile::RuleSet;
use super::episode::RuleState;
use super::model::{key_of, Rule};
use super::moment::Moment;

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

    /// Which devices it looks at: one number for the same ones; 0 = all.
    pub fn devices(&self) -> u64 {
        if self.device_types.is_empty() {
            return 0;
        }
        key_of(&format!("{:?}{}", self.device_types, self.only_known)) | 1
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

/// The populations that a patient does not belong to, as of the last evaluated observation. Not part of checkpoints: it
/// is made again from the context of every observation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// A bit a population of the rule set.
    pub bits: u128,
    /// Hash of the context, with the key of the rule set; 0 = not made yet.
    made_of: u64,
}

impl LeftOut {
    /// Made again when the context (its hash) or the rule set is another one.
    #[inline]
    pub fn refresh(&mut self, set: &RuleSet, hash: u64, context: &[u8]) {
        let made_of = hash ^ set.key.rotate_left(1);
        if self.made_of == made_of {
            return;
        }
        self.made_of = made_of;
        self.bits = 0;
        if set.populations().is_empty() {
            return;
        }
        // What cannot be read was refused before; nothing known leaves out least.
        let traits = Traits::read(context).unwrap_or_default();
        for (i, population) in set.populations().iter().enumerate() {
            self.bits |= u128::from(!population.includes(&traits)) << i;
        }
    }

    /// Whether `rule` is not for the patient.
    #[inline]
    pub fn of(self, rule: &Rule) -> bool {
        self.bits & rule.population_bit != 0
    }
}

/// Bits of the populations that do not look at what a device of this type sends.
#[cold]
pub fn unseen(set: &RuleSet, device_type: &str) -> u128 {
    let mut bits = 0;
    for (i, population) in set.populations().iter().enumerate() {
        bits |= u128::from(!population.includes_device(device_type)) << i;
    }
    bits
}

/// Ends the alarms of rules that are not for the patient any more, as if their condition had cleared, in the order of the
/// file.
pub fn leave(
    scene: &Scene<'_>,
    states: &mut Vec<RuleState>,
    moment: &Moment<'_>,
    speaking: &mut Vec<u64>,
    sink: Sink<'_>,
) {
    let leaves = |state: &RuleState| {
        let rule = scene.rule(state);
        rule.is_some_and(|rule| moment.leaves_out(rule)) && !state.is_latched()
    };
    if !states.iter().any(leaves) {
        return;
    }
    let in_order = scene.in_order(states).into_iter();
    let leaving: Vec<(u64, u64)> = in_order
        .filter_map(|i| states.get(i))
        .filter(|state| leaves(state))
        .map(|state| (state.rule, state.device))
        .collect();
    for key in leaving {
        let at = states.iter().position(|s| (s.rule, s.device) == key);
        if let Some(i) = at {
            silence::end(scene, states, i, speaking, sink);
        }
    }
}
