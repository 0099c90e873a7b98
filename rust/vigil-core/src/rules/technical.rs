//! Technical alarms: the sensor of a sign is off the patient.

use super::compile::RuleSet;
use super::episode::{Facts, Phase, RuleState};
use super::model::{Rule, Test};
use super::moment::{Alert, Evidence, Moment};
use super::run::{follow, open};

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
        let missing = u8::from(!value.connected);
        let facts = Facts {
            met: missing & u8::from(test.lead_off),
            held: missing,
            immediate: moment.spot_check(value.previous_us, set.settings.spot_check_after_us),
        };
        let Some(at) = open(rule, value.sign as u8, states, facts.met != 0, moment) else {
            continue;
        };
        let numbers = |phase, _| {
            let evidence = (phase == Phase::Start).then_some(Evidence {
                sign: Some(value.sign),
                value: value.value,
                limit: 0.0,
                comparison: "",
                patient_limit: false,
            });
            (evidence, None)
        };
        follow(rule, at, states, moment, facts, numbers, sink);
    }
}

/// The shortest silence that is an alarm; `i64::MAX` = none is.
pub fn silent_after_us(rules: &[Rule]) -> i64 {
    let silences = rules.iter().filter_map(|rule| match &rule.test {
        Test::Technical(test) if test.silent_after_us > 0 => Some(test.silent_after_us),
        Test::Device(test) => Some(test.silent_after_us),
        _ => None,
    });
    silences.min().unwrap_or(i64::MAX)
}
