//! Controls come in, among the observations; a tick looks who is silent.

use std::sync::Arc;

use crate::alarms::control::{Action, Control};
use crate::alarms::forget;
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
            if self.is_known(key, place) || control.action.is_component() {
                let at = self.subject(key, place);
                self.controlled(at, control.time_us);
                subject = Some(at);
            } else {
                // Its id is remembered all the same.
                outcome.count("control_without_subject", 1);
            }
        }
        let (silences, forgotten) = match control.action {
            Action::Tick => self.tick(control.time_us),
            _ => (Vec::new(), Vec::new()),
        };
        self.pending.controls.push(Placed {
            row: self.pending.rows.len() as u32,
            subject,
            control,
            silences,
            forgotten,
        });
        Ok(())
    }

    /// A control concerns the `at`th subject, whether it then does something or not.
    fn controlled(&mut self, at: u32, time_us: i64) {
        self.heard(at, time_us);
        if let Some(state) = self.state(at) {
            if time_us > state.controlled_us {
                state.controlled_us = time_us;
                self.changed(at);
            }
        }
    }

    /// Who is silent at the tick of `time_us`, of those for whom the clock has something to do and of those that
    /// this batch is about. What is heard after the tick is not known yet.
    /// Who is forgotten then is forgotten.
    fn tick(&mut self, time_us: i64) -> (Vec<(u32, Silences)>, Vec<u32>) {
        self.partition.clock_us = self.partition.clock_us.max(time_us);
        let rules = Arc::clone(&self.pending.rules);
        let exact = |state: &PatientState, who: &Identity| next_us(&rules, state, who);
        for (key, place) in self.partition.reached(time_us, exact) {
            let Some(at) = self.revisit(key, place) else {
                continue;
            };
            let touched = self.pending.subjects.get_mut(at as usize);
            // Whatever is done for it, its next time is found anew.
            if let Some(touched) = touched.filter(|touched| touched.place.is_some()) {
                touched.changed = true;
            }
        }
        let (mut all, mut forgotten) = (Vec::new(), Vec::new());
        for (at, touched) in (0..).zip(&mut self.pending.subjects) {
            if touched.forgotten {
                continue;
            }
            if forget::at(&touched.state, time_us) {
                forgotten.push(at);
            }
            let silences = silence::at(&rules, &touched.state, time_us);
            if silences.orphan_ends {
                silence::unwatch(&mut touched.state);
                touched.changed = true;
            }
            if silences.is_any() {
                all.push((at, silences));
            }
        }
        for at in &forgotten {
            self.forget(*at);
        }
        (all, forgotten)
    }
}
