//! First half: read the batch, move patients on, make feature rows. Changes nothing but its own copies.

use std::sync::Arc;

use crate::batch::{read_fields, CONTROLS, OBSERVATIONS};
use crate::error::{Error, ErrorCode};
use crate::features::{push_row, FEATURES, NEVER};
use crate::ids::stage;
use crate::observation::{read_vitals, ObservationView, VitalValue, VitalsHead};
use crate::outcome::{Outcome, Source};
use crate::rules::order::Order;
use crate::rules::{other_scores, Profile};

use super::advance::take_values;
use super::ahead::{Ahead, Coming};
use super::heard;
use super::order::arrive::Admitted;
use super::partition::{ByKey, Partition, Place};
use super::patient::PatientState;
use super::pending::{Pending, Row};
use super::{warning, Engine};

/// What an enriched observation of six signs takes at least: memory is made ready by it.
const OBSERVATION_BYTES: usize = 256;

impl Engine {
    /// Begins the enriched batches of one partition. What cannot be read becomes a dead letter.
    pub fn begin(
        &mut self,
        topic: &str,
        partition: u32,
        offsets: &[i64],
        values: &[&[u8]],
        process_time_us: i64,
    ) -> Result<Pending, Error> {
        if offsets.len() != values.len() {
            return Err(Error::new(
                ErrorCode::Internal,
                "offsets",
                "one offset a value",
            ));
        }
        let rules = Arc::clone(&self.rules);
        self.begun += 1;
        let sequence = self.begun;
        let state = self.partitions.entry(partition).or_default();
        state.sequence = sequence;
        let bytes: usize = values.iter().map(|value| value.len()).sum();
        let observations = bytes / OBSERVATION_BYTES;
        let mut batch = Begin {
            partition: state,
            newcomers: ByKey::default(),
            last: None,
            ahead: Ahead::default(),
            vitals: Vec::new(),
            pending: Pending {
                partition,
                sequence,
                rules,
                outcome: Outcome::default(),
                offsets: offsets.to_vec(),
                controls: Vec::new(),
                rows: Vec::with_capacity(observations),
                arena: Vec::with_capacity(bytes),
                texts: String::new(),
                values: Vec::with_capacity(observations * 6),
                warnings: Vec::with_capacity(observations),
                totals: Vec::new(),
                features: Vec::with_capacity(observations * FEATURES),
                subjects: Vec::with_capacity(observations),
            },
        };
        let mut outcome = Outcome::default();
        let source = Source {
            topic,
            partition,
            stage: stage::RULES,
            process_time_us,
        };
        for (record, (offset, value)) in offsets.iter().zip(values).enumerate() {
            let record = record as u32;
            batch.ahead.start(value);
            read_fields(
                &mut outcome,
                source,
                (record, *offset),
                value,
                OBSERVATIONS,
                |outcome, field, bytes| match field {
                    CONTROLS => batch.control(outcome, source, record, bytes),
                    _ => batch.observation(outcome, source, (record, *offset), bytes),
                },
            );
        }
        let mut pending = batch.pending;
        pending.outcome = outcome;
        Ok(pending)
    }
}

/// What was read of an observation beside its values.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub vitals: VitalsHead<'a>,
    /// `None` when it is the one that the state has.
    pub profile: Option<Profile>,
}

pub(super) struct Begin<'p, 'v> {
    pub(super) partition: &'p mut Partition,
    /// Patients not seen before this batch, as it has them last: index in `pending.subjects`.
    pub(super) newcomers: ByKey<u32>,
    ahead: Ahead<'v>,
    pub(super) last: Option<(u128, u32)>,
    vitals: Vec<VitalValue>,
    pub(super) pending: Pending,
}

impl<'v> Begin<'_, 'v> {
    /// The next observation of the record, with where its patient is.
    #[inline]
    pub(super) fn next(&mut self, bytes: &'v [u8]) -> Coming<'v> {
        self.ahead.next(self.partition, bytes)
    }

    /// Reads what an observation says and, when it is another one than before, whose it is.
    #[inline]
    pub(super) fn read<'a>(
        &mut self,
        at: u32,
        view: &ObservationView<'a>,
    ) -> Result<Said<'a>, Error> {
        let vitals = read_vitals(view.vitals, &mut self.vitals)?;
        let hash = xxhash_rust::xxh3::xxh3_64(view.context) | 1;
        let known = self.state(at).is_some_and(|s| s.profile.hash == hash);
        let profile = if known {
            None
        } else {
            Some(Profile::read(view.context, hash)?)
        };
        Ok(Said { vitals, profile })
    }

    /// Moves its patient on, unless it is refused, and makes it a row. `said` was read just before.
    pub(super) fn evaluate(
        &mut self,
        outcome: &mut Outcome,
        record: u32,
        at: u32,
        view: &ObservationView<'_>,
        said: Said<'_>,
        admitted: Admitted,
    ) -> Result<(), Error> {
        let Admitted {
            now_us, refused, ..
        } = admitted;
        let header = view.header;
        let event_id = header.id()?;
        let first_value = self.pending.values.len() as u32;
        let first_total = self.pending.totals.len() as u32;
        let Some(touched) = self.pending.subjects.get_mut(at as usize) else {
            return Err(gone());
        };
        touched.changed = true;
        let state = &mut *touched.state;
        let device = state.devices.get(admitted.device);
        // Its first observation, and the first with another context, say who it is.
        let introduces = said.profile.is_some() || device.is_none_or(|d| d.last_us == NEVER);
        let device_key = device.map_or(0, |d| d.key);
        state.orphan = header.patient_id.is_empty();
        let ingest_us = header.ingest_time_us;
        self.partition.clock_us = self.partition.clock_us.max(ingest_us);
        if refused == 0 {
            if let Some(profile) = said.profile {
                state.profile = profile;
            }
            if let Some(device) = state.devices.get_mut(admitted.device) {
                device.evaluated(admitted.id, now_us, admitted.sequence);
            }
            let superseded = take_values(state, &self.vitals, now_us, &mut self.pending.values);
            if superseded > 0 {
                outcome.count("superseded_value", superseded);
            }
            let own = self
                .pending
                .values
                .get(first_value as usize..)
                .unwrap_or_default();
            for (i, value) in own.iter().enumerate().filter(|(_, v)| v.connected) {
                heard::note(&mut state.heard, i, value.sign, device_key, ingest_us);
            }
            let updated = own
                .iter()
                .filter(|value| value.connected)
                .fold(0, |bits, value| bits | 1 << value.sign.index());
            self.pending.features.reserve(FEATURES);
            push_row(
                &mut self.pending.features,
                &state.known,
                &state.history,
                state.profile.person,
                now_us,
            );
            state.history.update(&state.known, updated, now_us);
            let scored = updated & warning::INPUTS != 0;
            self.pending.warnings.push(warning::evaluate(
                &state.known,
                &state.profile,
                now_us,
                scored,
                state.warned_us,
            ));
            if scored {
                let asked = self.pending.rules.asked();
                other_scores::add(&mut self.pending.totals, asked, state, updated, now_us);
                state.warned_us = state.warned_us.max(now_us);
            }
        }
        let profile = state.profile.hash;
        let parts = [header.trace_id, view.vitals, view.context];
        let start = self.pending.arena.len() as u32;
        let texts = [header.device_id, header.patient_id];
        let text_start = self.pending.texts.len() as u32;
        for text in texts {
            self.pending.texts.push_str(text);
        }
        for part in parts {
            self.pending.arena.extend_from_slice(part);
        }
        self.pending.rows.push(Row {
            record,
            event_id,
            event_time_us: header.event_time_us,
            ingest_time_us: header.ingest_time_us,
            now_us,
            flags: view.flags,
            vitals_flags: said.vitals.flags,
            refused,
            noted: admitted.noted,
            introduces,
            profile,
            device: device_key,
            subject: at,
            values: (first_value, self.pending.values.len() as u32),
            totals: (first_total, self.pending.totals.len() as u32),
            start,
            lengths: parts.map(|part| part.len() as u32),
            text_start,
            text_lengths: texts.map(|text| text.len() as u32),
        });
        Ok(())
    }

    /// The state that the batch works on, of its `at`th patient.
    #[inline]
    pub(super) fn state(&mut self, at: u32) -> Option<&mut PatientState> {
        let touched = self.pending.subjects.get_mut(at as usize)?;
        Some(&mut touched.state)
    }

    /// Something came from the `at`th patient.
    #[inline]
    pub(super) fn heard(&mut self, at: u32, ingest_us: i64) {
        if let Some(touched) = self.pending.subjects.get_mut(at as usize) {
            touched.heard_us = touched.heard_us.min(ingest_us);
        }
    }

    /// The state of the `at`th patient is another one after the batch.
    pub(super) fn changed(&mut self, at: u32) {
        if let Some(touched) = self.pending.subjects.get_mut(at as usize) {
            touched.changed = true;
        }
    }

    /// All patients of the batch so far: key, index, state.
    pub(super) fn subjects(&self) -> impl Iterator<Item = (u128, u32, &PatientState)> {
        let subjects = self.pending.subjects.iter().zip(0..);
        subjects.map(|(touched, at)| (touched.key, at, &*touched.state))
    }

    /// Patients of the partition with an observation that has waited since `ingest_us` or longer.
    pub(super) fn holding(&self, ingest_us: i64) -> Vec<(u128, Place)> {
        self.partition.holding(ingest_us)
    }

    /// How order is repaired.
    #[inline]
    pub(super) fn order(&self) -> Order {
        self.pending.rules.order
    }
}

/// A defect: there is no such patient in the batch.
#[cold]
pub(super) fn gone() -> Error {
    Error::new(ErrorCode::Internal, "", "a patient's state is gone")
}
