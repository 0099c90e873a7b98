//! Limit rules: a sign beyond a limit, the patient's own where there is one.

use crate::features::Family;
use crate::sign::Sign;

use super::compile::RuleSet;
use super::episode::{Facts, Phase, RuleState};
use super::memory::Memory;
use super::model::{Direction, LimitRule, PatientLimitKind, Rule, Test, STEPS_MAX};
use super::moment::{Alert, Evidence, Moment, Value};
use super::profile::Profile;
use super::run::{run, Finding};
use super::window::{Keeps, Spec};

/// Evaluates every usable value of the observation.
#[inline]
pub fn evaluate(
    set: &RuleSet,
    states: &mut Vec<RuleState>,
    profile: &Profile,
    memory: &Memory,
    moment: &Moment<'_>,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    let usual = set.is_usual(moment);
    for value in moment.values {
        if value.connected
            && (!usual
                || !states.is_empty()
                || !set.is_within_all_limits(value.sign, value.value)
                || profile.concerns(value.sign))
        {
            for rule in set.limit_rules(value.sign) {
                if !moment.excludes(rule) {
                    evaluate_rule(set, rule, states, profile, memory, moment, value, sink);
                }
            }
        }
    }
}

#[allow(clippy::too_many_arguments)] // what the loop has, once
fn evaluate_rule(
    set: &RuleSet,
    rule: &Rule,
    states: &mut Vec<RuleState>,
    profile: &Profile,
    memory: &Memory,
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
    let compared = match window_of(test, rule.devices) {
        None => value.value,
        Some(spec) => memory.result(value.sign, spec).unwrap_or(value.value),
    };
    let facts = Facts {
        met: limits.beyond(test, compared, 0.0),
        held: limits.beyond(test, compared, test.hysteresis),
        immediate: moment.spot_check(value.previous_us, set.settings.spot_check_after_us),
    };
    if facts.met == 0 && states.is_empty() {
        return;
    }
    let finding = Finding {
        facts,
        sign: value.sign as u8,
        value: compared,
    };
    let numbers = |phase, i| {
        (
            limits.evidence(test, value.sign, compared, facts, phase, i),
            None,
        )
    };
    run(rule, states, moment, finding, numbers, sink);
}

/// The window of the mean that is compared; `None` = each value is.
pub fn window_of(test: &LimitRule, devices: u64) -> Option<Spec> {
    (test.average_us > 0).then_some(Spec {
        keeps: Keeps::Sum,
        window_us: test.average_us,
        devices,
    })
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
        sign: Sign,
        value: f64,
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
            sign: Some(sign),
            value,
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
/// No value is safe where a mean is compared.
pub fn safe_range(test: &LimitRule) -> (f64, f64) {
    if test.average_us > 0 {
        return (f64::INFINITY, f64::NEG_INFINITY);
    }
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
