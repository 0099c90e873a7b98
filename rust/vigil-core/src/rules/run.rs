//! What all kinds of rules have in common once they know which steps are met.

use super::episode::{find, level, Facts, Phase, RuleState};
use super::model::Rule;
use super::moment::{Alert, Basis, Evidence, Moment};

/// Where the state of `rule` is; a new one where there is none and the condition is `met`.
#[inline]
pub fn open(
    rule: &Rule,
    sign: u8,
    states: &mut Vec<RuleState>,
    met: bool,
    moment: &Moment<'_>,
) -> Option<usize> {
    let found = find(states, rule.key);
    if found.is_none() && met {
        states.push(RuleState::new(rule, sign, rule.test.technical(), moment));
        return Some(states.len() - 1);
    }
    found
}

/// Moves the state at `at` on, says what follows, and forgets it when it is over. `numbers` is asked for what is said
/// in a phase about the step at an index.
pub fn follow<'a>(
    rule: &Rule,
    at: usize,
    states: &mut Vec<RuleState>,
    moment: &Moment<'_>,
    facts: Facts,
    numbers: impl FnOnce(Phase, usize) -> (Option<Evidence>, Option<Basis<'a>>),
    sink: &mut dyn FnMut(Alert<'_>),
) {
    let Some(state) = states.get_mut(at) else {
        return;
    };
    state.sign_time_us = moment.now_us;
    let step = |i| rule.test.step(i);
    if let Some(phase) = state.advance(facts, moment.now_us, step) {
        let active = usize::from(state.active.max(1)) - 1;
        let (evidence, warning) = numbers(phase, active);
        sink(Alert {
            rule: Some(rule),
            state,
            phase,
            delay_us: step(active).map_or(0, |(delay_us, _)| delay_us),
            evidence,
            warning,
        });
        if phase == Phase::End && !state.is_over() && !state.is_latched() {
            state.begin_anew(rule, moment);
        }
    }
    if state.is_over() {
        states.swap_remove(at);
    }
}

/// What a rule finds at a value.
#[derive(Debug, Clone, Copy)]
pub struct Finding {
    /// Which steps.
    pub facts: Facts,
    /// The sign (its number) that was measured.
    pub sign: u8,
    /// What is compared.
    pub value: f64,
}

/// Moves the state of a rule about values of a sign on, as [`follow`].
pub fn run<'a>(
    rule: &Rule,
    states: &mut Vec<RuleState>,
    moment: &Moment<'_>,
    finding: Finding,
    numbers: impl FnOnce(Phase, usize) -> (Evidence, Option<Basis<'a>>),
    sink: &mut dyn FnMut(Alert<'_>),
) {
    let Finding { facts, sign, value } = finding;
    let Some(at) = open(rule, sign, states, facts.met != 0, moment) else {
        return;
    };
    let Some(state) = states.get_mut(at) else {
        return;
    };
    if state.sign != sign && moment.heard(state) && level(facts.met) <= state.active {
        return; // another sign may make it worse; only the one that raised it may clear it
    }
    state.sign = sign;
    state.value = value;
    let numbers = |phase, step| {
        let (evidence, warning) = numbers(phase, step);
        (Some(evidence), warning)
    };
    follow(rule, at, states, moment, facts, numbers, sink);
}
