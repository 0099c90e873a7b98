//! An observation comes in: what becomes of it.

use super::super::begin::{gone, Begin};
use super::super::device::{short_id, NO_SEQUENCE};
use super::held::{self, Held};
use super::{receive, Arrival, Verdict};
use crate::engine::ahead::Coming;
use crate::error::Error;
use crate::outcome::{Outcome, Source};

/// How an observation comes to be evaluated, or why it is not.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Admitted {
    /// Index of its device.
    pub device: usize,
    /// Hash of the event id.
    pub id: u64,
    /// The device's own number for it, or [`NO_SEQUENCE`].
    pub sequence: u64,
    /// The time that rules count with.
    pub now_us: i64,
    /// DUPLICATE or LATE: it is written and not evaluated.
    pub refused: u32,
    /// Other flags of this stage.
    pub noted: u32,
}

impl<'v> Begin<'_, 'v> {
    /// Takes an observation of the input record `record` at `offset`. Refuses before it changes anything.
    pub(in crate::engine) fn observation(
        &mut self,
        outcome: &mut Outcome,
        source: Source<'_>,
        (record, offset): (u32, i64),
        bytes: &'v [u8],
    ) -> Result<(), Error> {
        let Coming {
            view, key, place, ..
        } = self.next(bytes);
        let view = view?;
        let header = view.header;
        let event_id = header.id()?;
        let at = self.subject(key, place);
        let said = self.read(at, &view)?;
        self.heard(at, header.ingest_time_us);
        let key = xxhash_rust::xxh3::xxh3_64(header.device_id.as_bytes());
        let device = self.device(outcome, source, record, at, key);
        let arrival = Arrival {
            id: short_id(&event_id),
            event_us: header.event_time_us,
            ingest_us: header.ingest_time_us,
            sequence: said.vitals.sequence.unwrap_or(NO_SEQUENCE),
        };
        let order = self.order();
        let state = self.state(at).ok_or_else(gone)?;
        let (verdict, now_us, noted) = receive(&order, state, device, &arrival);
        if noted != 0 {
            outcome.count("clock_skew", 1);
        }
        let refused = match verdict {
            Verdict::Evaluate => 0,
            Verdict::Refuse(flag) => flag,
            Verdict::Hold => {
                outcome.count("held", 1);
                let waits = Held {
                    device: key,
                    id: arrival.id,
                    time_us: now_us,
                    sequence: arrival.sequence,
                    ingest_us: arrival.ingest_us,
                    offset,
                    flags: noted,
                    bytes: bytes.into(),
                };
                held::insert(&mut state.held, waits);
                self.changed(at);
                self.release_ready(outcome, source, record, at, key);
                return Ok(());
            }
        };
        let admitted = Admitted {
            device,
            id: arrival.id,
            sequence: arrival.sequence,
            now_us,
            refused,
            noted,
        };
        self.evaluate(outcome, record, at, &view, said, admitted)
    }
}
