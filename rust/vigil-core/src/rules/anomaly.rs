//! Anomaly rules: a column of the model's answer reaches a score.

use super::compile::RuleSet;
use super::episode::{level, Facts, Phase, RuleState};
use super::model::{AnomalyRule, Test};
use super::moment::{Alert, Basis, Evidence, Moment};
use super::run::{follow, open};
use super::score::clear_from;
use crate::features::score_names;

/// The model answers with four decimals.
const DECIMALS: f64 = 1e4;

/// Evaluates every observation that has a score in the rule's column. Without one (the model did not answer, or could
/// not score) nothing is met and nothing clears: the rule stays as it is.
#[inline]
pub fn evaluate(
    set: &RuleSet,
    states: &mut Vec<RuleState>,
    moment: &Moment<'_>,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    let Some(model) = moment.model else {
        return;
    };
    for rule in set.anomaly_rules() {
        if moment.excludes(rule) {
            continue;
        }
        let Test::Anomaly(test) = &rule.test else {
            continue;
        };
        let Some(score) = model.get(test.column).copied().flatten().map(decimal) else {
            continue;
        };
        let facts = Facts {
            met: reached(test, score, 0.0),
            held: reached(test, score, test.hysteresis),
            immediate: moment
                .spot_check(moment.warning.previous_us, set.settings.spot_check_after_us),
        };
        let Some(at) = open(rule, 0, states, facts.met != 0, moment) else {
            continue;
        };
        let numbers = |phase, _| {
            let name = score_names().get(test.column);
            (
                evidence(test, score, facts.met, phase),
                name.map(|name| Basis::Column(name)),
            )
        };
        follow(rule, at, states, moment, facts, numbers, sink);
    }
}

/// The decimal number that the float32 stands for: 0.7 is 0.7, not a hair less.
pub fn decimal(score: f32) -> f64 {
    (f64::from(score) * DECIMALS).round() / DECIMALS
}

fn reached(test: &AnomalyRule, score: f64, hysteresis: f64) -> u8 {
    let steps = test.steps.iter().enumerate();
    steps.fold(0, |bits, (i, step)| {
        bits | u8::from(score >= clear_from(step.at_least, hysteresis)) << i
    })
}

/// The score with the highest limit that it reaches; or, when it ended, the one that it no longer holds.
fn evidence(test: &AnomalyRule, score: f64, met: u8, phase: Phase) -> Option<Evidence> {
    let step = test.steps.get(usize::from(level(met).max(1)) - 1)?;
    let ended = phase == Phase::End;
    let limit = if met == 0 {
        clear_from(step.at_least, test.hysteresis)
    } else {
        step.at_least
    };
    Some(Evidence {
        sign: None,
        value: score,
        limit,
        comparison: if ended || score < limit { "<" } else { ">=" },
        patient_limit: false,
    })
}
