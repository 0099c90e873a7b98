//! Trend rules: a sign has fallen from the highest value of its window, or risen from the lowest.

use super::compile::RuleSet;
use super::episode::{Facts, Phase, RuleState};
use super::memory::Memory;
use super::model::{Change, Rule, Test, Trend, TrendRule, TrendStep};
use super::moment::{Alert, Basis, Evidence, Moment, Value};
use super::run::{run, Finding};
use super::window::{clean, Keeps, Spec};

/// Evaluates every usable value of the observation.
#[inline]
pub fn evaluate(
    set: &RuleSet,
    states: &mut Vec<RuleState>,
    memory: &Memory,
    moment: &Moment<'_>,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    for value in moment.values {
        if value.connected {
            for rule in set.trend_rules(value.sign) {
                if !moment.excludes(rule) {
                    evaluate_rule(set, rule, states, memory, moment, value, sink);
                }
            }
        }
    }
}

fn evaluate_rule(
    set: &RuleSet,
    rule: &Rule,
    states: &mut Vec<RuleState>,
    memory: &Memory,
    moment: &Moment<'_>,
    value: &Value,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    let Test::Trend(test) = &rule.test else {
        return;
    };
    if value.sign != test.sign && moment.has(test.sign) {
        return; // the sign itself is there: its alternate need not speak
    }
    let Some(reference) = memory.result(value.sign, spec(test, rule.devices)) else {
        return;
    };
    let Some(change) = change(test, reference, value.value) else {
        return; // who can say? The rule stays as it is
    };
    let met = met(test, change);
    if met == 0 && states.is_empty() {
        return;
    }
    let facts = Facts {
        met,
        held: reached(test, |step| change >= step.held_at),
        immediate: moment.spot_check(value.previous_us, set.settings.spot_check_after_us),
    };
    let finding = Finding {
        facts,
        sign: value.sign as u8,
        value: value.value,
    };
    let numbers = |phase, i| {
        let evidence = evidence(test, value, reference, phase, i);
        (evidence, Some(Basis::Trend(reference)))
    };
    run(rule, states, moment, finding, numbers, sink);
}

/// The window that the rule asks for.
pub const fn spec(test: &TrendRule, devices: u64) -> Spec {
    Spec {
        keeps: match test.trend {
            Trend::Fall => Keeps::Max,
            Trend::Rise => Keeps::Min,
        },
        window_us: test.window_us,
        devices,
    }
}

/// How far a value has gone from its reference, in the unit of the test's steps; never negative, for the window holds
/// the value too. `None` when they ask for a percentage that means nothing.
#[inline]
pub fn change(test: &TrendRule, reference: f64, value: f64) -> Option<f64> {
    let absolute = match test.trend {
        Trend::Fall => clean(reference - value),
        Trend::Rise => clean(value - reference),
    };
    if !test.in_percent() || absolute == 0.0 {
        return Some(absolute);
    }
    (reference > 0.0).then(|| clean(100.0 * absolute / reference))
}

/// Bits of the steps that such a change meets.
#[inline]
pub fn met(test: &TrendRule, change: f64) -> u8 {
    reached(test, |step| change >= step.met_at)
}

#[inline]
fn reached(test: &TrendRule, is: impl Fn(&TrendStep) -> bool) -> u8 {
    let steps = (0..).zip(&test.steps);
    steps.fold(0, |bits, (i, step)| bits | u8::from(is(step)) << i)
}

/// The value that the change of a step leads to from `reference`.
pub fn limit(trend: Trend, change: Change, reference: f64) -> f64 {
    let change = match change {
        Change::Absolute(change) => change,
        Change::Percent(percent) => reference * percent / 100.0,
    };
    clean(match trend {
        Trend::Fall => reference - change,
        Trend::Rise => reference + change,
    })
}

fn evidence(
    test: &TrendRule,
    value: &Value,
    reference: f64,
    phase: Phase,
    step: usize,
) -> Evidence {
    let ended = phase == Phase::End;
    let step = test.steps.get(if ended { 0 } else { step });
    let limit = step.map_or(reference, |step| limit(test.trend, step.change, reference));
    Evidence {
        sign: Some(value.sign),
        value: value.value,
        limit,
        comparison: match (test.trend, value.value) {
            (Trend::Fall, is) if is > limit => ">",
            (Trend::Fall, _) => "<=",
            (Trend::Rise, is) if is < limit => "<",
            (Trend::Rise, _) => ">=",
        },
        patient_limit: false,
    }
}
