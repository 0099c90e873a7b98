//! A rule in words, for alerts, explanations and people who review a rule file.

use std::fmt::Write;

use crate::features::score_names;

use super::message::{name, number, unit};
use super::model::{
    AnomalyRule, Change, CombinationRule, Condition, Direction, LimitRule, PatientLimitKind, Rule,
    ScoreRule, Test, Trend, TrendRule, Trigger, Urgency,
};
use super::population::Population;
use crate::sign::Sign;

/// The rule in a sentence or two.
pub fn describe(rule: &Rule, earlier: &[Rule]) -> String {
    let mut text = match &rule.test {
        Test::Limit(test) => limit(test),
        Test::Trend(test) => trend(test),
        Test::Score(test) => score(test),
        Test::Combination(test) => combination(test),
        Test::Anomaly(test) => anomaly(test),
        Test::Technical(test) => {
            let mut ways = Vec::new();
            if test.lead_off {
                ways.push(format!(
                    "its sensor is off the patient{}",
                    held(test.delay_us)
                ));
            }
            if test.silent_after_us > 0 {
                ways.push(format!(
                    "nothing is heard of it for {}",
                    duration(test.silent_after_us)
                ));
            }
            format!(
                "{} is missing: {}: {}",
                name(test.sign),
                ways.join(" or "),
                urgency(test.urgency)
            )
        }
        Test::Device(test) => format!(
            "nothing is heard of a monitoring device for {}: {}",
            duration(test.silent_after_us),
            urgency(test.urgency)
        ),
    };
    text.push('.');
    if let Some(population) = &rule.population {
        let _ = write!(text, " Only for {}.", of(population));
    }
    let suppressors: Vec<&str> = rule
        .suppressed_by
        .iter()
        .filter_map(|key| earlier.iter().find(|rule| rule.key == *key))
        .map(|rule| rule.id.as_str())
        .collect();
    if !suppressors.is_empty() {
        let _ = write!(
            text,
            " Kept back while {} alarms.",
            suppressors.join(" or ")
        );
    }
    if rule.latching {
        text.push_str(" Latching: its signal stays until somebody acknowledges it.");
    }
    text
}

fn limit(test: &LimitRule) -> String {
    let what = if test.average_us > 0 {
        format!(
            "the mean of {} over {}",
            name(test.sign),
            duration(test.average_us)
        )
    } else {
        name(test.sign)
    };
    let steps = test.steps.iter().map(|step| {
        let comparison = test.direction.comparison(step.inclusive, false);
        let own = step
            .patient_limit
            .map(|kind| own_limit(kind).replace('_', " "));
        let limit = match (step.limit, own) {
            (Some(limit), Some(own)) => {
                format!(
                    "{} (or the patient's own {own} limit)",
                    with_unit(test.sign, limit)
                )
            }
            (Some(limit), None) => with_unit(test.sign, limit),
            (None, own) => format!("the patient's own {} limit", own.unwrap_or_default()),
        };
        format!(
            "{comparison} {limit}{}: {}",
            held(step.delay_us),
            urgency(step.urgency)
        )
    });
    let mut sentence = format!("{what} {}", join(steps));
    if test.hysteresis > 0.0 {
        let side = match test.direction {
            Direction::Low => "above",
            Direction::High => "below",
        };
        let _ = write!(
            sentence,
            "; it ends {} {side} the limit",
            with_unit(test.sign, test.hysteresis)
        );
    }
    sentence
}

/// The word of `patient_limit`.
pub const fn own_limit(kind: PatientLimitKind) -> &'static str {
    match kind {
        PatientLimitKind::Low => "low",
        PatientLimitKind::High => "high",
        PatientLimitKind::CriticalLow => "critical_low",
        PatientLimitKind::CriticalHigh => "critical_high",
    }
}

fn trend(test: &TrendRule) -> String {
    let (verb, from) = match test.trend {
        Trend::Fall => ("falls by", "highest"),
        Trend::Rise => ("rises by", "lowest"),
    };
    let unit_of = |change: Change| match change {
        Change::Absolute(change) => with_unit(test.sign, change),
        Change::Percent(percent) => format!("{} %", number(None, percent)),
    };
    let hysteresis = match test.steps.first().map(|step| step.change) {
        Some(Change::Percent(_)) => unit_of(Change::Percent(test.hysteresis)),
        _ => unit_of(Change::Absolute(test.hysteresis)),
    };
    let steps = test.steps.iter().map(|step| {
        format!(
            "{} or more{}: {}",
            unit_of(step.change),
            held(step.delay_us),
            urgency(step.urgency)
        )
    });
    format!(
        "{} {verb} {}, from its {from} value in {}{}",
        name(test.sign),
        join(steps),
        duration(test.window_us),
        held_down_to(test.hysteresis, hysteresis)
    )
}

fn score(test: &ScoreRule) -> String {
    let steps = test.steps.iter().map(|step| {
        let what = match step.trigger {
            Trigger::AtLeast(total) => format!(">= {}", number(None, total)),
            Trigger::SingleThree => "with 3 points in a single parameter".to_owned(),
        };
        format!("{what}{}: {}", held(step.delay_us), urgency(step.urgency))
    });
    let held = held_down_to(test.hysteresis, number(None, test.hysteresis));
    format!("{} {}{held}", test.score.title(), join(steps))
}

fn combination(test: &CombinationRule) -> String {
    let count = test.conditions.len();
    let mode = match test.at_least {
        1 => "any of".to_owned(),
        n if n == count => "all of".to_owned(),
        n => format!("at least {n} of"),
    };
    let conditions: Vec<String> = test
        .conditions
        .iter()
        .map(|condition| match condition {
            Condition::Sign {
                sign,
                direction,
                limit,
                inclusive,
            } => format!(
                "{} {} {}",
                name(*sign),
                direction.comparison(*inclusive, false),
                with_unit(*sign, *limit)
            ),
            Condition::Rule(id, _) => format!("the rule {id} alarms"),
            Condition::Score(kind, total) => {
                format!("{} >= {}", kind.title(), number(None, *total))
            }
        })
        .collect();
    format!(
        "{mode} ({}) within {}{}: {}",
        conditions.join("; "),
        duration(test.within_us),
        held(test.delay_us),
        urgency(test.urgency)
    )
}

fn anomaly(test: &AnomalyRule) -> String {
    let column = score_names().get(test.column).map_or("", String::as_str);
    let steps = test.steps.iter().map(|step| {
        format!(
            ">= {}{}: {}",
            number(None, step.at_least),
            held(step.delay_us),
            urgency(step.urgency)
        )
    });
    let held = held_down_to(test.hysteresis, number(None, test.hysteresis));
    format!(
        "the model's {} {}{held}",
        column.replace('_', " "),
        join(steps)
    )
}

fn of(population: &Population) -> String {
    let mut parts = Vec::new();
    match (population.age_min, population.age_max) {
        (Some(min), Some(max)) => parts.push(format!("ages {min} to {max}")),
        (Some(min), None) => parts.push(format!("ages from {min}")),
        (None, Some(max)) => parts.push(format!("ages up to {max}")),
        (None, None) => {}
    }
    parts.extend(population.sex.clone());
    match population.pregnant {
        Some(true) => parts.push("in pregnancy".to_owned()),
        Some(false) => parts.push("not in pregnancy".to_owned()),
        None => {}
    }
    for (what, names) in [
        ("wards", &population.wards),
        ("conditions", &population.conditions),
        ("devices", &population.device_types),
    ] {
        if !names.is_empty() {
            parts.push(format!("{what} {}", names.join(", ")));
        }
    }
    let unknown = if population.only_known {
        "what is not known does not count"
    } else {
        "or where it is not known"
    };
    format!("{} ({unknown})", parts.join("; "))
}

fn join(steps: impl Iterator<Item = String>) -> String {
    steps.collect::<Vec<_>>().join("; ")
}

fn with_unit(sign: Sign, value: f64) -> String {
    let value = number(Some(sign), value);
    match unit(sign) {
        "" => value,
        unit => format!("{value} {unit}"),
    }
}

fn held(delay_us: i64) -> String {
    if delay_us == 0 {
        String::new()
    } else {
        format!(" for {}", duration(delay_us))
    }
}

/// Of what a step is held from: its total, its change, less the hysteresis.
fn held_down_to(hysteresis: f64, said: String) -> String {
    if hysteresis > 0.0 {
        format!("; it holds down to {said} less")
    } else {
        String::new()
    }
}

fn urgency(urgency: Urgency) -> String {
    let life = if urgency.is_life_threatening() {
        ", life-threatening"
    } else {
        ""
    };
    format!("{} priority{life}", urgency.priority.text())
}

/// In the largest unit that it is whole in.
fn duration(us: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(3_600_000_000, "h"), (60_000_000, "min"), (1_000_000, "s")];
    let unit = UNITS.iter().find(|(unit, _)| us >= *unit && us % unit == 0);
    match unit {
        Some((unit, name)) => format!("{} {name}", us / unit),
        None => format!("{} s", number(None, us as f64 / 1e6)),
    }
}

#[cfg(test)]
#[path = "describe_tests.rs"]
mod tests;
