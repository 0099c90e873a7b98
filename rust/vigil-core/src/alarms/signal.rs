//! The alarm signal of an episode: what is said when its condition changes.

use crate::engine::identity::Identity;
use crate::features::NEVER;
use crate::ids::Id;
use crate::rules::model::{Ladder, Rule};
use crate::rules::moment::{Alert, Basis, Evidence, Moment};
use crate::rules::{Phase, RuleSet, RuleState, Subject};

use super::pause::{self, Pause};
use super::said::{Activation, By, Cause, Presence, Said};
use super::settle::{pause_begins, start};

/// How the signal of an episode stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalState {
    /// What people perceive.
    pub presence: Presence,
    /// A pause kept it back when it was last looked at.
    pub paused: bool,
    /// That it is kept back was said.
    pub suppressed: bool,
    /// Its sign is missing.
    pub stale: bool,
    /// Step of the ladder that it has reached, from 1; 0 = it has none.
    pub level: u8,
    /// The step of the rule that was last said.
    pub step: u8,
    /// Since when it is on (processing time), as far as the ladder is concerned.
    pub on_us: i64,
    /// When it was acknowledged (processing time).
    pub acknowledged_us: i64,
    /// When the condition of a latched alarm cleared.
    pub ended_us: i64,
}

impl Default for SignalState {
    fn default() -> Self {
        Self {
            presence: Presence::None,
            paused: false,
            suppressed: false,
            stale: false,
            level: 0,
            step: 0,
            on_us: NEVER,
            acknowledged_us: NEVER,
            ended_us: NEVER,
        }
    }
}

/// Where an alert goes.
pub type Sink<'s> = &'s mut dyn FnMut(Said<'_>);

/// What an observation or a control finds.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The rules.
    pub set: &'a RuleSet,
    /// Whose alarms.
    pub subject: Subject<'a>,
    /// The time that conditions count with: the observation's, or the control's.
    pub now_us: i64,
    /// Processing time: the gateway's receipt of the observation, or the control's.
    pub clock_us: i64,
    /// The observation or the control.
    pub event_id: Id,
    /// Of the subject.
    pub pauses: &'a [Pause],
    /// Event time of the evidence where it is not the observation's; 0 = it is.
    pub evidence_us: i64,
    /// Who the subject is, in words.
    pub identity: &'a Identity,
    /// The rule of a component's own subject, which no rule set has.
    pub component: Option<&'a Rule>,
}

impl<'a> Scene<'a> {
    /// What rules that are not about values see of it.
    pub fn moment(&self) -> Moment<'a> {
        Moment::bare(self.now_us, self.event_id, self.subject)
    }

    /// Nothing happens; it is only asked when something will.
    pub fn idle(
        set: &'a RuleSet,
        pauses: &'a [Pause],
        identity: &'a Identity,
        component: Option<&'a Rule>,
    ) -> Self {
        Self {
            set,
            subject: Subject {
                patient_id: "",
                device_id: "",
            },
            now_us: 0,
            clock_us: 0,
            event_id: [0; 16],
            pauses,
            evidence_us: 0,
            identity,
            component,
        }
    }

    /// The rule of a state.
    pub fn rule(&self, state: &RuleState) -> Option<&'a Rule> {
        self.set
            .rule(state.rule)
            .or_else(|| self.component.filter(|rule| rule.key == state.rule))
    }

    /// Indices of `states` in the order of the rules in the file.
    pub fn in_order(&self, states: &[RuleState]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..states.len()).collect();
        order.sort_by_key(|i| {
            states
                .get(*i)
                .map(|state| (self.set.place(state.rule), state.device))
        });
        order
    }
}

/// What goes with an alert beside its state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// Configured delay of the step.
    pub delay_us: i64,
    /// The numbers.
    pub evidence: Option<Evidence>,
    /// What the numbers are made from, where it is not one value.
    pub warning: Option<Basis<'a>>,
    /// A person's part.
    pub by: Option<By<'a>>,
    /// The rule that says it all.
    pub suppressed_by: &'a str,
}

/// Says it: counts the alert, and gives it to `sink`.
pub fn say(
    scene: &Scene<'_>,
    state: &mut RuleState,
    phase: Phase,
    cause: Cause,
    facts: Facts<'_>,
    sink: Sink<'_>,
) {
    let paused = pause::of(scene.pauses, state);
    let end_us = match (phase, state.signal.presence) {
        (_, Presence::Latched) => state.signal.ended_us,
        (Phase::End, _) => scene.now_us,
        _ => NEVER,
    };
    let presence = match (phase, state.signal.presence) {
        (Phase::End, _) | (_, Presence::None) => Presence::Off,
        (_, presence) => presence,
    };
    state.alerts += 1;
    let rule = scene.rule(state);
    let (rung, escalate_to) = match ladder(rule) {
        Some(ladder) => {
            let rung = usize::from(state.signal.level).checked_sub(1);
            let step = rung.and_then(|i| ladder.steps.get(i));
            (state.signal.level, step.map_or("", |step| &step.to))
        }
        None => (0, ""),
    };
    sink(Said {
        level: rung,
        escalate_to,
        evidence_us: scene.evidence_us,
        rule,
        state,
        phase,
        cause,
        presence,
        activation: paused.map_or(Activation::On, Pause::activation),
        by: facts.by,
        suppressed_by: facts.suppressed_by,
        delay_us: facts.delay_us,
        evidence: facts.evidence,
        warning: facts.warning,
        end_us,
    });
}

/// The ladder of a rule.
pub fn ladder(rule: Option<&Rule>) -> Option<&Ladder> {
    rule?.ladder.as_deref()
}

/// The signal is on from now on, from the ladder's first step.
pub fn turn_on(scene: &Scene<'_>, state: &mut RuleState) {
    state.signal.presence = Presence::On;
    state.signal.on_us = scene.clock_us;
    state.signal.level = u8::from(ladder(scene.rule(state)).is_some());
}

/// The rules that keep others back: those whose alarm is there and was said.
pub fn speaking(states: &[RuleState]) -> Vec<u64> {
    let speaks = |state: &&RuleState| state.active > 0 && state.signal.presence != Presence::None;
    states.iter().filter(speaks).map(|s| s.rule).collect()
}

/// The first rule that keeps `rule` back.
pub fn suppressor<'a>(set: &'a RuleSet, rule: &Rule, speaking: &[u64]) -> Option<&'a Rule> {
    let found = rule.suppressed_by.iter().find(|key| speaking.contains(key));
    set.rule(*found?)
}

/// A condition has changed: `alert.phase` says how (START: it is there, UPDATE: another step, END: it has
/// cleared). Says what follows; `speaking` are the rules that are alarming.
pub fn condition(scene: &Scene<'_>, speaking: &mut Vec<u64>, alert: Alert<'_>, sink: Sink<'_>) {
    let Alert {
        rule,
        state,
        phase,
        delay_us,
        evidence,
        warning,
    } = alert;
    let facts = Facts {
        delay_us,
        evidence,
        warning,
        ..Facts::default()
    };
    let before = std::mem::replace(&mut state.signal.step, state.active);
    let paused = pause::of(scene.pauses, state);
    match (phase, state.signal.presence) {
        (Phase::Start, Presence::Latched) => {
            turn_on(scene, state);
            state.signal.ended_us = NEVER;
            state.signal.paused &= paused.is_some();
            speaking.push(state.rule);
            say(scene, state, Phase::Update, Cause::Returned, facts, sink);
            pause_begins(scene, state, paused, sink);
        }
        (Phase::Start | Phase::Update, Presence::None) => {
            let suppressor = rule.and_then(|rule| suppressor(scene.set, rule, speaking));
            if paused.is_none() && suppressor.is_none() {
                let cause = if state.signal.suppressed {
                    Cause::Resumed
                } else {
                    Cause::Condition
                };
                start(scene, state, cause, facts, sink);
                speaking.push(state.rule);
            } else if !state.signal.suppressed {
                state.signal.suppressed = true;
                let (cause, by, suppressed_by) = match paused {
                    Some(pause) => (Cause::Paused, Some(By::pause(pause)), ""),
                    None => (Cause::Suppressed, None, suppressor.map_or("", |r| &r.id)),
                };
                let facts = Facts {
                    by,
                    suppressed_by,
                    ..facts
                };
                say(scene, state, Phase::Suppressed, cause, facts, sink);
            }
        }
        (Phase::Update, _) => {
            state.signal.paused &= paused.is_some();
            let cause = if state.active > before {
                turn_on(scene, state);
                Cause::Worse
            } else {
                Cause::Better
            };
            say(scene, state, Phase::Update, cause, facts, sink);
            pause_begins(scene, state, paused, sink);
        }
        (Phase::End, Presence::On) if rule.is_some_and(|rule| rule.latching) => {
            state.signal.presence = Presence::Latched;
            state.signal.ended_us = scene.now_us;
            speaking.retain(|key| *key != state.rule);
            say(scene, state, Phase::Update, Cause::Latched, facts, sink);
        }
        (Phase::End, Presence::On | Presence::Acknowledged) => {
            speaking.retain(|key| *key != state.rule);
            say(scene, state, Phase::End, Cause::Condition, facts, sink);
            state.end_signal();
        }
        (Phase::End, Presence::None) => state.end_signal(),
        // What was never said is not ended; what is latched was ended before.
        (Phase::Start | Phase::End | Phase::Suppressed, _) => {}
    }
}
