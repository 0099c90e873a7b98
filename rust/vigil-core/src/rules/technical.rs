//! Technical alarms: the sensor of a sign is off the patient.

use super::compile::RuleSet;
use super::episode::{find, Facts, Phase, RuleState};
use super::model::Test;
use super::moment::{Alert, Evidence, Moment};

/// A disconnected sign starts an alarm, a usable value of the sign (whichever device sends it) ends it.
#[inline]
pub fn evaluate(
    set: &RuleSet,
    states: &mut Vec<RuleState>,
    moment: &Moment<'_>,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    for value in moment.values {
        if value.connected && states.is_empty() {
            continue;
        }
        let Some(rule) = set.technical_rule(value.sign) else {
            continue;
        };
        if moment.excludes(rule) {
            continue;
        }
        let Test::Technical(test) = &rule.test else {
            continue;
        };
        let at = match find(states, rule.key) {
            Some(i) => i,
            None if value.connected || !test.lead_off => continue,
            None => {
                states.push(RuleState::new(rule, value.sign as u8, true, moment));
                states.len() - 1
            }
        };
        let Some(state) = states.get_mut(at) else {
            continue;
        };
        let missing = u8::from(!value.connected);
        let facts = Facts {
            met: missing & u8::from(test.lead_off),
            held: missing,
            immediate: moment.spot_check(value.previous_us, set.settings.spot_check_after_us),
        };
        state.sign_time_us = moment.now_us;
        let phase = state.advance(facts, moment.now_us, |i| {
            (i == 0).then_some((test.delay_us, test.urgency))
        });
        if let Some(phase) = phase {
            sink(Alert {
                rule: Some(rule),
                state,
                phase,
                delay_us: test.delay_us,
                evidence: (phase == Phase::Start).then_some(Evidence {
                    sign: Some(value.sign),
                    value: value.value,
                    limit: 0.0,
                    comparison: "",
                    patient_limit: false,
                }),
                warning: None,
            });
        }
        if state.is_over() {
            states.swap_remove(at);
        }
    }
}
