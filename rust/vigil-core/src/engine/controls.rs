//! Controls, done in their place among the observations.

use crate::alarms::control::{Action, Control};
use crate::alarms::said::Said;
use crate::alarms::signal::{self, Scene};
use crate::alarms::silence::{end, Silences};
use crate::alarms::special::Special;
use crate::alarms::{component, forget, people, tick};
use crate::rules::moment::Alert;
use crate::rules::{Phase, RuleState, Subject};

use super::alert::{encode, Origin};
use super::device::short_id;
use super::evaluate::count;
use super::finish::Finish;
use super::identity::{device_key, Identity};
use super::patient::PatientState;
use super::pending::{Placed, Touched};

/// Control ids remembered per partition.
const RECENT_CONTROLS: usize = 64;

impl Finish<'_> {
    /// Does what a control says.
    pub(super) fn control(&mut self, placed: &Placed) {
        let control = &placed.control;
        if control.action == Action::Tick {
            self.tick(placed);
            return;
        }
        let id = short_id(&control.id);
        if self.partition.controls.contains(&id) {
            self.outcome.count("control_duplicate", 1);
            return;
        }
        if self.partition.controls.len() >= RECENT_CONTROLS {
            self.partition.controls.pop_front();
        }
        self.partition.controls.push_back(id);
        self.outcome.count("controls", 1);
        let Some(at) = placed.subject else {
            return;
        };
        if control.action.is_component() {
            self.introduce(at, "", &control.device_id, None);
            if let Some(touched) = self.pending.subjects.get_mut(at as usize) {
                touched.state.device = device_key(&control.device_id);
            }
        }
        let notice = self.with(at, control, |scene, state| {
            state.changed = true;
            state.apply(scene, control)
        });
        if let Some(notice) = notice {
            self.outcome.count(notice, 1);
        }
    }

    /// Does everything whose time has come, subject by subject in the order of their keys.
    fn tick(&mut self, placed: &Placed) {
        self.outcome.count("ticks", 1);
        let mut subjects: Vec<(u128, u32)> = (0..)
            .zip(&self.pending.subjects)
            .map(|(at, touched)| (touched.key, at))
            .collect();
        subjects.sort_unstable();
        for (_, at) in subjects {
            let silences = placed.silences.binary_search_by_key(&at, |(i, _)| *i);
            let silences = silences.ok().and_then(|i| placed.silences.get(i));
            let silences = silences.map(|(_, silences)| silences);
            let forgotten = placed.forgotten.binary_search(&at).is_ok();
            let notice = self.with(at, &placed.control, |scene, state| {
                if silences.is_some() || state.is_due(&scene) {
                    state.tick(scene, silences);
                }
                forgotten.then(|| {
                    forget::forget(&scene, state.rules, &mut state.special, state.sink);
                    "patients_forgotten"
                })
            });
            if let Some(notice) = notice {
                self.outcome.count(notice, 1);
            }
        }
    }

    /// Calls `each` with the alarms of the `at`th subject; what it says is written.
    fn with(
        &mut self,
        at: u32,
        control: &Control,
        each: impl FnOnce(Scene<'_>, &mut Alarms<'_>) -> Option<&'static str>,
    ) -> Option<&'static str> {
        let set = std::sync::Arc::clone(&self.pending.rules);
        let partition = self.pending.partition;
        let touched = self.pending.subjects.get_mut(at as usize)?;
        let nobody = Identity::default();
        let Touched {
            identity,
            place,
            state,
            changed,
            ..
        } = touched;
        let identity = identity
            .as_deref()
            .or_else(|| self.partition.identity((*place)?))
            .unwrap_or(&nobody);
        let state = &mut **state;
        let component = component_of(state, identity);
        let device = identity.device(state.device);
        let subject = Subject {
            patient_id: &identity.patient_id,
            device_id: device.unwrap_or(&control.device_id),
        };
        let scene = Scene {
            set: &set,
            subject,
            now_us: control.time_us,
            clock_us: control.time_us,
            event_id: control.id,
            evidence_us: 0,
            identity,
            pauses: &[],
            component: component.as_ref(),
        };
        let origin = Origin {
            partition,
            event_id: &control.id,
            trace_id: &control.id,
            event_time_us: control.time_us,
            ingest_time_us: control.time_us,
            observed: false,
            subject,
            context: &identity.context,
            identity,
            flags: 0,
            rule_set_version: &set.version,
            process_time_us: self.process_time_us,
        };
        let (alerts, outcome) = (&mut self.alerts, &mut self.outcome);
        let mut sink = |said: Said<'_>| {
            alerts.push(encode(&origin, &said));
            count(outcome, &said);
        };
        let mut alarms = Alarms {
            rules: &mut state.rules,
            special: state.special.take().map_or_else(Special::default, |s| *s),
            changed: false,
            sink: &mut sink,
        };
        let notice = each(scene, &mut alarms);
        *changed |= alarms.changed;
        let special = alarms.special;
        state.special = (!special.is_empty()).then(|| Box::new(special));
        notice
    }
}

/// The rule of a component's subject.
pub(super) fn component_of(
    state: &PatientState,
    identity: &Identity,
) -> Option<crate::rules::model::Rule> {
    let is = state.special.as_deref().is_some_and(|s| s.component);
    let (_, name) = identity.devices.first().filter(|_| is)?;
    component::rule(name)
}

/// What controls change of a subject.
struct Alarms<'a> {
    rules: &'a mut Vec<RuleState>,
    special: Special,
    changed: bool,
    sink: &'a mut dyn FnMut(Said<'_>),
}

impl Alarms<'_> {
    fn is_due(&self, scene: &Scene<'_>) -> bool {
        if self.rules.is_empty() && self.special.is_empty() {
            return false;
        }
        let scene = Scene {
            pauses: &self.special.pauses,
            ..*scene
        };
        tick::due_us(&scene, self.rules, Some(&self.special)).is_some_and(|us| us <= scene.clock_us)
    }

    fn tick(&mut self, scene: Scene<'_>, silences: Option<&Silences>) {
        self.changed |= tick::tick(&scene, self.rules, &mut self.special, silences, self.sink);
    }

    fn apply(&mut self, scene: Scene<'_>, control: &Control) -> Option<&'static str> {
        let pauses = self.special.pauses.clone();
        let scene = Scene {
            pauses: &pauses,
            ..scene
        };
        match control.action {
            Action::Tick => None,
            Action::Acknowledge => {
                let stopped = people::acknowledge(&scene, self.rules, control, self.sink);
                (!stopped).then_some("nothing_to_acknowledge")
            }
            Action::Pause | Action::Off | Action::Resume => {
                let max_us = scene.set.settings.pause_max_us;
                let special = &mut self.special;
                people::activation(&scene, self.rules, special, control, max_us, self.sink)
            }
            Action::ComponentDown => self.down(&scene, control),
            Action::ComponentUp => {
                self.up(&scene, control);
                None
            }
        }
    }

    fn down(&mut self, scene: &Scene<'_>, control: &Control) -> Option<&'static str> {
        self.special.component = true;
        let reporters = &mut self.special.reporters;
        let full = !component::down(reporters, &control.reporter, control.time_us);
        let rule = component::rule(&control.device_id)?;
        if self.rules.is_empty() {
            let scene = Scene {
                component: Some(&rule),
                ..*scene
            };
            let mut state = RuleState::silent(&rule, 0, &scene);
            state.active = 1;
            state.urgency = component::URGENCY;
            state.raised_us = scene.now_us;
            let alert = Alert {
                rule: Some(&rule),
                state: &mut state,
                phase: Phase::Start,
                delay_us: 0,
                evidence: None,
                warning: None,
            };
            signal::condition(&scene, &mut Vec::new(), alert, self.sink);
            self.rules.push(state);
        }
        full.then_some("reporters_full")
    }

    fn up(&mut self, scene: &Scene<'_>, control: &Control) {
        component::up(&mut self.special.reporters, &control.reporter);
        if self.special.component && self.special.reporters.is_empty() && !self.rules.is_empty() {
            end(scene, self.rules, 0, &mut Vec::new(), self.sink);
        }
    }
}

impl Finish<'_> {
    /// Notes who the `at`th subject is: its patient and a device of it, and its context where that is another one.
    pub(super) fn introduce(
        &mut self,
        at: u32,
        patient_id: &str,
        device_id: &str,
        context: Option<&[u8]>,
    ) {
        let Some(touched) = self.pending.subjects.get_mut(at as usize) else {
            return;
        };
        let known = touched
            .place
            .and_then(|place| self.partition.identity(place));
        let identity = touched
            .identity
            .get_or_insert_with(|| Box::new(known.cloned().unwrap_or_default()));
        identity.patient_id = patient_id.into();
        identity.add(device_key(device_id), device_id);
        if let Some(context) = context {
            if *identity.context != *context {
                identity.context = context.into();
            }
        }
    }
}
