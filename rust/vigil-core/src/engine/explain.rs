//! How every rule stands for one subject: what it looks at, how far it has come, what holds it back. For people
//! who ask why there was no alarm; nothing here is on the way of an observation.

use serde::Serialize;

use crate::features::{Family, Known, NEVER};
use crate::rules::episode::{any_active, find};
use crate::rules::limit::effective;
use crate::rules::model::{LimitRule, Rule, ScoreRule, Test, Trigger};
use crate::rules::{Profile, RuleSet, RuleState, Subject};
use crate::sign::Sign;

use super::patient::PatientState;
use super::{warning, Engine};

/// The answer, in JSON.
#[derive(Debug, Serialize)]
struct Standing<'a> {
    rule_set_version: &'a str,
    patient_id: &'a str,
    device_id: &'a str,
    at_us: i64,
    /// Event time of the last evaluated observation.
    last_us: Option<i64>,
    pauses: Vec<PauseView<'a>>,
    rules: Vec<RuleView<'a>>,
}

/// A pause of the subject, or of one rule of it.
#[derive(Debug, Serialize)]
struct PauseView<'a> {
    rule_id: Option<&'a str>,
    activation: &'static str,
    until_us: Option<i64>,
    actor: &'a str,
    reason: &'a str,
}

/// One rule.
#[derive(Debug, Serialize)]
struct RuleView<'a> {
    id: &'a str,
    kind: &'static str,
    alert_type: &'a str,
    /// `alarming`, `suppressed`, `pending`, `clear`, `no_data`, `disconnected`, `not_applicable`.
    state: &'static str,
    /// Of the active step.
    priority: Option<&'static str>,
    presence: Option<&'static str>,
    stale: bool,
    onset_us: Option<i64>,
    raised_us: Option<i64>,
    /// Rules that are alarming and say it all.
    suppressed_by: Vec<&'a str>,
    /// The population's attribute that leaves the subject out.
    excluded_by: Option<&'static str>,
    #[serde(flatten)]
    look: Look,
}

/// What a rule looks at.
#[derive(Debug, Default, Serialize)]
struct Look {
    inputs: Vec<Input>,
    /// Signs of which nothing usable was heard.
    missing: Vec<&'static str>,
    /// Signs whose sensor is off the patient.
    disconnected: Vec<&'static str>,
    score: Option<ScoreView>,
    steps: Vec<StepView>,
}

/// A last usable value.
#[derive(Debug, Serialize)]
struct Input {
    name: &'static str,
    value: f64,
    unit: &'static str,
    event_time_us: i64,
    age_us: i64,
}

/// A score as of now.
#[derive(Debug, Serialize)]
struct ScoreView {
    name: &'static str,
    total: f64,
    partial: bool,
    single_three: bool,
    missing: Vec<&'static str>,
}

/// One step: what it asks, whether it is met, and for how long.
#[derive(Debug, Default, Serialize)]
struct StepView {
    priority: &'static str,
    /// What is compared: a sign, a score, or words.
    what: String,
    comparison: &'static str,
    limit: Option<f64>,
    unit: &'static str,
    /// `rule` or `patient`: whose limit.
    source: &'static str,
    delay_us: i64,
    /// By the last value; `None`: not to be said.
    met: Option<bool>,
    since_us: Option<i64>,
    /// From then to the last evaluated value.
    held_us: Option<i64>,
}

/// What is known of the subject now.
struct Now<'a> {
    rules: &'a RuleSet,
    state: &'a PatientState,
    at_us: i64,
}

impl Engine {
    /// How every rule stands for a patient (or for a device that belongs to nobody: `patient_id` is empty) after
    /// what the engine was given so far; `at_us` is what ages count to. JSON; `None` for a subject without state.
    pub fn explain(
        &self,
        partition: u32,
        patient_id: &str,
        device_id: &str,
        at_us: i64,
    ) -> Option<Vec<u8>> {
        let subject = Subject {
            patient_id,
            device_id,
        };
        let partition = self.partitions.get(&partition)?;
        let state = partition.get(partition.find(subject.key())?)?;
        let now = Now {
            rules: &self.rules,
            state,
            at_us,
        };
        let last_us = state.devices.iter().map(|device| device.last_us).max();
        let standing = Standing {
            rule_set_version: self.rule_set_version(),
            patient_id,
            device_id,
            at_us,
            last_us: time(last_us.unwrap_or(NEVER)),
            pauses: Vec::new(),
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
        let suppressed_by: Vec<_> = rule
            .suppressed_by
            .iter()
            .filter(|key| any_active(states, &[**key]))
            .filter_map(|key| self.id(*key))
            .collect();
        let met = look.steps.iter().any(|step| step.met == Some(true));
        let state_name = if active.is_some() {
            "alarming"
        } else if !suppressed_by.is_empty() && met {
            "suppressed"
        } else if state.is_some() {
            "pending"
        } else if !look.disconnected.is_empty() {
            "disconnected"
        } else if look.inputs.is_empty() && look.score.is_none() {
            "no_data"
        } else {
            "clear"
        };
        RuleView {
            id: &rule.id,
            kind: kind(&rule.test),
            alert_type: &rule.alert_type,
            state: state_name,
            priority: active.map(|state| state.urgency.priority.text()),
            presence: None,
            stale: false,
            onset_us: state.map(|state| state.onset_us),
            raised_us: active.and_then(|state| time(state.raised_us)),
            suppressed_by,
            excluded_by: None,
            look,
        }
    }

    fn id(&self, key: u64) -> Option<&'a str> {
        let mut rules = self.rules.rules().iter();
        rules
            .find(|rule| rule.key == key)
            .map(|rule| rule.id.as_str())
    }

    fn look(&self, rule: &Rule, state: Option<&RuleState>) -> Look {
        let mut look = match &rule.test {
            Test::Limit(test) => self.limit(test),
            Test::Score(test) => self.score(test),
            Test::Technical(test) => {
                let mut look = Look::default();
                self.input(test.sign, &mut look);
                look
            }
            _ => Look::default(),
        };
        for (i, step) in look.steps.iter_mut().enumerate() {
            let since_us = state.and_then(|state| state.since_us.get(i).copied());
            step.since_us = since_us.and_then(time);
            step.held_us = step
                .since_us
                .zip(state)
                .map(|(since_us, state)| state.sign_time_us.saturating_sub(since_us));
        }
        look
    }

    /// The last value of `sign`, or that there is none, or that its sensor is off.
    fn input(&self, sign: Sign, look: &mut Look) -> Option<f64> {
        let known: &Known = &self.state.known;
        let speaker = known.speaker(Family::of(sign));
        let reading = known.get(speaker);
        let off = self.rules.technical_rule(sign);
        if off.is_some_and(|rule| find(&self.state.rules, rule.key).is_some()) {
            look.disconnected.push(sign.field());
        }
        if reading.time_us == NEVER {
            look.missing.push(sign.field());
            return None;
        }
        look.inputs.push(Input {
            name: speaker.field(),
            value: reading.value,
            unit: speaker.unit(),
            event_time_us: reading.time_us,
            age_us: self.at_us.saturating_sub(reading.time_us).max(0),
        });
        Some(reading.value)
    }

    fn limit(&self, test: &LimitRule) -> Look {
        let mut look = Look::default();
        let value = self.input(test.sign, &mut look);
        let speaker = self.state.known.speaker(Family::of(test.sign));
        let profile: &Profile = &self.state.profile;
        for (step, limit) in test.steps.iter().zip(effective(test, profile, speaker)) {
            let met = |limit| value.map(|v| test.direction.beyond(step.inclusive, v, limit));
            look.steps.push(StepView {
                priority: step.urgency.priority.text(),
                what: speaker.field().to_owned(),
                comparison: test.direction.comparison(step.inclusive, false),
                limit: limit.map(|(limit, _)| limit),
                unit: speaker.unit(),
                source: match limit {
                    Some((_, true)) => "patient",
                    Some((_, false)) => "rule",
                    None => "",
                },
                delay_us: step.delay_us,
                met: limit.and_then(|(limit, _)| met(limit)),
                ..StepView::default()
            });
        }
        look
    }

    fn score(&self, test: &ScoreRule) -> Look {
        let mut look = Look::default();
        let (known, profile) = (&self.state.known, &self.state.profile);
        let warning = warning::evaluate(known, profile, self.at_us, false, self.state.warned_us);
        let news2 = warning.news2;
        let known_any =
            news2.is_some_and(|n| n.subscores.iter().any(|(_, points)| points.is_some()));
        look.score = news2.filter(|_| known_any).map(|news2| ScoreView {
            name: "news2",
            total: f64::from(news2.total),
            partial: news2.partial,
            single_three: news2.single_three,
            missing: news2.missing().map(|input| input.sign().field()).collect(),
        });
        for step in &test.steps {
            let (what, limit) = match step.trigger {
                Trigger::AtLeast(total) => ("news2", Some(f64::from(total))),
                Trigger::SingleThree => ("a single parameter with 3 points", None),
            };
            let met = look.score.as_ref().map(|score| match limit {
                Some(limit) => score.total >= limit,
                None => score.single_three,
            });
            look.steps.push(StepView {
                priority: step.urgency.priority.text(),
                what: what.to_owned(),
                comparison: if limit.is_some() { ">=" } else { "" },
                limit,
                source: "rule",
                delay_us: step.delay_us,
                met,
                ..StepView::default()
            });
        }
        look
    }
}

/// `None` for [`NEVER`].
fn time(us: i64) -> Option<i64> {
    (us != NEVER).then_some(us)
}

const fn kind(test: &Test) -> &'static str {
    match test {
        Test::Limit(_) => "limit",
        Test::Score(_) => "score",
        Test::Technical(_) | Test::Device(_) => "missing",
    }
}
