//! A rule file (TOML) as a rule set. Anything doubtful is refused with the field and a hint.

mod field;
mod limit;
mod score;
mod technical;

use serde::Deserialize;

use crate::error::Error;
use crate::features::hex16;

use super::compile::RuleSet;
use super::model::{Rule, Test};
use field::{duration, from_serde, refuse};

const FILE_VERSION: u32 = 1;
const RULES_MAX: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    version: u32,
    #[serde(default)]
    spot_check_after_s: f64,
    #[serde(default)]
    rule: Vec<toml::Value>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum RawRule {
    Limit(limit::RawLimit),
    Score(score::RawScore),
    Technical(technical::RawTechnical),
}

/// Parses and compiles a rule file.
pub fn parse(text: &str) -> Result<RuleSet, Error> {
    let table: toml::Table = text
        .parse()
        .map_err(|e: toml::de::Error| refuse("", e.to_string().trim().replace('\n', " ")))?;
    // Keys are sorted and comments gone: what remains is the content.
    let canonical = serde_json::to_vec(&table).map_err(|e| refuse("", e.to_string()))?;
    let file = RawFile::deserialize(table).map_err(|e| from_serde("", &e))?;
    if file.version != FILE_VERSION {
        return Err(refuse(
            "version",
            format!("this version reads {FILE_VERSION}"),
        ));
    }
    let spot_check_after_us = duration("spot_check_after_s", file.spot_check_after_s)?;
    let mut rules: Vec<Rule> = Vec::new();
    for (i, value) in file.rule.into_iter().enumerate() {
        let at = format!("rule[{i}]");
        let raw = RawRule::deserialize(value).map_err(|e| from_serde(&at, &e))?;
        let built = match raw {
            RawRule::Limit(raw) => vec![limit::build(&at, raw, &rules)?],
            RawRule::Score(raw) => vec![score::build(&at, raw, &rules)?],
            RawRule::Technical(raw) => technical::build(&at, &raw)?,
        };
        for rule in built {
            check_unique(&at, &rule, &rules)?;
            rules.push(rule);
        }
    }
    if rules.is_empty() || rules.len() > RULES_MAX {
        return Err(refuse(
            "rule",
            format!("a file holds 1 to {RULES_MAX} rules"),
        ));
    }
    Ok(RuleSet::new(rules, hex16(&canonical), spot_check_after_us))
}

fn check_unique(at: &str, rule: &Rule, earlier: &[Rule]) -> Result<(), Error> {
    if earlier.iter().any(|other| other.key == rule.key) {
        return Err(refuse(
            &format!("{at}.id"),
            format!("'{}' is taken; every rule has an id of its own", rule.id),
        ));
    }
    if let Test::Technical(new) = &rule.test {
        let taken =
            |other: &Rule| matches!(&other.test, Test::Technical(old) if old.sign == new.sign);
        if earlier.iter().any(taken) {
            return Err(refuse(
                &format!("{at}.signs"),
                format!("{} has a technical rule already", new.sign.field()),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
