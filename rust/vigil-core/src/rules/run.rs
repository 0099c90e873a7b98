//! What kinds of rules about values have in common once they know which steps are met.

use super::episode::{find, level, Facts, Phase, RuleState};
use super::model::{Rule, Urgency};
use super::moment::{Alert, Basis, Evidence, Moment};

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

/// Moves the state of a rule on, and says what follows. `numbers` is asked for what is said in a phase about the step
/// at an index.
pub fn run<'a>(
    rule: &Rule,
    states: &mut Vec<RuleState>,
    moment: &Moment<'_>,
    finding: Finding,
    step: impl Fn(usize) -> Option<(i64, Urgency)>,
    numbers: impl FnOnce(Phase, usize) -> (Evidence, Option<Basis<'a>>),
    sink: &mut dyn FnMut(Alert<'_>),
) {
    let Finding { facts, sign, value } = finding;
    let at = match find(states, rule.key) {
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
    state.value = value;
    if let Some(phase) = state.advance(facts, moment.now_us, &step) {
        let at = usize::from(state.active.max(1)) - 1;
        let (evidence, warning) = numbers(phase, at);
        sink(Alert {
            rule: Some(rule),
            state,
            phase,
            delay_us: step(at).map_or(0, |(delay_us, _)| delay_us),
            evidence: Some(evidence),
            warning,
        });
    }
    if state.is_over() {
        states.swap_remove(at);
    }
}
