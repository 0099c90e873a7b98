//! The ledger: which observations each topic holds, by identity and outside the pipeline's own counters.
//!
//! Every stage derives its event id from its source's id, so the ids that the events of one raw observation
//! must have are computed from the raw id. Topics may be read in any order.

use std::collections::BTreeMap;

use hashbrown::{HashSet, HashTable};
use xxhash_rust::xxh3::{xxh3_128, xxh3_64};

use crate::batch::{OBSERVATIONS, RAW};
use crate::error::{Error, ErrorCode};
use crate::ids::{derive_stage, stage, Id};
use crate::observation::{for_each, HeaderView};
use crate::wire::Reader;

/// The names of what is counted, in the order of the journey.
const STAGES: [&str; 6] = [
    "raw",
    "normalized",
    "enriched",
    "scored",
    "dead_letter",
    "alerts",
];
/// Who writes `normalized`, `enriched` and `scored`.
const WRITERS: [&str; 3] = [stage::NORMALIZER, stage::ENRICHMENT, stage::RULES];

/// What was read of one topic.
#[derive(Debug, Default)]
struct Account {
    records: u64,
    observations: u64,
    /// How many records of these bytes (by XXH3-128) could not be read whole.
    unreadable: BTreeMap<u128, u64>,
    /// `raw`, `dead_letter` and `alerts`: event ids; the others: source event ids.
    ids: IdSet,
}

/// Counts distinct observations per stage.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: [Account; STAGES.len()],
    /// Event ids of the input that each of `WRITERS` could not process.
    dead_at: [IdSet; WRITERS.len()],
    /// XXH3-128 of the originals of dead letters.
    originals: HashSet<u128>,
}

/// Named counts of one stage.
pub type Counts = BTreeMap<&'static str, u64>;

impl Ledger {
    /// Adds records of a topic: `raw`, `normalized`, `enriched`, `scored` (encoded `TelemetryBatch`),
    /// `dead_letter` (`DeadLetter`) or `alerts` (`AlertEvent`). What cannot be read is counted as such.
    pub fn add(&mut self, stage: &str, values: &[&[u8]]) -> Result<(), Error> {
        let Some(at) = STAGES.iter().position(|name| *name == stage) else {
            let message = format!("one of {}", STAGES.join(", "));
            return Err(Error::new(ErrorCode::InvalidText, "stage", message));
        };
        let Some(account) = self.accounts.get_mut(at) else {
            return Ok(());
        };
        account.records += values.len() as u64;
        for value in values {
            let read = match stage {
                "raw" => account.batch(value, RAW, |header| header.event_id),
                "dead_letter" => account.dead_letter(value, &mut self.dead_at, &mut self.originals),
                "alerts" => account.alert(value),
                _ => account.batch(value, OBSERVATIONS, |header| header.source_event_id),
            };
            if read.is_err() {
                *account.unreadable.entry(xxh3_128(value)).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Per stage: `records`, `observations`, `distinct`, `duplicates`, `unreadable` (and not among the dead
    /// letters as they are), `missing` (in raw, but
    /// neither here nor dead-lettered on the way here) and `invented` (here, but not in raw).
    pub fn report(&self) -> BTreeMap<&'static str, Counts> {
        let traced = self.trace();
        let mut report = BTreeMap::new();
        for (at, (name, account)) in STAGES.into_iter().zip(&self.accounts).enumerate() {
            let distinct = account.ids.len();
            let (present, missing) = match (name, traced.get(at)) {
                ("raw" | "alerts", _) | (_, None) => (distinct, 0),
                (_, Some(traced)) => *traced,
            };
            let counts = [
                ("records", account.records),
                ("observations", account.observations),
                ("distinct", distinct),
                ("duplicates", account.observations.saturating_sub(distinct)),
                ("unreadable", self.unreadable(account)),
                ("missing", missing),
                ("invented", distinct.saturating_sub(present)),
            ];
            report.insert(name, Counts::from(counts));
        }
        report
    }

    /// Records that could not be read and are not accounted for by a dead letter with the same bytes.
    fn unreadable(&self, account: &Account) -> u64 {
        let unreadable = account.unreadable.iter();
        unreadable
            .filter(|(bytes, _)| !self.originals.contains(*bytes))
            .map(|(_, count)| count)
            .sum()
    }

    /// Follows each raw observation: per stage, how many are there, and how many are missing.
    fn trace(&self) -> [(u64, u64); STAGES.len()] {
        let mut traced = [(0, 0); STAGES.len()];
        let [raw, journey @ .., dead_letter, alerts] = &self.accounts;
        let [traced_raw, traced_journey @ .., traced_dead, _] = &mut traced;
        traced_raw.0 = raw.ids.len();
        for root in raw.ids.iter() {
            // The id of the input that the next stage reads; its output is counted by that id, but for
            // `normalized`, whose source is the root itself.
            let mut input = *root;
            let mut dead = false;
            let stages = journey.iter().zip(traced_journey.iter_mut());
            for ((account, traced), (writer, dead_at)) in
                stages.zip(WRITERS.iter().zip(&self.dead_at))
            {
                dead |= dead_at.contains(&input);
                if account.ids.contains(&input) {
                    traced.0 += 1;
                } else if !dead {
                    traced.1 += 1;
                }
                traced_dead.0 += u64::from(dead_letter.ids.contains(&input));
                input = derive_stage(&input, writer);
            }
            traced_dead.0 += u64::from(dead_letter.ids.contains(&input));
        }
        let dead_alerts = alerts.ids.iter().filter(|id| dead_letter.ids.contains(id));
        traced_dead.0 += dead_alerts.count() as u64;
        traced
    }
}

impl Account {
    fn batch<'a>(
        &mut self,
        value: &'a [u8],
        number: u32,
        id: impl Fn(&HeaderView<'a>) -> &'a [u8],
    ) -> Result<(), Error> {
        let mut all_read = Ok(());
        for_each(value, number, |observation| {
            self.observations += 1;
            match header(observation).and_then(|header| to_id(id(&header))) {
                Ok(id) => self.ids.insert(id),
                Err(error) => all_read = Err(error),
            }
            Ok(())
        })?;
        all_read
    }

    fn alert(&mut self, value: &[u8]) -> Result<(), Error> {
        self.observations += 1;
        self.ids.insert(to_id(header(value)?.event_id)?);
        Ok(())
    }

    fn dead_letter(
        &mut self,
        value: &[u8],
        dead_at: &mut [IdSet],
        originals: &mut HashSet<u128>,
    ) -> Result<(), Error> {
        let (mut original, mut writer, mut observations, mut event_id) = (&[][..], "", 0, &[][..]);
        let mut reader = Reader::new(value);
        while let Some(field) = reader.next_field()? {
            match field.number {
                1 => original = field.value.bytes()?,
                5 => writer = field.value.text()?,
                10 => observations = field.value.varint()?,
                11 => event_id = field.value.bytes()?,
                _ => {}
            }
        }
        originals.insert(xxh3_128(original));
        let mut ids = ids_in(original);
        if ids.is_empty() {
            ids.extend(to_id(event_id));
        }
        self.observations += observations.max(ids.len() as u64);
        let at = WRITERS.iter().position(|name| *name == writer);
        for id in ids {
            self.ids.insert(id);
            if let Some(dead) = at.and_then(|at| dead_at.get_mut(at)) {
                dead.insert(id);
            }
        }
        Ok(())
    }
}

/// The event ids in a dead letter's original: a batch, as far as it can be read, or one bare event.
fn ids_in(original: &[u8]) -> Vec<Id> {
    let mut ids = Vec::new();
    let mut reader = Reader::new(original);
    while let Ok(Some(field)) = reader.next_field() {
        let (RAW | OBSERVATIONS, Ok(message)) = (field.number, field.value.bytes()) else {
            continue;
        };
        // A bare event has its header where a batch has a raw observation. They cannot be taken for each
        // other: only in a header the first field has 16 bytes.
        if let (RAW, Ok(bare)) = (field.number, HeaderView::read(message)) {
            if let Ok(id) = bare.id() {
                return vec![id];
            }
        }
        ids.extend(header(message).and_then(|header| header.id()));
    }
    ids
}

/// The header of an encoded event: field 1 of each of them.
fn header(event: &[u8]) -> Result<HeaderView<'_>, Error> {
    let mut reader = Reader::new(event);
    while let Some(field) = reader.next_field()? {
        if field.number == 1 {
            return HeaderView::read(field.value.bytes()?);
        }
    }
    Ok(HeaderView::default())
}

fn to_id(bytes: &[u8]) -> Result<Id, Error> {
    HeaderView {
        event_id: bytes,
        ..HeaderView::default()
    }
    .id()
}

/// A set of ids, 16 bytes and a little each.
#[derive(Debug, Default)]
struct IdSet(HashTable<Id>);

impl IdSet {
    fn insert(&mut self, id: Id) {
        self.0
            .entry(xxh3_64(&id), |held| *held == id, |held| xxh3_64(held))
            .or_insert(id);
    }

    fn contains(&self, id: &Id) -> bool {
        self.0.find(xxh3_64(id), |held| held == id).is_some()
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn iter(&self) -> impl Iterator<Item = &Id> {
        self.0.iter()
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
