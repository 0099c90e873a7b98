//! What a rule looks at, and what its steps ask.

use crate::features::{Family, Known, NEVER};
use crate::rules::episode::find;
use crate::rules::limit::effective;
use crate::rules::model::{LimitRule, Rule, ScoreKind, ScoreRule, Test, Trigger};
use crate::rules::{Profile, RuleState};
use crate::sign::Sign;

use super::super::warning;
use super::view::{Input, Look, ScoreView, StepView};
use super::{time, Now};

impl Now<'_> {
    pub(super) fn look(&self, rule: &Rule, state: Option<&RuleState>) -> Look {
        let mut look = match &rule.test {
            Test::Limit(test) => self.limit(test),
            Test::Score(test) if test.score == ScoreKind::News2 => self.score(test),
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
                Trigger::AtLeast(total) => ("news2", Some(total)),
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
