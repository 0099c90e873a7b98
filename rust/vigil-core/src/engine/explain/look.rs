//! What a rule looks at, and what its steps ask.

use crate::features::{score_names, Family, Known, NEVER};
use crate::rules::anomaly::decimal;
use crate::rules::episode::{any_active, find};
use crate::rules::kinds::{
    AnomalyRule, Change, CombinationRule, Condition, LimitRule, ScoreRule, Trend, TrendRule,
    Trigger,
};
use crate::rules::limit::{effective, window_of};
use crate::rules::model::{Rule, Test};
use crate::rules::trend::{change, met, spec};
use crate::rules::{Profile, RuleState};
use crate::sign::Sign;

use super::view::{Compared, ConditionView, Input, Look, StepView};
use super::{time, Now};

impl Now<'_> {
    pub(super) fn look(&self, rule: &Rule, state: Option<&RuleState>) -> Look {
        let mut look = match &rule.test {
            Test::Limit(test) => self.limit(rule, test),
            Test::Trend(test) => self.trend(rule, test),
            Test::Score(test) => self.score(test),
            Test::Combination(test) => self.combination(rule, test),
            Test::Anomaly(test) => self.anomaly(test),
            Test::Technical(test) => {
                let mut look = Look::default();
                self.input(rule, test.sign, &mut look);
                look.disconnected.clear();
                if test.lead_off {
                    look.ask(test.urgency, "its sensor is off the patient", test.delay_us);
                }
                if test.silent_after_us > 0 {
                    look.ask(test.urgency, "nothing is heard of it", test.silent_after_us);
                }
                look
            }
            Test::Device(test) => {
                let mut look = Look::default();
                look.ask(
                    test.urgency,
                    "nothing is heard of a device",
                    test.silent_after_us,
                );
                look
            }
        };
        for (i, step) in look.steps.iter_mut().enumerate() {
            let since_us = state.and_then(|state| state.since_us.get(i).copied());
            step.since_us = since_us.and_then(time);
            if step.met.is_none() && step.since_us.is_some() {
                step.met = Some(true); // what it compares is not kept, that it is met is
            }
            step.held_us = step
                .since_us
                .zip(state)
                .map(|(since_us, state)| state.sign_time_us.saturating_sub(since_us));
        }
        look
    }

    /// What the rule last looked at of `sign`: the sign that speaks, its value and event time.
    fn last(&self, rule: &Rule, sign: Sign) -> Option<(Sign, f64, i64)> {
        let family = Family::of(sign);
        if let Some(population) = rule.population.as_ref().filter(|_| rule.devices != 0) {
            if !self.beside.heard.is_empty() {
                return self.beside.last(population, family);
            }
        }
        let known: &Known = &self.state.known;
        let speaker = known.speaker(family);
        let reading = known.get(speaker);
        (reading.time_us != NEVER).then_some((speaker, reading.value, reading.time_us))
    }

    /// The last value of `sign`, or that there is none, or that its sensor is off.
    fn input(&self, rule: &Rule, sign: Sign, look: &mut Look) -> Option<(Sign, f64)> {
        let off = self.rules.technical_rule(sign);
        if off.is_some_and(|rule| find(&self.state.rules, rule.key).is_some()) {
            look.disconnected.push(sign.field());
        }
        let Some((speaker, value, time_us)) = self.last(rule, sign) else {
            look.missing.push(sign.field());
            return None;
        };
        look.inputs.push(Input {
            name: speaker.field(),
            value,
            unit: speaker.unit(),
            event_time_us: time_us,
            age_us: self.at_us.saturating_sub(time_us).max(0),
        });
        Some((speaker, value))
    }

    fn limit(&self, rule: &Rule, test: &LimitRule) -> Look {
        let mut look = Look::default();
        let last = self.input(rule, test.sign, &mut look);
        let (speaker, mut value) = last.map_or((test.sign, None), |(sign, v)| (sign, Some(v)));
        let mut what = speaker.field().to_owned();
        if let Some(spec) = window_of(test, rule.devices) {
            value = self.state.memory.result(speaker, spec);
            what = format!("mean of {what} within {} s", seconds(spec.window_us));
            look.compared = value.map(|value| Compared {
                what: "mean",
                name: speaker.field(),
                value,
                unit: speaker.unit(),
                reference: None,
                window_us: Some(spec.window_us),
            });
        }
        let profile: &Profile = &self.state.profile;
        for (step, limit) in test.steps.iter().zip(effective(test, profile, speaker)) {
            let met = |limit| value.map(|v| test.direction.beyond(step.inclusive, v, limit));
            look.steps.push(StepView {
                priority: step.urgency.priority.text(),
                what: what.clone(),
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

    fn trend(&self, rule: &Rule, test: &TrendRule) -> Look {
        let mut look = Look::default();
        let last = self.input(rule, test.sign, &mut look);
        let way = match test.trend {
            Trend::Fall => "fall",
            Trend::Rise => "rise",
        };
        let reached = last.and_then(|(speaker, value)| {
            let reference = self
                .state
                .memory
                .result(speaker, spec(test, rule.devices))?;
            let value = change(test, reference, value)?;
            look.compared = Some(Compared {
                what: way,
                name: speaker.field(),
                value,
                unit: if test.in_percent() {
                    "%"
                } else {
                    speaker.unit()
                },
                reference: Some(reference),
                window_us: Some(test.window_us),
            });
            Some(met(test, value))
        });
        for (i, step) in test.steps.iter().enumerate() {
            let (limit, unit) = match step.change {
                Change::Absolute(change) => (change, test.sign.unit()),
                Change::Percent(percent) => (percent, "%"),
            };
            look.steps.push(StepView {
                priority: step.urgency.priority.text(),
                what: format!(
                    "{way} of {} within {} s",
                    test.sign.field(),
                    seconds(test.window_us)
                ),
                comparison: ">=",
                limit: Some(limit),
                unit,
                source: "rule",
                delay_us: step.delay_us,
                met: reached.map(|bits| bits & 1 << i != 0),
                ..StepView::default()
            });
        }
        look
    }

    fn combination(&self, rule: &Rule, test: &CombinationRule) -> Look {
        let mut look = Look::default();
        for condition in &test.conditions {
            let view = match condition {
                Condition::Sign {
                    sign,
                    direction,
                    limit,
                    inclusive,
                } => ConditionView {
                    what: sign.field().to_owned(),
                    comparison: direction.comparison(*inclusive, false),
                    limit: Some(*limit),
                    unit: sign.unit(),
                    met: self
                        .input(rule, *sign, &mut look)
                        .map(|(_, value)| direction.beyond(*inclusive, value, *limit)),
                },
                Condition::Rule(id, key) => ConditionView {
                    what: format!("rule {id} is alarming"),
                    comparison: "",
                    limit: None,
                    unit: "",
                    met: Some(any_active(&self.state.rules, &[*key])),
                },
                Condition::Score(score, total) => ConditionView {
                    what: score.name().to_owned(),
                    comparison: ">=",
                    limit: Some(*total),
                    unit: "",
                    met: self.total(*score).map(|score| score.total >= *total),
                },
            };
            look.conditions.push(view);
        }
        let what = format!(
            "{} of {} conditions within {} s",
            test.at_least,
            test.conditions.len(),
            seconds(test.within_us)
        );
        look.ask(test.urgency, &what, test.delay_us);
        look
    }

    fn score(&self, test: &ScoreRule) -> Look {
        let mut look = Look {
            score: self.total(test.score),
            ..Look::default()
        };
        for step in &test.steps {
            let (what, limit) = match step.trigger {
                Trigger::AtLeast(total) => (test.score.name(), Some(total)),
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

    /// The model's answers are not in the state: whoever asks has the last one.
    fn anomaly(&self, test: &AnomalyRule) -> Look {
        let mut look = Look::default();
        let score = self
            .beside
            .scores
            .get(test.column)
            .copied()
            .flatten()
            .map(decimal);
        look.compared = score.map(|value| Compared {
            what: "score",
            name: score_names().get(test.column).map_or("", String::as_str),
            value,
            unit: "",
            reference: None,
            window_us: None,
        });
        for step in &test.steps {
            look.steps.push(StepView {
                priority: step.urgency.priority.text(),
                what: match test.sign {
                    Some(sign) => format!("the model's score of {}", sign.field()),
                    None => "the model's score".to_owned(),
                },
                comparison: ">=",
                limit: Some(step.at_least),
                source: "rule",
                delay_us: step.delay_us,
                met: score.map(|score| score >= step.at_least),
                ..StepView::default()
            });
        }
        look
    }
}

/// Whole seconds are what a rule file is mostly written in.
fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}
