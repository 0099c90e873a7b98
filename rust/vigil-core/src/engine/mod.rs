//! telemetry.enriched → telemetry.scored and alerts.raised, one partition's batch at a time.
//!
//! - [`begin`] reads the batch, moves every patient on and makes the feature rows; nothing is decided yet;
//! - the caller asks the model, which may not answer;
//! - [`finish`] evaluates the rules, writes scored batches and alerts, and only then changes the state.
//!
//! Until `finish` has returned, the state is as it was: a batch that was begun and not finished may simply be
//! begun again, or not at all. Batches of several partitions may be begun before the first is finished. The next
//! batch of a partition is begun after the former was finished, because its rows build on it; finishing any but the
//! last batch begun is refused, and so is one begun before the partition was restored or forgotten.
//!
//! What comes out depends on the order of the input alone: not on how it is cut into batches, on the number of
//! partitions, on the clock, nor (but for the scores themselves) on the model.

pub mod advance;
mod ahead;
pub mod alert;
pub mod begin;
mod controls;
pub mod device;
pub mod due;
mod evaluate;
pub mod explain;
pub mod finish;
pub mod heard;
pub mod identity;
pub mod order;
pub mod partition;
pub mod patient;
pub mod pending;
pub mod scored;
pub mod slot;
mod subjects;
pub mod warning;
mod watch;

use std::sync::Arc;

use hashbrown::HashMap;

use crate::checkpoint;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::rules::parse::{parse_named, DEFAULT_NAME};
use crate::rules::RuleSet;

use partition::Partition;
pub use pending::Pending;

/// What became of a batch. `outcome.records` are the scored batches.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct EngineOutcome {
    /// Scored batches, dead letters and counts.
    pub outcome: Outcome,
    /// Alerts in the order they happened.
    pub alerts: Vec<AlertRecord>,
}

/// An encoded `AlertEvent` for alerts.raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRecord {
    /// The partition of the patient.
    pub partition: u32,
    /// The patient, or the device of an orphan.
    pub key: Vec<u8>,
    /// The encoded event.
    pub value: Vec<u8>,
}

/// Rules, scores and alarm state of the partitions that this process owns.
#[derive(Debug)]
pub struct Engine {
    rules: Arc<RuleSet>,
    /// What the rule file is called where it is refused.
    rules_name: String,
    observations_max: u32,
    partitions: HashMap<u32, Partition>,
    /// Batches begun, of all partitions: no two have the same number, also when a partition was restored between them.
    begun: u64,
}

impl Engine {
    /// An engine with the rules of a rule file.
    pub fn new(rules_toml: &str, observations_max: u32) -> Result<Self, Error> {
        Self::named(rules_toml, observations_max, DEFAULT_NAME)
    }

    /// As [`Engine::new`]; `rules_name` is what the file is called where it is refused.
    pub fn named(rules_toml: &str, observations_max: u32, rules_name: &str) -> Result<Self, Error> {
        Ok(Self {
            rules: Arc::new(parse_named(rules_toml, rules_name)?),
            rules_name: rules_name.to_owned(),
            observations_max: observations_max.max(1),
            partitions: HashMap::new(),
            begun: 0,
        })
    }

    /// The version of the rules in use.
    pub fn rule_set_version(&self) -> &str {
        &self.rules.version
    }

    /// Uses new rules from the next batch on; keeps the old ones when the new are wrong. Episodes of rules that
    /// are gone end at the patient's next observation.
    pub fn reload(&mut self, rules_toml: &str) -> Result<(), Error> {
        self.rules = Arc::new(parse_named(rules_toml, &self.rules_name)?);
        for partition in self.partitions.values_mut() {
            partition.schedule(|state, identity| evaluate::next_us(&self.rules, state, identity));
        }
        Ok(())
    }

    /// Takes a partition without a checkpoint: everything is unknown. Keeps the state of one it has.
    pub fn assign(&mut self, partition: u32) {
        self.partitions.entry(partition).or_default();
    }

    /// Forgets a partition.
    pub fn forget(&mut self, partition: u32) {
        self.partitions.remove(&partition);
    }

    /// Takes a partition with the state of a snapshot and its deltas, in order; returns the next input offset.
    /// On an error the partition is as it was.
    pub fn restore(&mut self, partition: u32, segments: &[&[u8]]) -> Result<i64, Error> {
        let (mut restored, next_offset) = checkpoint::restore(segments)?;
        restored.schedule(|state, identity| evaluate::next_us(&self.rules, state, identity));
        self.partitions.insert(partition, restored);
        Ok(next_offset)
    }

    /// The state of a partition at `next_offset`: whole, or what changed since the last checkpoint. A delta that
    /// could not be stored is lost with its changes: the next checkpoint must then be whole.
    pub fn checkpoint(&mut self, partition: u32, next_offset: i64, full: bool) -> Vec<u8> {
        let partition = self.partitions.entry(partition).or_default();
        checkpoint::write(partition, next_offset, full)
    }

    /// When (processing time) something is to happen by the clock at the latest: a tick is worth while from then on.
    pub fn due_us(&mut self, partition: u32) -> Option<i64> {
        let partition = self.partitions.get_mut(&partition)?;
        let held_us = partition.held_due_us(self.rules.order.window_us);
        let rules = &self.rules;
        let due_us = partition.due_us(|state, identity| evaluate::next_us(rules, state, identity));
        due_us.into_iter().chain(held_us).min()
    }

    /// The lowest input offset of an observation that waits for an earlier one. Whoever could lose the state must
    /// not count it as processed.
    pub fn held_offset(&self, partition: u32) -> Option<i64> {
        self.partitions.get(&partition)?.held_offset()
    }

    /// Patients (and orphaned devices) with state.
    pub fn patients(&self, partition: u32) -> usize {
        self.partitions.get(&partition).map_or(0, Partition::len)
    }

    /// Memory of all state, roughly.
    pub fn state_bytes(&self) -> usize {
        self.partitions.values().map(Partition::bytes).sum()
    }
}

#[cfg(test)]
mod tests;
