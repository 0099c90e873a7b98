//! Controls come in, among the observations; a tick looks who is silent.

use std::sync::Arc;

use crate::alarms::control::{Action, Control};
use crate::alarms::silence::{self, Silences};
use crate::error::Error;
use crate::outcome::{Outcome, Source};

use super::begin::Begin;
use super::evaluate::next_us;
use super::identity::Identity;
use super::patient::PatientState;
use super::pending::Placed;

impl Begin<'_, '_> {
    /// A control is read in its place among the observations; [`super::finish`] does what it says.
    pub(super) fn control(
        &mut self,
        outcome: &mut Outcome,
        source: Source<'_>,
        record: u32,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let control = Control::read(bytes)?;
        let mut subject = None;
        if control.action == Action::Tick {
            self.release_due(outcome, source, record, control.time_us);
        } else {
            let key = control.subject().key();
            let place = self.partition.find(key);
            let known = place.is_some() || self.newcomers.contains_key(&key);
            if known || control.action.is_component() {
                subject = Some(self.subject(key, place));
            } else {
                // Its id is remembered all the same.
                outcome.count("control_without_subject", 1);
            }
        }
        let silences = match control.action {
            Action::Tick => self.silences(control.time_us),
            _ => Vec::new(),
        };
        self.pending.controls.push(Placed {
            row: self.pending.rows.len() as u32,
            subject,
            control,
            silences,
        });
        Ok(())
    }

    /// Who is silent at the tick of `time_us`, of those for whom the clock has something to do and of those that
    /// this batch is about. What is heard after the tick is not known yet.
    fn silences(&mut self, time_us: i64) -> Vec<(u32, Silences)> {
        self.partition.clock_us = self.partition.clock_us.max(time_us);
        let rules = Arc::clone(&self.pending.rules);
        let exact = |state: &PatientState, who: &Identity| next_us(&rules, state, who);
        for (key, place) in self.partition.reached(time_us, exact) {
            let at = self.subject(key, Some(place));
            // Whatever is done for it, its next time is found anew.
            self.changed(at);
        }
        let mut all = Vec::new();
        for (at, touched) in (0..).zip(&mut self.pending.subjects) {
            let silences = silence::at(&rules, &touched.state, time_us);
            if silences.orphan_ends {
                silence::unwatch(&mut touched.state);
                touched.changed = true;
            }
            if silences.is_any() {
                all.push((at, silences));
            }
        }
        all
    }
}
