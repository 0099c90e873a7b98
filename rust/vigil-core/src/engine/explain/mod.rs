//! How every rule stands for one subject: what it looks at, how far it has come, what holds it back. For people
//! who ask why there was no alarm; nothing here is on the way of an observation.

mod beside;
mod look;
mod total;
mod view;

use crate::alarms::pause::{self, Pause};
use crate::alarms::said::{Activation, Presence};
use crate::features::NEVER;
use crate::rules::episode::{any_active, find};
use crate::rules::kinds::ScoreKind;
use crate::rules::model::{Rule, Test};
use crate::rules::population::Traits;
use crate::rules::{other_scores, RuleSet, Subject};
use crate::scores::news2::applicable;

use super::identity::Identity;
use super::patient::PatientState;
use super::Engine;
pub use beside::{Beside, Heard};
use view::{PauseView, RuleView, Standing};

/// What is known of the subject now.
struct Now<'a> {
    rules: &'a RuleSet,
    state: &'a PatientState,
    identity: Option<&'a Identity>,
    at_us: i64,
    beside: &'a Beside,
}

impl Engine {
    /// How every rule stands for a patient (or for a device that belongs to nobody: `patient_id` is empty) after
    /// what the engine was given so far; `at_us` is what ages count to, `beside` what the state does not keep. JSON; `None`
    /// for a subject without state.
    pub fn explain(
        &self,
        partition: u32,
        patient_id: &str,
        device_id: &str,
        at_us: i64,
        beside: &Beside,
    ) -> Option<Vec<u8>> {
        let subject = Subject {
            patient_id,
            device_id,
        };
        let partition = self.partitions.get(&partition)?;
        let place = partition.find(subject.key())?;
        let state = partition.get(place)?;
        let now = Now {
            rules: &self.rules,
            state,
            identity: partition.identity(place),
            at_us,
            beside,
        };
        let last_us = state.devices.iter().map(|device| device.last_us).max();
        let standing = Standing {
            rule_set_version: self.rule_set_version(),
            patient_id,
            device_id,
            at_us,
            last_us: time(last_us.unwrap_or(NEVER)),
            pauses: now.pauses(),
            rules: self.rules.rules().iter().map(|r| now.rule(r)).collect(),
        };
        serde_json::to_vec(&standing).ok()
    }
}

impl<'a> Now<'a> {
    fn rule(&self, rule: &'a Rule) -> RuleView<'a> {
        let states = &self.state.rules;
        let state = find(states, rule.key).and_then(|i| states.get(i));
        let look = self.look(rule, state);
        let active = state.filter(|state| state.active > 0);
        let latched = state.filter(|state| state.signal.presence == Presence::Latched);
        let suppressed_by: Vec<_> = rule
            .suppressed_by
            .iter()
            .filter(|key| any_active(states, &[**key]))
            .filter_map(|key| self.id(*key))
            .collect();
        let special = self.state.special.as_deref();
        let paused = state
            .zip(special)
            .and_then(|(state, special)| pause::of(&special.pauses, state));
        let met = look.steps.iter().any(|step| step.met == Some(true));
        let needs_values = matches!(&rule.test, Test::Limit(_) | Test::Trend(_) | Test::Score(_));
        let excluded_by = self.excluded_by(rule);
        let kept_back = active.is_some_and(|state| state.signal.presence == Presence::None);
        let state_name = if kept_back {
            "suppressed"
        } else if active.is_some() || latched.is_some() {
            "alarming"
        } else if !suppressed_by.is_empty() && met {
            "suppressed"
        } else if state.is_some() {
            "pending"
        } else if !look.disconnected.is_empty() {
            "disconnected"
        } else if excluded_by.is_some() {
            "not_applicable"
        } else if needs_values && look.inputs.is_empty() && look.score.is_none() {
            "no_data"
        } else if matches!(&rule.test, Test::Anomaly(_)) && look.compared.is_none() {
            "no_score" // which is not to say that there is no risk
        } else {
            "clear"
        };
        RuleView {
            id: &rule.id,
            kind: rule.test.kind(),
            alert_type: &rule.alert_type,
            state: state_name,
            priority: active
                .or(latched)
                .map(|state| state.urgency.priority.text()),
            presence: state.and_then(|state| presence(state.signal.presence)),
            stale: state.is_some_and(|state| state.signal.stale),
            onset_us: state.map(|state| state.onset_us),
            raised_us: active.or(latched).and_then(|state| time(state.raised_us)),
            suppressed_by,
            excluded_by,
            device_types: rule
                .population
                .as_ref()
                .map_or(&[][..], |population| &population.device_types),
            paused: paused.map(|pause| self.pause(pause)),
            look,
        }
    }

    /// What leaves the subject out of a rule's population.
    fn excluded_by(&self, rule: &Rule) -> Option<&'static str> {
        let population = rule.population.as_ref();
        if population.is_some_and(|population| self.beside.is_unseen_by(population)) {
            return Some("device_types");
        }
        let traits = Traits::read(&self.identity?.context).ok()?;
        if let Some(attribute) = population.and_then(|population| population.excluded_by(&traits)) {
            return Some(attribute);
        }
        let person = &self.state.profile;
        let age_years = person.person.age_years;
        match &rule.test {
            Test::Score(test) if test.score == ScoreKind::News2 => {
                (!applicable(age_years, person.pregnant)).then_some("age or pregnancy")
            }
            Test::Score(test) => {
                (!other_scores::applicable(test.score, age_years)).then_some("age")
            }
            _ => None,
        }
    }

    fn pauses(&self) -> Vec<PauseView<'a>> {
        let special = self.state.special.as_deref();
        let pauses = special.map_or(&[][..], |special| &special.pauses);
        pauses.iter().map(|pause| self.pause(pause)).collect()
    }

    fn pause(&self, pause: &'a Pause) -> PauseView<'a> {
        PauseView {
            rule_id: (pause.rule != pause::ALL).then(|| self.id(pause.rule).unwrap_or("")),
            activation: match pause.activation() {
                Activation::Off => "off",
                _ => "paused",
            },
            until_us: (pause.until_us > 0).then_some(pause.until_us),
            actor: &pause.actor,
            reason: &pause.reason,
        }
    }

    fn id(&self, key: u64) -> Option<&'a str> {
        let mut rules = self.rules.rules().iter();
        rules
            .find(|rule| rule.key == key)
            .map(|rule| rule.id.as_str())
    }
}

const fn presence(presence: Presence) -> Option<&'static str> {
    match presence {
        Presence::None => None,
        Presence::On => Some("on"),
        Presence::Latched => Some("latched"),
        Presence::Acknowledged => Some("acknowledged"),
        Presence::Off => Some("off"),
    }
}

/// `None` for [`NEVER`].
fn time(us: i64) -> Option<i64> {
    (us != NEVER).then_some(us)
}
