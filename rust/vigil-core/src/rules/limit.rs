//! Limit rules: a sign beyond a limit, the patient's own where there is one.

use crate::features::Family;
use crate::sign::Sign;

use super::compile::RuleSet;
use super::episode::{find, level, Facts, Phase, RuleState};
use super::model::{Direction, LimitRule, PatientLimitKind, Rule, Test, STEPS_MAX};
use super::moment::{Alert, Evidence, Moment, Value};
use super::profile::Profile;

/// Evaluates every usable value of the observation.
#[inline]
pub fn evaluate(
    set: &RuleSet,
    states: &mut Vec<RuleState>,
    profile: &Profile,
    moment: &Moment<'_>,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    for value in moment.values {
        if value.connected
            && (!states.is_empty()
                || !set.is_within_all_limits(value.sign, value.value)
                || profile.concerns(value.sign))
        {
            for rule in set.limit_rules(value.sign) {
                evaluate_rule(set, rule, states, profile, moment, value, sink);
            }
        }
    }
}

fn evaluate_rule(
    set: &RuleSet,
    rule: &Rule,
    states: &mut Vec<RuleState>,
    profile: &Profile,
    moment: &Moment<'_>,
    value: &Value,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    let Test::Limit(test) = &rule.test else {
        return;
    };
    if value.sign != test.sign && moment.has(test.sign) {
        return; // the sign itself is there: its alternate need not speak
    }
    let limits = Limits::of(test, profile, value.sign);
    let facts = Facts {
        met: limits.beyond(test, value.value, 0.0),
        held: limits.beyond(test, value.value, test.hysteresis),
        immediate: moment.spot_check(value.previous_us, set.settings.spot_check_after_us),
    };
    let found = find(states, rule.key);
    let sign = value.sign as u8;
    let at = match found {
        Some(i) => i,
        None if facts.met == 0 => return,
        None => {
            states.push(RuleState::new(rule, sign, false, moment));
            states.len() - 1
        }
    };
    let Some(state) = states.get_mut(at) else {
        return;
    };
    if state.sign != sign && moment.heard(state) && level(facts.met) <= state.active {
        return; // another sign may make it worse; only the one that raised it may clear it
    }
    state.sign = sign;
    state.sign_time_us = moment.now_us;
    state.value = value.value;
    let phase = state.advance(facts, moment.now_us, |i| {
        test.steps.get(i).map(|step| (step.delay_us, step.urgency))
    });
    if let Some(phase) = phase {
        let step = usize::from(state.active.max(1)) - 1;
        sink(Alert {
            rule: Some(rule),
            state,
            phase,
            delay_us: test.steps.get(step).map_or(0, |step| step.delay_us),
            evidence: Some(limits.evidence(test, value, facts, phase, step)),
            warning: None,
        });
    }
    if state.is_over() {
        states.swap_remove(at);
    }
}

/// The limits of a rule's steps for one patient and sign, with whose they are.
struct Limits {
    steps: [Option<(f64, bool)>; STEPS_MAX],
}

impl Limits {
    /// A patient's limit replaces the default of its step; the less urgent steps that no patient limit
    /// can replace then fall away, for the patient's own limit is the first to be told about.
    fn of(test: &LimitRule, profile: &Profile, sign: Sign) -> Self {
        let mut steps = [None; STEPS_MAX];
        let concerned = profile.concerns(sign);
        for (slot, step) in steps.iter_mut().zip(&test.steps) {
            let own = step
                .patient_limit
                .filter(|_| concerned)
                .and_then(|kind| profile.limit(sign, test.sign, kind));
            *slot = own
                .map(|limit| (limit, true))
                .or_else(|| step.limit.map(|limit| (limit, false)));
        }
        if concerned {
            let own = test.steps.iter().zip(&steps).position(|(step, slot)| {
                let first = [PatientLimitKind::Low, PatientLimitKind::High];
                step.patient_limit.is_some_and(|kind| first.contains(&kind))
                    && slot.is_some_and(|(_, own)| own)
            });
            for (slot, step) in steps.iter_mut().zip(&test.steps).take(own.unwrap_or(0)) {
                if step.patient_limit.is_none() {
                    *slot = None;
                }
            }
        }
        Self { steps }
    }

    /// Bits of the steps whose limit, widened by `hysteresis`, `value` is beyond.
    fn beyond(&self, test: &LimitRule, value: f64, hysteresis: f64) -> u8 {
        let mut bits = 0;
        for (i, (slot, step)) in self.steps.iter().zip(&test.steps).enumerate() {
            if let Some((limit, _)) = slot {
                let limit = test.direction.clear_limit(*limit, hysteresis);
                bits |= u8::from(test.direction.beyond(step.inclusive, value, limit)) << i;
            }
        }
        bits
    }

    fn evidence(
        &self,
        test: &LimitRule,
        value: &Value,
        facts: Facts,
        phase: Phase,
        step: usize,
    ) -> Evidence {
        // What cleared it is the widest limit there is.
        let ended = phase == Phase::End;
        let first = || self.steps.iter().position(Option::is_some).unwrap_or(step);
        let step = if ended { first() } else { step };
        let (limit, patient_limit) = self.steps.get(step).copied().flatten().unwrap_or_default();
        let inclusive = test.steps.get(step).is_some_and(|step| step.inclusive);
        let by_hysteresis = facts.met & (1 << step) == 0;
        Evidence {
            sign: Some(value.sign),
            value: value.value,
            limit: if by_hysteresis {
                test.direction.clear_limit(limit, test.hysteresis)
            } else {
                limit
            },
            comparison: test.direction.comparison(inclusive, ended),
            patient_limit,
        }
    }
}

/// The limits that apply to a patient's values of `sign`, a step each, with whether they are the patient's own.
pub fn effective(
    test: &LimitRule,
    profile: &Profile,
    sign: Sign,
) -> [Option<(f64, bool)>; STEPS_MAX] {
    Limits::of(test, profile, sign).steps
}

/// The range strictly inside which no step of `test` can be met, whatever the direction of other rules.
pub fn safe_range(test: &LimitRule) -> (f64, f64) {
    let limits = || test.steps.iter().filter_map(|step| step.limit);
    match test.direction {
        Direction::Low => (limits().fold(f64::NEG_INFINITY, f64::max), f64::INFINITY),
        Direction::High => (f64::NEG_INFINITY, limits().fold(f64::INFINITY, f64::min)),
    }
}

/// The signs whose values a rule about `sign` evaluates.
pub fn signs_of(sign: Sign) -> impl Iterator<Item = Sign> {
    [Some(sign), Family::alternate_of(sign)]
        .into_iter()
        .flatten()
}
