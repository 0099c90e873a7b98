//! What a rule looks at, and what its steps ask.

use crate::features::{Family, Known, NEVER};
use crate::rules::episode::{any_active, find};
use crate::rules::kinds::{
    AnomalyRule, Change, CombinationRule, Condition, LimitRule, ScoreRule, Trend, TrendRule,
    Trigger,
};
use crate::rules::limit::effective;
use crate::rules::model::{Rule, Test};
use crate::rules::{Profile, RuleState};
use crate::sign::Sign;

use super::view::{ConditionView, Input, Look, StepView};
use super::{time, Now};

impl Now<'_> {
    pub(super) fn look(&self, rule: &Rule, state: Option<&RuleState>) -> Look {
        let mut look = match &rule.test {
            Test::Limit(test) => self.limit(test),
            Test::Trend(test) => self.trend(test),
            Test::Score(test) => self.score(test),
            Test::Combination(test) => self.combination(test),
            Test::Anomaly(test) => anomaly(test),
            Test::Technical(test) => {
                let mut look = Look::default();
                self.input(test.sign, &mut look);
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

    fn trend(&self, test: &TrendRule) -> Look {
        let mut look = Look::default();
        self.input(test.sign, &mut look);
        let way = match test.trend {
            Trend::Fall => "fall",
            Trend::Rise => "rise",
        };
        for step in &test.steps {
            let (limit, unit) = match step.change {
                Change::Absolute(change) => (change, test.sign.unit()),
                Change::Percent(percent) => (percent, "%"),
            };
            look.steps.push(StepView {
                priority: step.urgency.priority.text(),
                what: format!(
                    "{way} of {} within {} s",
                    test.sign.field(),
                    test.window_us / 1_000_000
                ),
                comparison: ">=",
                limit: Some(limit),
                unit,
                source: "rule",
                delay_us: step.delay_us,
                ..StepView::default()
            });
        }
        look
    }

    fn combination(&self, test: &CombinationRule) -> Look {
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
                        .input(*sign, &mut look)
                        .map(|value| direction.beyond(*inclusive, value, *limit)),
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
            test.within_us / 1_000_000
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
}

/// The model's answers are not kept: only that a step is met, and since when.
fn anomaly(test: &AnomalyRule) -> Look {
    let mut look = Look::default();
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
            ..StepView::default()
        });
    }
    look
}
