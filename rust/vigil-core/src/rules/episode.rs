//! The alarm state machine of one rule and one patient: pending, START, UPDATE, END.

use crate::features::NEVER;
use crate::ids::Id;

use crate::alarms::said::{Cause, Presence};
use crate::alarms::signal::{self, say, Scene, SignalState, Sink};
use crate::sign::Sign;

use super::model::{Priority, Rule, Severity, Urgency, STEPS_MAX};
use super::moment::{Evidence, Moment};

/// Numbers equal `vigil.v1.AlertPhase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// The alarm is raised.
    Start = 1,
    /// Its priority or its signal changed.
    Update = 2,
    /// The condition has cleared, or its signal has.
    End = 3,
    /// The condition is there and nobody is told.
    Suppressed = 4,
}

/// A condition that is met, waiting for its delay or alarming. A patient without one has no state.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleState {
    /// The rule's key.
    pub rule: u64,
    /// 0 = waiting for the delay; else the active step, counted from 1.
    pub active: u8,
    /// The sign that raised it (its number); 0 for a score.
    pub sign: u8,
    /// Whether it is a technical alarm.
    pub technical: bool,
    /// Event time of the last evaluated value of `sign`.
    pub sign_time_us: i64,
    /// Derives from the subject, the rule and the first observation that met the condition.
    pub episode: Id,
    /// When that observation was made.
    pub onset_us: i64,
    /// Since when each step's condition holds; [`NEVER`] = it does not.
    pub since_us: [i64; STEPS_MAX],
    /// When it was raised; [`NEVER`] before.
    pub raised_us: i64,
    /// Alerts of this episode so far.
    pub alerts: u32,
    /// Of the active step.
    pub urgency: Urgency,
    /// Score rules: inputs (bits) that gave points when it was last evaluated.
    pub contributors: u8,
    /// The last evaluated value of `sign`; NaN for all but limit and trend rules.
    pub value: f64,
    /// A silent device: hash of its id; else 0.
    pub device: u64,
    /// A silent device: bits of the signs that were heard from it last.
    pub signs: u32,
    /// What people perceive of it.
    pub signal: SignalState,
}

/// What an observation says about a rule: a bit a step, the least urgent in bit 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Steps whose condition is met.
    pub met: u8,
    /// Steps that are not cleared yet (hysteresis); contains `met`.
    pub held: u8,
    /// Delays do not apply: the sign is spot-checked.
    pub immediate: bool,
}

/// The number (from 1) of the most urgent step in `steps`; 0 = none.
#[inline]
pub const fn level(steps: u8) -> u8 {
    (u8::BITS - steps.leading_zeros()) as u8
}

impl RuleState {
    /// A condition that `moment` meets for the first time.
    pub fn new(rule: &Rule, sign: u8, technical: bool, moment: &Moment<'_>) -> Self {
        Self {
            rule: rule.key,
            active: 0,
            sign,
            technical,
            sign_time_us: moment.now_us,
            episode: moment.subject.episode_id(&rule.id, &moment.event_id),
            onset_us: moment.now_us,
            since_us: [NEVER; STEPS_MAX],
            raised_us: NEVER,
            alerts: 0,
            urgency: Urgency {
                priority: Priority::Low,
                severity: Severity::Low,
            },
            contributors: 0,
            value: f64::NAN,
            device: 0,
            signs: 0,
            signal: SignalState::default(),
        }
    }

    /// Something that the clock found to be silent.
    pub fn silent(rule: &Rule, sign: u8, scene: &Scene<'_>) -> Self {
        Self::new(rule, sign, true, &scene.moment())
    }

    /// Moves on to `now_us`. `step(i)` gives delay and urgency of step i. Returns what is to be said.
    pub fn advance(
        &mut self,
        facts: Facts,
        now_us: i64,
        step: impl Fn(usize) -> Option<(i64, Urgency)>,
    ) -> Option<Phase> {
        let mut raised = 0;
        for (i, since_us) in self.since_us.iter_mut().enumerate() {
            if facts.met & (1 << i) == 0 {
                *since_us = NEVER;
                continue;
            }
            if *since_us == NEVER {
                *since_us = now_us;
            }
            let held_us = now_us.saturating_sub(*since_us);
            if step(i).is_some_and(|(delay_us, _)| facts.immediate || held_us >= delay_us) {
                raised = i as u8 + 1;
            }
        }
        let kept = level(facts.held & ((1u16 << self.active) - 1) as u8);
        let before = self.active;
        self.active = raised.max(kept);
        if let Some((_, urgency)) = self.active.checked_sub(1).and_then(|i| step(i.into())) {
            self.urgency = urgency;
        }
        let phase = match (before, self.active) {
            (before, after) if before == after => return None,
            (0, _) => {
                self.raised_us = now_us;
                Phase::Start
            }
            (_, 0) => Phase::End,
            _ => Phase::Update,
        };
        Some(phase)
    }

    /// Whether nothing is left to remember.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.active == 0
            && self.signal.presence != Presence::Latched
            && self.since_us.iter().all(|since| *since == NEVER)
    }

    /// Whether its condition has cleared and its signal stays.
    #[inline]
    pub fn is_latched(&self) -> bool {
        self.active == 0 && self.signal.presence == Presence::Latched
    }

    /// Whether its alarm is there, but nothing was said of it except that it is kept back.
    #[inline]
    pub fn is_kept_back(&self) -> bool {
        self.active > 0 && self.signal.presence == Presence::None
    }

    /// Its signal is gone; what is met again later is another alarm.
    pub fn end_signal(&mut self) {
        self.signal = SignalState::default();
    }

    /// It has ended while a step is met and waits on: what that becomes is another alarm, not a second one of the
    /// same episode.
    pub fn begin_anew(&mut self, rule: &Rule, moment: &Moment<'_>) {
        let ended = self.clone();
        let waits = ended.since_us.into_iter().filter(|since| *since != NEVER);
        *self = Self {
            onset_us: waits.min().unwrap_or(moment.now_us),
            since_us: ended.since_us,
            value: ended.value,
            sign_time_us: ended.sign_time_us,
            contributors: ended.contributors,
            device: ended.device,
            signs: ended.signs,
            ..Self::new(rule, ended.sign, ended.technical, moment)
        };
    }

    /// The last value of its sign, with its event time.
    pub fn last(&self) -> Option<(Evidence, i64)> {
        let sign = Sign::from_number(u64::from(self.sign));
        let evidence = Evidence {
            sign,
            value: self.value,
            limit: 0.0,
            comparison: "",
            patient_limit: false,
        };
        (sign.is_some() && !self.value.is_nan()).then_some((evidence, self.sign_time_us))
    }

    /// Which alert of the episode was said last: 0 for START.
    pub fn step(&self) -> u32 {
        self.alerts.saturating_sub(1)
    }
}

/// The state of the rule `key`.
#[inline]
pub fn find(states: &[RuleState], key: u64) -> Option<usize> {
    states.iter().position(|state| state.rule == key)
}

/// Whether one of the rules `keys` is alarming.
#[inline]
pub fn any_active(states: &[RuleState], keys: &[u64]) -> bool {
    !keys.is_empty()
        && states
            .iter()
            .any(|s| s.active > 0 && keys.contains(&s.rule))
}

/// Ends the episodes of rules that the rule set no longer has, and forgets what waited for them.
pub fn withdraw(scene: &Scene<'_>, states: &mut Vec<RuleState>, sink: Sink<'_>) {
    states.retain_mut(|state| {
        let known = scene.rule(state).is_some();
        if !known && state.signal.presence != Presence::None {
            state.active = 0;
            state.sign_time_us = scene.now_us;
            let nothing = signal::Facts::default();
            say(
                scene,
                state,
                Phase::End,
                Cause::RuleWithdrawn,
                nothing,
                sink,
            );
        }
        known
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::message::Message;
    use crate::rules::model::{ScoreKind, ScoreRule, Test};
    use crate::rules::Subject;

    fn state() -> RuleState {
        let subject = Subject {
            patient_id: "p",
            device_id: "d",
        };
        let moment = Moment::bare(0, [7; 16], subject);
        let test = Test::Score(ScoreRule {
            score: ScoreKind::News2,
            hysteresis: 0.0,
            steps: Vec::new(),
        });
        let rule = Rule::new("r", "t", Message::parse("m").unwrap(), test);
        RuleState::new(&rule, 1, false, &moment)
    }

    /// Two steps: medium after 10, high at once.
    fn step(i: usize) -> Option<(i64, Urgency)> {
        match i {
            0 => Some((10, Urgency::new(Priority::Medium, false))),
            1 => Some((0, Urgency::new(Priority::High, false))),
            _ => None,
        }
    }

    fn facts(met: u8, held: u8) -> Facts {
        Facts {
            met,
            held,
            immediate: false,
        }
    }

    #[test]
    fn a_condition_must_hold_for_its_delay() {
        let mut state = state();
        assert_eq!(state.advance(facts(1, 1), 0, step), None);
        assert_eq!(state.advance(facts(1, 1), 9, step), None);
        assert_eq!(state.advance(facts(0, 0), 10, step), None);
        assert!(state.is_over());
        assert_eq!(state.advance(facts(1, 1), 11, step), None);
        assert_eq!(state.advance(facts(1, 1), 21, step), Some(Phase::Start));
        assert_eq!((state.active, state.raised_us), (1, 21));
        assert_eq!(state.advance(facts(1, 1), 99, step), None);
    }

    #[test]
    fn a_worse_step_updates_at_once_and_a_better_one_after_hysteresis() {
        let mut state = state();
        assert_eq!(state.advance(facts(3, 3), 0, step), Some(Phase::Start));
        assert_eq!(state.active, 2);
        assert_eq!(state.advance(facts(1, 3), 1, step), None, "held");
        assert_eq!(state.advance(facts(1, 1), 2, step), Some(Phase::Update));
        assert_eq!(state.active, 1);
        assert_eq!(state.urgency.priority, Priority::Medium);
        assert_eq!(state.advance(facts(0, 1), 3, step), None, "held");
        assert_eq!(state.advance(facts(0, 0), 4, step), Some(Phase::End));
        assert!(state.is_over());
    }

    #[test]
    fn a_spot_check_does_not_wait() {
        let mut state = state();
        let facts = Facts {
            immediate: true,
            ..facts(1, 1)
        };
        assert_eq!(state.advance(facts, 0, step), Some(Phase::Start));
    }
}
