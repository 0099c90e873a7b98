//! Trend rules: a sign has fallen from the highest value of its window, or risen from the lowest.

use super::compile::RuleSet;
use super::episode::{Facts, Phase, RuleState};
use super::memory::Memory;
use super::model::{Change, Rule, Test, Trend, TrendRule};
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
    let change = Changed::new(test.trend, reference, value.value);
    if change.of(test).is_none() {
        return; // who can say? The rule stays as it is
    }
    let met = change.reached(test, 0.0);
    if met == 0 && states.is_empty() {
        return;
    }
    let facts = Facts {
        met,
        held: change.reached(test, test.hysteresis),
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

/// How far a value has gone from its reference; never negative, for the window holds the value too.
#[derive(Debug, Clone, Copy)]
pub struct Changed {
    absolute: f64,
    /// `None` when a percentage of the reference means nothing.
    percent: Option<f64>,
}

impl Changed {
    /// From `reference` to `value`.
    pub fn new(trend: Trend, reference: f64, value: f64) -> Self {
        let absolute = match trend {
            Trend::Fall => clean(reference - value),
            Trend::Rise => clean(value - reference),
        };
        Self {
            absolute,
            percent: if absolute == 0.0 {
                Some(0.0)
            } else {
                (reference > 0.0).then(|| clean(100.0 * absolute / reference))
            },
        }
    }

    /// The change as the steps of `test` have it; `None` when they ask for a percentage that means nothing.
    pub fn of(self, test: &TrendRule) -> Option<f64> {
        if test.in_percent() {
            self.percent
        } else {
            Some(self.absolute)
        }
    }

    /// Bits of the steps that are reached, were the change larger by `hysteresis`.
    pub fn reached(self, test: &TrendRule, hysteresis: f64) -> u8 {
        let mut bits = 0;
        for (i, step) in test.steps.iter().enumerate() {
            let reached = match step.change {
                Change::Absolute(change) => self.absolute >= clean(change - hysteresis),
                Change::Percent(percent) => self
                    .percent
                    .is_some_and(|is| is >= clean(percent - hysteresis)),
            };
            bits |= u8::from(reached) << i;
        }
        bits
    }
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
