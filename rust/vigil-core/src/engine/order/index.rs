//! Which patients of a partition have observations that wait.

use std::collections::BTreeSet;

use super::held::Held;
use crate::engine::partition::Place;

/// Kept up to date by whoever replaces a patient's state.
#[derive(Debug, Default)]
pub struct HeldIndex {
    /// The oldest receipt (gateway's time) of each.
    ingest: BTreeSet<(i64, Place)>,
    /// The lowest input offset of each.
    offsets: BTreeSet<(i64, Place)>,
}

impl HeldIndex {
    /// The state at `place` held `old` and now holds `new`.
    #[inline]
    pub fn replace(&mut self, place: Place, old: &[Held], new: &[Held]) {
        if old.is_empty() && new.is_empty() {
            return;
        }
        if let Some((ingest_us, offset)) = lowest(old) {
            self.ingest.remove(&(ingest_us, place));
            self.offsets.remove(&(offset, place));
        }
        if let Some((ingest_us, offset)) = lowest(new) {
            self.ingest.insert((ingest_us, place));
            self.offsets.insert((offset, place));
        }
    }

    /// The gateway's time of the one that has waited longest.
    pub fn oldest_us(&self) -> Option<i64> {
        self.ingest.first().map(|(ingest_us, _)| *ingest_us)
    }

    /// The lowest input offset of one that waits.
    pub fn offset(&self) -> Option<i64> {
        self.offsets.first().map(|(offset, _)| *offset)
    }

    /// Patients with one that the gateway took at `ingest_us` or before.
    pub fn due(&self, ingest_us: i64) -> impl Iterator<Item = Place> + '_ {
        self.ingest
            .range(..=(ingest_us, Place::MAX))
            .map(|(_, place)| *place)
    }
}

fn lowest(held: &[Held]) -> Option<(i64, i64)> {
    let ingest_us = held.iter().map(|h| h.ingest_us).min()?;
    let offset = held.iter().map(|h| h.offset).min()?;
    Some((ingest_us, offset))
}
