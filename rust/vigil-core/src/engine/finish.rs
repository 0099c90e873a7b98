//! Second half: rules and scores, what is written, and the new state.

use std::sync::Arc;

use crate::alarms::forget::FORGET_AFTER_US;
use crate::batch::RECORD_BYTES_MAX;
use crate::error::{Error, ErrorCode};
use crate::features::SCORES;
use crate::ids::{derive_stage, stage, Id};
use crate::observation::flag;
use crate::outcome::{Outcome, Record};
use crate::wire::Writer;

use super::evaluate::next_us;
use super::identity::Identity;
use super::partition::Partition;
use super::pending::{Pending, Row, Touched};
use super::scored::{write_observation, ModelScores, Scores};
use super::{AlertRecord, Engine, EngineOutcome};

/// Bytes of a scored row (float32 columns).
const SCORE_ROW_BYTES: usize = SCORES * 4;
/// More than a scored observation takes beside its own parts.
const SCORES_BYTES: usize = 400;
/// Flags that are worth counting.
const NOTICES: [(u32, &str); 4] = [
    (flag::SCORE_UNAVAILABLE, "score_unavailable"),
    (flag::NOT_SCORABLE, "not_scorable"),
    (flag::LATE, "late"),
    (flag::DUPLICATE, "duplicate"),
];

impl Engine {
    /// Finishes a batch with the model's answer: rows × [`SCORES`] float32 little endian, or `None` when the
    /// model did not answer.
    ///
    /// An answer of another size is refused and nothing has happened: finish again, without it. A batch that is
    /// not the last one begun, or was finished, is refused too.
    pub fn finish(
        &mut self,
        pending: &mut Pending,
        scores: Option<&[u8]>,
        model_version: &str,
        process_time_us: i64,
    ) -> Result<EngineOutcome, Error> {
        let expected = pending.rows() * SCORE_ROW_BYTES;
        if let Some(scores) = scores {
            if scores.len() != expected {
                return Err(Error::new(
                    ErrorCode::InvalidScores,
                    "scores",
                    format!(
                        "{} bytes for {} rows, not {expected}",
                        scores.len(),
                        pending.rows()
                    ),
                ));
            }
        }
        // When the clock has something to do is for the rules to say that are in use by now.
        let rules = Arc::clone(&self.rules);
        let partition = self
            .partitions
            .get_mut(&pending.partition)
            .filter(|partition| partition.sequence == pending.sequence)
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::OutOfOrder,
                    "pending",
                    "only the last batch begun of a partition can be finished, once",
                )
            })?;
        partition.sequence = 0;
        let mut output = Finish {
            partition: &mut *partition,
            pending: &mut *pending,
            scores,
            model_version,
            process_time_us,
            outcome: Outcome::default(),
            alerts: Vec::new(),
            open: Writer::default(),
            open_observations: 0,
            scratch: Writer::with_capacity(1024),
            observations_max: self.observations_max,
            notices: Default::default(),
        };
        output.run();
        let Finish {
            mut outcome,
            alerts,
            ..
        } = output;
        let nobody = Identity::default();
        let quiet_us = rules.silent_after_us.min(FORGET_AFTER_US);
        for touched in std::mem::take(&mut pending.subjects) {
            if !touched.changed {
                continue;
            }
            if touched.forgotten {
                partition.remove(touched.key);
                continue;
            }
            let Touched {
                key,
                place,
                state,
                identity,
                heard_us,
                quiet,
                ..
            } = touched;
            let known = identity.as_deref().or_else(|| partition.identity(place?));
            let due_us = if quiet && state.is_quiet() {
                // Only what may fall silent or be forgotten: not before then, and looked at again when the clock comes near it.
                let before_us = partition.due_of(place);
                before_us.min(heard_us.saturating_add(quiet_us))
            } else {
                next_us(&rules, &state, known.unwrap_or(&nobody))
            };
            partition.put(key, place, state, identity, due_us);
        }
        let first = std::mem::take(&mut pending.outcome);
        outcome.dead_letters = first.dead_letters;
        outcome.dead_lettered = first.dead_lettered;
        outcome.observations_in = first.observations_in;
        for (name, count) in first.counts {
            outcome.count(name, count);
        }
        Ok(EngineOutcome { outcome, alerts })
    }
}

pub(super) struct Finish<'a> {
    pub(super) partition: &'a mut Partition,
    pub(super) pending: &'a mut Pending,
    scores: Option<&'a [u8]>,
    model_version: &'a str,
    pub(super) process_time_us: i64,
    pub(super) outcome: Outcome,
    pub(super) alerts: Vec<AlertRecord>,
    open: Writer,
    open_observations: u32,
    scratch: Writer,
    observations_max: u32,
    /// By [`NOTICES`].
    notices: [u64; NOTICES.len()],
}

impl Finish<'_> {
    /// Input records are merged into scored records and never split over two of them.
    fn run(&mut self) {
        let rows = std::mem::take(&mut self.pending.rows);
        let mut controls = std::mem::take(&mut self.pending.controls)
            .into_iter()
            .peekable();
        let (mut evaluated, mut at_row) = (0, 0);
        self.reserve(rows.len());
        for record in rows.chunk_by(|a, b| a.record == b.record) {
            let parts: usize = record
                .iter()
                .flat_map(|row| row.lengths.into_iter().chain(row.text_lengths))
                .map(|n| n as usize)
                .sum();
            let bytes = self.open.len() + parts + record.len() * SCORES_BYTES;
            let observations = self.open_observations as usize + record.len();
            if observations > self.observations_max as usize || bytes > RECORD_BYTES_MAX {
                self.close();
                self.reserve(rows.len());
            }
            for row in record {
                while let Some(placed) = controls.next_if(|placed| placed.row <= at_row) {
                    self.control(&placed);
                }
                at_row += 1;
                let at = (row.refused == 0).then_some(evaluated);
                evaluated += usize::from(at.is_some());
                self.row(row, at);
                self.open_observations += 1;
            }
        }
        self.close();
        for placed in controls {
            self.control(&placed);
        }
        for ((_, name), count) in NOTICES.iter().zip(self.notices) {
            if count > 0 {
                self.outcome.count(name, count);
            }
        }
    }

    /// Makes room for a scored record, or for all that is left when that is less.
    fn reserve(&mut self, rows: usize) {
        let parts = self.pending.arena.len() + self.pending.texts.len();
        let each = parts / rows.max(1) + SCORES_BYTES;
        let rows = rows.min(self.observations_max as usize);
        self.open = Writer::with_capacity((rows * each).min(RECORD_BYTES_MAX));
    }

    fn close(&mut self) {
        let observations = std::mem::take(&mut self.open_observations);
        if observations > 0 {
            self.outcome.observations_out += u64::from(observations);
            self.outcome.records.push(Record {
                partition: self.pending.partition,
                observations,
                value: std::mem::take(&mut self.open).into_vec(),
            });
        }
    }

    /// `at`: which feature row it is, for an observation that is evaluated.
    fn row(&mut self, row: &Row, at: Option<usize>) {
        if row.introduces {
            self.introduce_by(row);
        }
        let mut flags = row.refused | row.noted;
        let mut model = None;
        if let Some(at) = at {
            let start = at * SCORE_ROW_BYTES;
            model = self
                .scores
                .and_then(|scores| scores.get(start..start + SCORE_ROW_BYTES))
                .map(ModelScores::read);
            flags |= model.map_or(flag::SCORE_UNAVAILABLE, |scores| scores.flags());
        }
        let severity = self.evaluate(row, at, model.as_ref(), flags);
        let Pending {
            arena,
            texts,
            warnings,
            rules,
            offsets,
            ..
        } = &*self.pending;
        let parts = row.parts(arena, texts);
        let warning = at.and_then(|at| warnings.get(at));
        for ((bit, _), count) in NOTICES.iter().zip(&mut self.notices) {
            *count += u64::from(flags & bit != 0);
        }
        let event_id: Id = derive_stage(&row.event_id, stage::RULES);
        let scores = Scores {
            model,
            model_version: self.model_version,
            rule_set_version: &rules.version,
            severity,
            warning,
            flags,
            source_offset: offsets
                .get(row.record as usize)
                .copied()
                .unwrap_or_default(),
        };
        write_observation(
            &mut self.open,
            &mut self.scratch,
            &row.header(parts, &event_id, self.process_time_us),
            parts.vitals,
            parts.context,
            row.flags,
            &scores,
        );
    }
}
