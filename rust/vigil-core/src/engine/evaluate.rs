//! The rules, for one observation.

use crate::alarms::said::Said;
use crate::alarms::signal::Scene;
use crate::alarms::{silence, tick};
use crate::observation::device_type;
use crate::outcome::Outcome;
use crate::rules::model::Severity;
use crate::rules::{self, population, Moment, Phase, Profile, RuleSet};

use super::alert::{encode, Origin};
use super::controls::component_of;
use super::finish::Finish;
use super::identity::{device_key, Identity};
use super::patient::PatientState;
use super::pending::{Pending, Row, Touched};
use super::scored::ModelScores;

/// When the clock has something to do for a subject.
pub(super) fn next_us(set: &RuleSet, state: &PatientState, identity: &Identity) -> i64 {
    let component = component_of(state, identity);
    let pauses = state.special.as_deref().map_or(&[][..], |s| &s.pauses);
    let scene = Scene::idle(set, pauses, identity, component.as_ref());
    tick::next_us(&scene, state)
}

/// Bits of the populations of types of devices that the sender is not one of.
#[inline]
fn unseen(rules: &RuleSet, vitals: &[u8]) -> u128 {
    if rules.asks_device_types() {
        population::unseen(rules, device_type(vitals))
    } else {
        0
    }
}

/// Counts an alert by what it says.
pub(super) fn count(outcome: &mut Outcome, said: &Said<'_>) {
    let name = match said.phase {
        Phase::Start => "alert_start",
        Phase::Update => "alert_update",
        Phase::End => "alert_end",
        Phase::Suppressed => "alert_suppressed",
    };
    outcome.count(name, 1);
}

impl Finish<'_> {
    /// Evaluates the rules for a row; returns the worst severity there is then.
    pub(super) fn evaluate(
        &mut self,
        row: &Row,
        at: Option<usize>,
        model: Option<&ModelScores>,
        flags: u32,
    ) -> Option<Severity> {
        let Pending {
            arena,
            texts,
            values,
            warnings,
            totals,
            subjects,
            rules,
            partition,
            ..
        } = &mut *self.pending;
        let parts = row.parts(arena, texts);
        let warning = at.and_then(|at| warnings.get(at));
        let Touched {
            state,
            identity,
            place,
            ..
        } = subjects.get_mut(row.subject as usize)?;
        let nobody = Identity::default();
        let identity = identity
            .as_deref()
            .or_else(|| self.partition.identity((*place)?))
            .unwrap_or(&nobody);
        let state = &mut **state;
        let origin = Origin {
            partition: *partition,
            event_id: &row.event_id,
            trace_id: parts.trace_id,
            event_time_us: row.event_time_us,
            ingest_time_us: row.ingest_time_us,
            observed: true,
            subject: parts.subject(),
            context: parts.context,
            identity,
            flags: row.flags | row.vitals_flags | flags,
            rule_set_version: &rules.version,
            process_time_us: self.process_time_us,
        };
        let scene = Scene {
            set: rules,
            subject: parts.subject(),
            now_us: row.now_us,
            clock_us: row.ingest_time_us,
            event_id: row.event_id,
            evidence_us: 0,
            identity,
            pauses: state.special.as_deref().map_or(&[][..], |s| &s.pauses),
            component: None,
        };
        let (alerts, outcome) = (&mut self.alerts, &mut self.outcome);
        let mut sink = |said: Said<'_>| {
            alerts.push(encode(&origin, &said));
            count(outcome, &said);
        };
        if state.rules.iter().any(|rule| rule.device != 0) {
            let device = device_key(parts.device_id);
            silence::heard(&scene, &mut state.rules, device, &mut sink);
        }
        let (from, to) = (row.values.0 as usize, row.values.1 as usize);
        let (first, last) = row.totals;
        let warning = warning?;
        // The state has the context of the batch's last observation: this one may have another.
        if state.profile.hash != row.profile {
            if let Ok(profile) = Profile::read(parts.context, row.profile) {
                state.profile = profile;
            }
        }
        state.left_out.refresh(rules, row.profile, parts.context);
        let moment = Moment {
            values: values.get(from..to).unwrap_or_default(),
            warning,
            totals: totals
                .get(first as usize..last as usize)
                .unwrap_or_default(),
            model: model.map(|model| &model.columns),
            left_out: state.left_out.bits,
            unseen: unseen(rules, parts.vitals),
            ..Moment::bare(row.now_us, row.event_id, parts.subject())
        };
        rules::evaluate(
            &scene,
            &mut state.rules,
            &mut state.counted,
            &mut state.memory,
            &state.profile,
            &moment,
            &mut sink,
        );
        state.device = row.device;
        rules::severity(&state.rules)
    }

    /// The row's context is another one than before, or its device is new.
    pub(super) fn introduce_by(&mut self, row: &Row) {
        let arena = std::mem::take(&mut self.pending.arena);
        let texts = std::mem::take(&mut self.pending.texts);
        let parts = row.parts(&arena, &texts);
        let context = (row.refused == 0).then_some(parts.context);
        self.introduce(row.subject, parts.patient_id, parts.device_id, context);
        (self.pending.arena, self.pending.texts) = (arena, texts);
    }
}
