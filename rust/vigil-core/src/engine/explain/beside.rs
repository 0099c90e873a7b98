//! What was heard of a subject that its state does not keep.

use crate::features::Family;
use crate::features::{ALTERNATE_AFTER_US, NEVER, SCORES};
use crate::rules::population::Population;
use crate::sign::Sign;

/// The last usable value of a sign that devices of one type sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Empty = not known.
    pub device_type: String,
    /// The sign that was measured.
    pub sign: Sign,
    /// Canonical unit.
    pub value: f64,
    /// Event time.
    pub time_us: i64,
}

/// What whoever asks knows beside the engine's state.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// The last value of each sign, by type of device. Empty = not known.
    pub heard: Vec<Heard>,
    /// The model's answer to the last observation, by column; `None` = it had none.
    pub scores: [Option<f32>; SCORES],
}

impl Beside {
    /// Whether devices were heard, and none that a rule for `population` looks at.
    pub(super) fn is_unseen_by(&self, population: &Population) -> bool {
        let looks_at = |heard: &Heard| population.includes_device(&heard.device_type);
        !self.heard.is_empty() && !self.heard.iter().any(looks_at)
    }

    /// What devices that a rule for `population` looks at said last of `family`: the sign that speaks, its value and
    /// event time.
    pub(super) fn last(&self, population: &Population, family: Family) -> Option<(Sign, f64, i64)> {
        let of = |sign: Sign| {
            let heard = self.heard.iter();
            heard
                .filter(|one| one.sign == sign && population.includes_device(&one.device_type))
                .max_by_key(|one| one.time_us)
        };
        let own = of(family.sign);
        let silent_us = own.map_or(NEVER, |one| one.time_us);
        let other = family.alternate.and_then(of);
        let other = other.filter(|one| one.time_us > silent_us.saturating_add(ALTERNATE_AFTER_US));
        other.or(own).map(|one| (one.sign, one.value, one.time_us))
    }
}
