//! Score rules: NEWS2 reaches a total, or a single parameter scores 3.

use crate::scores::news2::News2;
use crate::sign::Sign;

use super::compile::RuleSet;
use super::episode::{find, level, Facts, Phase, RuleState};
use super::model::{ScoreRule, Test, Trigger};
use super::moment::{Alert, Evidence, Moment};

/// Points of a single parameter that ask for an urgent review.
const SINGLE: u8 = 3;

/// Evaluates the score when the observation brought one of its inputs. A partial total is a lower bound, so it
/// alarms when it reaches the limit; what has gone missing since clears nothing.
#[inline]
pub fn evaluate(
    set: &RuleSet,
    states: &mut Vec<RuleState>,
    moment: &Moment<'_>,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    if !moment.warning.updated {
        return;
    }
    for rule in set.score_rules() {
        let Test::Score(test) = &rule.test else {
            continue;
        };
        let (met, mut held) = moment.warning.news2.as_ref().map_or((0, 0), |news2| {
            (
                reached(test, news2, 0.0),
                reached(test, news2, test.hysteresis),
            )
        });
        let found = find(states, rule.key);
        if found.is_none() && met == 0 {
            continue;
        }
        let at = found.unwrap_or_else(|| {
            states.push(RuleState::new(rule, 0, false, moment));
            states.len() - 1
        });
        let Some(state) = states.get_mut(at) else {
            continue;
        };
        if let Some(news2) = &moment.warning.news2 {
            let (giving, missing) = inputs(news2);
            if state.contributors & missing != 0 {
                held |= ((1u16 << state.active) - 1) as u8;
            }
            state.contributors = giving | (state.contributors & missing);
        }
        let immediate =
            moment.spot_check(moment.warning.previous_us, set.settings.spot_check_after_us);
        state.sign_time_us = moment.now_us;
        let facts = Facts {
            met,
            held,
            immediate,
        };
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
                evidence: moment
                    .warning
                    .news2
                    .as_ref()
                    .and_then(|news2| evidence(test, news2, phase, level(met))),
                warning: Some(moment.warning),
            });
        }
        if state.is_over() {
            states.swap_remove(at);
        }
    }
}

fn reached(test: &ScoreRule, news2: &News2, hysteresis: f64) -> u8 {
    let mut bits = 0;
    for (i, step) in test.steps.iter().enumerate() {
        let reached = match step.trigger {
            Trigger::AtLeast(total) => f64::from(news2.total) + hysteresis >= total,
            Trigger::SingleThree => news2.single_three,
        };
        bits |= u8::from(reached) << i;
    }
    bits
}

/// Bits of the inputs that give points, and of those that are missing.
fn inputs(news2: &News2) -> (u8, u8) {
    let (mut giving, mut missing) = (0, 0);
    for (i, (_, points)) in news2.subscores.iter().enumerate() {
        match points {
            None => missing |= 1 << i,
            Some(0) => {}
            Some(_) => giving |= 1 << i,
        }
    }
    (giving, missing)
}

/// The total with the limit that it reached; for a single 3, the sign that scores it.
fn evidence(test: &ScoreRule, news2: &News2, phase: Phase, met: u8) -> Option<Evidence> {
    let step = test.steps.get(usize::from(met.max(1)) - 1)?;
    let ended = phase == Phase::End;
    let (sign, value, limit) = match step.trigger {
        Trigger::SingleThree if met > 0 => {
            let (input, _) = news2.subscores.iter().find(|(_, p)| *p == Some(SINGLE))?;
            (Some(input.sign()), SINGLE, f64::from(SINGLE))
        }
        _ => (None::<Sign>, news2.total, first_total(test, step.trigger)),
    };
    Some(Evidence {
        sign,
        value: f64::from(value),
        limit,
        comparison: if ended || f64::from(value) < limit {
            "<"
        } else {
            ">="
        },
        patient_limit: false,
    })
}

fn first_total(test: &ScoreRule, trigger: Trigger) -> f64 {
    if let Trigger::AtLeast(total) = trigger {
        return total;
    }
    test.steps
        .iter()
        .find_map(|step| match step.trigger {
            Trigger::AtLeast(total) => Some(total),
            Trigger::SingleThree => None,
        })
        .unwrap_or(f64::from(SINGLE))
}
