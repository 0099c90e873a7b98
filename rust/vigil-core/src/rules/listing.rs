//! A rule file as data, for people and programs that review it: every rule with its sentence, and what holds for all.

use serde_json::{json, Map, Value};

use super::compile::RuleSet;
use super::describe::own_limit;
use super::model::{
    Change, Condition, Direction, Ladder, Priority, Rule, Test, Trend, Trigger, Urgency,
};
use super::parse::anomaly::columns;
use super::parse::limit::DIRECTIONS;
use super::parse::settings::hold_word;
use super::parse::{parse_named, trend};
use super::population::Population;
use super::schema::node::number;
use crate::error::Error;
use crate::sign::Sign;

/// The rules of the file `name` as JSON: `version`, `settings`, `ladders` (those that a rule names) and `rules`. Keys and
/// units are those of rule files; what does not apply is absent or null.
pub fn describe_rules(text: &str, name: &str) -> Result<Vec<u8>, Error> {
    let set = parse_named(text, name)?;
    let mut ladders: Vec<&Ladder> = Vec::new();
    for ladder in set.rules().iter().filter_map(|rule| rule.ladder.as_deref()) {
        if !ladders.iter().any(|known| known.id == ladder.id) {
            ladders.push(ladder);
        }
    }
    let made = json!({
        "version": set.version,
        "settings": settings(&set),
        "ladders": ladders.into_iter().map(of_ladder).collect::<Vec<_>>(),
        "rules": set.rules().iter().map(|rule| of_rule(rule, &set)).collect::<Vec<_>>(),
    });
    // A tree of strings and finite numbers always has a text.
    Ok(serde_json::to_vec(&made).unwrap_or_default())
}

fn settings(set: &RuleSet) -> Value {
    let [low, medium, high] = set.settings.re_alarm_us.map(seconds);
    json!({
        "spot_check_after_s": seconds(set.settings.spot_check_after_us),
        "late_after_s": seconds(set.order.late_after_us),
        "order": { "window_s": seconds(set.order.window_us), "hold": hold_word(set.order.hold) },
        "alarm": {
            "pause_max_s": seconds(set.settings.pause_max_us),
            "re_alarm_s": { "low": low, "medium": medium, "high": high },
        },
    })
}

fn of_ladder(ladder: &Ladder) -> Value {
    let steps = ladder.steps.iter();
    let steps = steps.map(|step| json!({ "after_s": seconds(step.after_us), "to": step.to }));
    json!({ "id": ladder.id, "steps": steps.collect::<Vec<_>>() })
}

fn of_rule(rule: &Rule, set: &RuleSet) -> Value {
    let suppressors = rule.suppressed_by.iter().filter_map(|key| set.rule(*key));
    let test = test(&rule.test);
    let steps: Vec<Value> = test
        .steps
        .into_iter()
        .map(|step| of_step(step, |priority| set.re_alarm_us(rule, priority)))
        .collect();
    let mut made = json!({
        "id": rule.id,
        "kind": rule.test.kind(),
        "alert_type": rule.alert_type,
        "technical": rule.test.technical(),
        "text": rule.text,
        "signs": test.signs.iter().map(|sign| sign.field()).collect::<Vec<_>>(),
        "steps": steps,
        "population": rule.population.as_ref().map(of_population),
        "suppressed_by": suppressors.map(|rule| rule.id.as_str()).collect::<Vec<_>>(),
        "latching": rule.latching,
        "ladder": rule.ladder.as_ref().map(|ladder| ladder.id.as_str()),
        "re_alarm_s": rule.re_alarm_us.map(seconds),
    });
    if let (Value::Object(made), Value::Object(own)) = (&mut made, test.own) {
        made.extend(own);
    }
    made
}

/// One priority: what all have, and what it must reach.
struct Step {
    urgency: Urgency,
    delay_us: i64,
    own: Value,
}

/// What a rule tests.
struct Tested {
    signs: Vec<Sign>,
    /// Properties that only its kind has.
    own: Value,
    steps: Vec<Step>,
}

fn of_step(step: Step, re_alarm_us: impl Fn(Priority) -> i64) -> Value {
    let priority = step.urgency.priority;
    let mut made = json!({
        "priority": priority.text(),
        "life_threatening": step.urgency.is_life_threatening(),
        "delay_s": seconds(step.delay_us),
        "re_alarm_s": seconds(re_alarm_us(priority)),
    });
    if let (Value::Object(made), Value::Object(own)) = (&mut made, step.own) {
        made.extend(own);
    }
    made
}

fn test(test: &Test) -> Tested {
    match test {
        Test::Limit(test) => {
            let steps = test.steps.iter().map(|step| {
                let own = json!({
                    "limit": step.limit.map(number),
                    "inclusive": step.inclusive,
                    "patient_limit": step.patient_limit.map(own_limit),
                    "hysteresis": number(test.hysteresis),
                });
                one(step.urgency, step.delay_us, own)
            });
            Tested {
                steps: steps.collect(),
                signs: vec![test.sign],
                own: json!({
                    "unit": test.sign.unit(),
                    "direction": side(test.direction),
                    "average_s": seconds(test.average_us),
                }),
            }
        }
        Test::Trend(test) => {
            let word = match test.trend {
                Trend::Fall => trend::DIRECTIONS.first(),
                Trend::Rise => trend::DIRECTIONS.last(),
            };
            let steps = test.steps.iter().map(|step| {
                let (key, change) = match step.change {
                    Change::Absolute(change) => ("change", change),
                    Change::Percent(percent) => ("percent", percent),
                };
                let own = json!({ key: number(change), "hysteresis": number(test.hysteresis) });
                one(step.urgency, step.delay_us, own)
            });
            Tested {
                steps: steps.collect(),
                signs: vec![test.sign],
                own: json!({
                    "unit": test.sign.unit(),
                    "direction": word,
                    "window_s": seconds(test.window_us),
                }),
            }
        }
        Test::Score(test) => {
            let steps = test.steps.iter().map(|step| {
                let mut own = match step.trigger {
                    Trigger::AtLeast(total) => json!({ "at_least": number(total) }),
                    Trigger::SingleThree => json!({ "single_three": true }),
                };
                super::schema::node::set(&mut own, "hysteresis", number(test.hysteresis));
                one(step.urgency, step.delay_us, own)
            });
            Tested {
                steps: steps.collect(),
                signs: Vec::new(),
                own: json!({ "score": test.score.name() }),
            }
        }
        Test::Anomaly(test) => {
            let steps = test.steps.iter().map(|step| {
                let own = json!({ "at_least": number(step.at_least), "hysteresis": number(test.hysteresis) });
                one(step.urgency, step.delay_us, own)
            });
            Tested {
                steps: steps.collect(),
                signs: test.sign.into_iter().collect(),
                own: json!({ "column": columns().get(test.column) }),
            }
        }
        Test::Combination(test) => Tested {
            signs: signs_of(&test.conditions),
            own: json!({
                "at_least": test.at_least,
                "within_s": seconds(test.within_us),
                "conditions": test.conditions.iter().map(of_condition).collect::<Vec<_>>(),
            }),
            steps: vec![one(test.urgency, test.delay_us, json!({}))],
        },
        Test::Technical(test) => Tested {
            signs: vec![test.sign],
            own: json!({
                "lead_off": test.lead_off,
                "silent_after_s": (test.silent_after_us > 0).then(|| seconds(test.silent_after_us)),
            }),
            steps: vec![one(test.urgency, test.delay_us, json!({}))],
        },
        Test::Device(test) => Tested {
            signs: Vec::new(),
            own: json!({ "device": true, "silent_after_s": seconds(test.silent_after_us) }),
            steps: vec![one(test.urgency, 0, json!({}))],
        },
    }
}

fn one(urgency: Urgency, delay_us: i64, own: Value) -> Step {
    Step {
        urgency,
        delay_us,
        own,
    }
}

fn signs_of(conditions: &[Condition]) -> Vec<Sign> {
    let mut signs = Vec::new();
    for condition in conditions {
        match condition {
            Condition::Sign { sign, .. } if !signs.contains(sign) => signs.push(*sign),
            _ => {}
        }
    }
    signs
}

fn of_condition(condition: &Condition) -> Value {
    match condition {
        Condition::Sign {
            sign,
            direction,
            limit,
            inclusive,
        } => json!({
            "sign": sign.field(),
            "direction": side(*direction),
            "limit": number(*limit),
            "inclusive": inclusive,
        }),
        Condition::Rule(id, _) => json!({ "rule": id }),
        Condition::Score(score, total) => {
            json!({ "score": score.name(), "at_least": number(*total) })
        }
    }
}

/// What the rule file names, and whether only those count of whom it is known.
fn of_population(population: &Population) -> Value {
    let lists = [
        ("wards", &population.wards),
        ("conditions", &population.conditions),
        ("device_types", &population.device_types),
    ];
    let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
    let mut made: Map<String, Value> = lists
        .map(|(key, names)| (key.to_owned(), json!(names)))
        .collect();
    let others = [
        ("age_min", json!(population.age_min)),
        ("age_max", json!(population.age_max)),
        ("sex", json!(population.sex)),
        ("pregnant", json!(population.pregnant)),
        ("only_known", json!(population.only_known)),
    ];
    let given = others.into_iter().filter(|(_, value)| !value.is_null());
    made.extend(given.map(|(key, value)| (key.to_owned(), value)));
    Value::Object(made)
}

fn side(direction: Direction) -> Option<&'static str> {
    match direction {
        Direction::Low => DIRECTIONS.first().copied(),
        Direction::High => DIRECTIONS.last().copied(),
    }
}

fn seconds(us: i64) -> Value {
    number(us as f64 / 1e6)
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
