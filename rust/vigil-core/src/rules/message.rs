//! The sentence of an alarm: a template of the rule file, filled with the evidence.

use crate::alarms::said::{Cause, Said};
use crate::scores::Consciousness;
use crate::sign::Sign;

use super::episode::Phase;
use super::model::{ScoreKind, Test};
use super::moment::{Basis, Counting, Evidence};
use super::parse::nearest::nearest;

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Sign,
    Value,
    Unit,
    Limit,
    Comparison,
    Priority,
    Total,
    Reason,
    Reference,
    Change,
}

/// What may stand in braces.
pub const PLACEHOLDERS: &[&str] = &[
    "sign",
    "value",
    "unit",
    "limit",
    "comparison",
    "priority",
    "total",
    "reason",
    "reference",
    "change",
];

/// A checked template.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    parts: Vec<Part>,
}

impl Message {
    /// Parses a template; an error says what is wrong.
    pub fn parse(template: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once('{') {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| "a brace is not closed; a placeholder is {value}".to_owned())?;
            parts.extend(words(text)?);
            parts.push(match name {
                "sign" => Part::Sign,
                "value" => Part::Value,
                "unit" => Part::Unit,
                "limit" => Part::Limit,
                "comparison" => Part::Comparison,
                "priority" => Part::Priority,
                "total" => Part::Total,
                "reason" => Part::Reason,
                "reference" => Part::Reference,
                "change" => Part::Change,
                _ => {
                    return Err(match nearest(name, PLACEHOLDERS) {
                        Some(near) => {
                            format!("unknown placeholder {{{name}}}; did you mean {{{near}}}?")
                        }
                        None => format!(
                            "unknown placeholder {{{name}}}; there are {}",
                            PLACEHOLDERS.join(", ")
                        ),
                    })
                }
            });
            rest = after;
        }
        parts.extend(words(rest)?);
        if parts.is_empty() {
            return Err("must not be empty; it is what people read".to_owned());
        }
        Ok(Self { parts })
    }

    fn fill(&self, alert: &Said<'_>) -> String {
        let sign = alert.evidence.and_then(|evidence| evidence.sign);
        // A score of the model is of a sign, but not in its unit.
        let about = match alert.rule.map(|rule| &rule.test) {
            Some(Test::Anomaly(test)) => test.sign,
            _ => sign,
        };
        let mut text = String::with_capacity(64);
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Sign => text.push_str(&about.map_or(String::new(), name)),
                Part::Value => text.push_str(
                    &alert
                        .evidence
                        .map_or(String::new(), |e| number(e.sign, e.value)),
                ),
                Part::Unit => text.push_str(sign.map_or("", unit)),
                Part::Limit => text.push_str(
                    &alert
                        .evidence
                        .map_or(String::new(), |e| number(e.sign, e.limit)),
                ),
                Part::Comparison => text.push_str(alert.evidence.map_or("", |e| e.comparison)),
                Part::Priority => text.push_str(alert.state.urgency.priority.text()),
                Part::Total => text.push_str(&total(alert)),
                Part::Reason => text.push_str(&reason(alert)),
                Part::Reference => text.push_str(&trend(alert, |_, reference| reference)),
                Part::Change => text.push_str(&trend(alert, |value, from| (value - from).abs())),
            }
        }
        text
    }
}

/// The sentence of an alert.
pub fn render(alert: &Said<'_>) -> String {
    let Some(rule) = alert.rule else {
        return "Ended: its rule was withdrawn from the rule set".to_owned();
    };
    let before = match alert.cause {
        _ if alert.phase == Phase::End => "Ended: ",
        Cause::Acknowledged => "Acknowledged: ",
        Cause::ReAlarm | Cause::Resumed => "Still there: ",
        Cause::Escalated => "Not acknowledged: ",
        Cause::Stale => "Signal missing: ",
        Cause::Fresh => "Signal back: ",
        Cause::Latched => "Over, not acknowledged: ",
        Cause::Paused if alert.phase == Phase::Update => "Paused: ",
        _ => "",
    };
    // Without the numbers that a sentence is about, the kind of alarm says it.
    let numbers = alert
        .evidence
        .is_some_and(|evidence| !evidence.comparison.is_empty() || alert.state.technical);
    let sentence = if numbers || before.is_empty() {
        rule.message.fill(alert)
    } else {
        rule.alert_type.replace('_', " ")
    };
    format!("{before}{sentence}")
}

/// A sign's name for people.
pub fn name(sign: Sign) -> String {
    match sign {
        Sign::Spo2 => "SpO2".to_owned(),
        Sign::Etco2 => "EtCO2".to_owned(),
        Sign::Fio2 => "FiO2".to_owned(),
        Sign::O2Flow => "O2 flow".to_owned(),
        Sign::Gcs => "GCS".to_owned(),
        _ => sign.field().replace('_', " "),
    }
}

/// A sign's unit for people.
pub fn unit(sign: Sign) -> &'static str {
    match sign.unit() {
        "mm[Hg]" => "mmHg",
        "Cel" => "°C",
        "{ACVPU}" | "{score}" => "",
        other => other,
    }
}

/// At most two decimals, none that says nothing; consciousness as its letter.
pub fn number(sign: Option<Sign>, value: f64) -> String {
    if sign == Some(Sign::Consciousness) {
        if let Some(level) = Consciousness::from_value(value) {
            return level.letter().to_owned();
        }
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number of a trend's value and its reference.
fn trend(alert: &Said<'_>, of: impl Fn(f64, f64) -> f64) -> String {
    match (alert.evidence, alert.warning) {
        (Some(e), Some(Basis::Trend(from))) => number(e.sign, of(e.value, from)),
        _ => String::new(),
    }
}

/// A score's total; of a combination, how many conditions count.
fn total(alert: &Said<'_>) -> String {
    match alert.warning {
        Some(Basis::News2(warning)) => warning.news2.map_or(String::new(), |news2| {
            bound(f64::from(news2.total), news2.partial)
        }),
        Some(Basis::Score(total)) if total.applicable => bound(total.value, total.partial),
        Some(Basis::Conditions(conditions)) => conditions.len().to_string(),
        _ => String::new(),
    }
}

fn bound(total: f64, partial: bool) -> String {
    let total = number(None, total);
    if partial {
        format!("at least {total}")
    } else {
        total
    }
}

fn reason(alert: &Said<'_>) -> String {
    match (alert.warning, alert.evidence) {
        (Some(Basis::Conditions(conditions)), _) => {
            let said: Vec<String> = conditions.iter().map(condition).collect();
            said.join(", ")
        }
        (Some(Basis::News2(_)), Some(e)) if e.sign.is_some() => {
            let sign = e.sign.map_or(String::new(), name);
            format!("{sign} scores {}", number(None, e.value))
        }
        (_, Some(e)) => format!("{} {}", e.comparison, number(None, e.limit)),
        (_, None) => String::new(),
    }
}

/// "heart rate 121 > 110", "NEWS2 at least 6 >= 5", "rule spo2-low".
fn condition(one: &Counting<'_>) -> String {
    let Evidence {
        sign,
        value,
        limit,
        comparison,
        ..
    } = one.evidence;
    let compared =
        |what: &str, value: &str| format!("{what} {value} {comparison} {}", number(sign, limit));
    match sign {
        Some(sign) => compared(&name(sign), &number(Some(sign), value)),
        None if comparison.is_empty() => format!("rule {}", one.about),
        None => {
            let mut kinds = ScoreKind::ALL.into_iter();
            let kind = kinds.find(|kind| kind.name() == one.about);
            compared(
                kind.map_or(one.about, |kind| kind.title()),
                &bound(value, one.partial),
            )
        }
    }
}

/// What stands between placeholders; none when nothing does.
fn words(text: &str) -> Result<Option<Part>, String> {
    if text.contains('}') {
        return Err("a brace is not opened; a placeholder is {value}".to_owned());
    }
    Ok((!text.is_empty()).then(|| Part::Text(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_checked() {
        assert!(Message::parse("{sign} {value} {unit}").is_ok());
        for wrong in [
            "",
            "{",
            "}",
            "{nothing}",
            "a {value",
            "a} b",
            "a} {value}",
            "{value}} {unit}",
            "}{value}",
        ] {
            assert!(Message::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(None, 88.0), "88");
        assert_eq!(number(None, 38.5), "38.5");
        assert_eq!(number(None, 100.0), "100");
        assert_eq!(number(None, 0.0), "0");
        assert_eq!(number(None, 37.126), "37.13");
        assert_eq!(number(Some(Sign::Consciousness), 4.0), "U");
    }
}
