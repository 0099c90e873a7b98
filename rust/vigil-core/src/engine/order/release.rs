//! Letting go of what waits, in the midst of a batch.

use super::super::begin::{gone, Begin};
use super::arrive::Admitted;
use super::held::{take_due, take_oldest, take_ready, Held};
use crate::batch::OBSERVATIONS;
use crate::engine::device::{find, superfluous, Device};
use crate::error::{Error, ErrorCode};
use crate::observation::ObservationView;
use crate::outcome::{Outcome, Source};
use crate::wire::Writer;

/// A tick lets go of no more than this, so that its scored record stays small; the next tick goes on.
const TICK_OBSERVATIONS_MAX: usize = 1000;
/// In bytes.
const TICK_BYTES_MAX: usize = 256 * 1024;

impl Begin<'_, '_> {
    /// The index of the device `key` of the subject `at`; a new one is remembered.
    #[inline]
    pub(in crate::engine) fn device(
        &mut self,
        outcome: &mut Outcome,
        source: Source<'_>,
        record: u32,
        at: u32,
        key: u64,
    ) -> usize {
        let known = self.state(at).and_then(|state| find(&state.devices, key));
        known.unwrap_or_else(|| {
            // Nothing that waits is lost with its device.
            if let Some(old) = self.state(at).and_then(|state| superfluous(&state.devices)) {
                while let Some(held) = self
                    .state(at)
                    .and_then(|state| take_oldest(&mut state.held, old))
                {
                    self.evaluate_held(outcome, source, record, at, &held);
                }
                if let Some(state) = self.state(at) {
                    state.devices.retain(|device| device.key != old);
                }
            }
            self.state(at).map_or(0, |state| {
                state.devices.reserve_exact(1); // nearly every patient has one
                state.devices.push(Device::new(key));
                state.devices.len() - 1
            })
        })
    }

    /// Evaluates what no longer has to wait for another observation of the device.
    pub(in crate::engine) fn release_ready(
        &mut self,
        outcome: &mut Outcome,
        source: Source<'_>,
        record: u32,
        at: u32,
        device: u64,
    ) {
        let order = self.order();
        let take = |begin: &mut Self| {
            let state = begin.state(at)?;
            let device = state.devices.get(find(&state.devices, device)?)?;
            take_ready(&order, &mut state.held, device)
        };
        while let Some(held) = take(self) {
            self.evaluate_held(outcome, source, record, at, &held);
        }
    }

    /// The clock has come to `time_us`: evaluates what has waited for the whole window, of all patients, those who
    /// have waited longest first.
    pub(in crate::engine) fn release_due(
        &mut self,
        outcome: &mut Outcome,
        source: Source<'_>,
        record: u32,
        time_us: i64,
    ) {
        let until_us = time_us.saturating_sub(self.order().window_us);
        for (key, place) in self.holding(until_us) {
            self.revisit(key, place);
        }
        let mut due: Vec<(i64, u128, u32)> = self
            .subjects()
            .filter_map(|(key, at, state)| {
                let oldest_us = state.held.iter().map(|h| h.ingest_us).min()?;
                (oldest_us <= until_us).then_some((oldest_us, key, at))
            })
            .collect();
        due.sort_unstable();
        let (mut observations, mut bytes) = (0, 0);
        for (_, _, at) in due {
            while let Some(held) = self
                .state(at)
                .and_then(|state| take_due(&mut state.held, until_us))
            {
                let device = held.device;
                observations += 1;
                bytes += held.bytes.len();
                self.evaluate_held(outcome, source, record, at, &held);
                self.release_ready(outcome, source, record, at, device);
                if observations >= TICK_OBSERVATIONS_MAX || bytes >= TICK_BYTES_MAX {
                    return;
                }
            }
        }
    }

    fn evaluate_held(
        &mut self,
        outcome: &mut Outcome,
        source: Source<'_>,
        record: u32,
        at: u32,
        held: &Held,
    ) {
        outcome.count("released", 1);
        if let Err(error) = self.evaluate_view(outcome, record, at, held) {
            // It could be read when it came, so this is a defect; the observation is kept all the same.
            let error = Error::new(ErrorCode::Internal, &*error.field, &*error.message);
            let mut original = Writer::with_capacity(held.bytes.len() + 8);
            original.bytes(OBSERVATIONS, &held.bytes);
            let original = original.as_slice();
            outcome.dead_letter(source, record, held.offset, original, 1, &[], &error);
        }
    }

    fn evaluate_view(
        &mut self,
        outcome: &mut Outcome,
        record: u32,
        at: u32,
        held: &Held,
    ) -> Result<(), Error> {
        let view = ObservationView::read(&held.bytes)?;
        let said = self.read(at, &view)?;
        let state = self.state(at).ok_or_else(gone)?;
        let admitted = Admitted {
            device: find(&state.devices, held.device).unwrap_or(usize::MAX),
            id: held.id,
            sequence: held.sequence,
            now_us: held.time_us,
            refused: 0,
            noted: held.flags,
        };
        self.evaluate(outcome, record, at, &view, said, admitted)
    }
}
