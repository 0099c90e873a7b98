//! Who is watched, and the ids of what happens to them.

use std::borrow::Cow;

use crate::ids::{derive, Id};

use super::episode::Phase;

/// The patient, or the device that belongs to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Empty for an orphan.
    pub patient_id: &'a str,
    /// Never empty.
    pub device_id: &'a str,
}

impl<'a> Subject<'a> {
    /// The key of its state. A patient and a device of the same name differ.
    #[inline]
    pub fn key(&self) -> u128 {
        use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};
        if self.patient_id.is_empty() {
            xxh3_128_with_seed(self.device_id.as_bytes(), 1)
        } else {
            xxh3_128(self.patient_id.as_bytes())
        }
    }

    /// What the records of its alerts are keyed by, as enrichment keys its observations.
    pub fn record_key(&self) -> &'a str {
        if self.patient_id.is_empty() {
            self.device_id
        } else {
            self.patient_id
        }
    }

    /// The id of an episode: who, which rule, and the observation that met its condition first.
    pub fn episode_id(&self, rule_id: &str, onset: &Id) -> Id {
        derive(
            "episode",
            &[self.name().as_bytes(), rule_id.as_bytes(), onset],
        )
    }

    /// The id of a device's silence: also which device, for one tick may find several.
    pub fn device_episode_id(&self, rule_id: &str, onset: &Id, device_id: &str) -> Id {
        let (name, device) = (self.name(), device_id.as_bytes());
        derive(
            "episode",
            &[name.as_bytes(), rule_id.as_bytes(), onset, device],
        )
    }

    fn name(&self) -> Cow<'a, str> {
        if self.patient_id.is_empty() {
            format!("device:{}", self.device_id).into()
        } else {
            self.patient_id.into()
        }
    }
}

/// The id of an alert of an episode.
pub fn alert_id(episode: &Id, phase: Phase, step: u32) -> Id {
    derive("alert", &[episode, &[phase as u8], &step.to_le_bytes()])
}
