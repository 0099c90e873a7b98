//! A rule file (TOML) as a rule set. Anything doubtful is refused with file, line, field and a hint.

pub mod anomaly;
pub mod combination;
pub mod field;
mod fields;
pub mod limit;
pub mod missing;
pub mod nearest;
mod place;
pub mod score;
pub mod settings;
pub mod trend;

use toml::Table;

use crate::error::Error;
use crate::features::hex16;

use super::compile::{RuleSet, POPULATIONS_MAX};
use super::describe::describe;
use super::model::{Rule, Test};
use field::{Around, COMMON_KEYS};
use fields::{refuse, Fields};

/// The name of a file that has none.
pub const DEFAULT_NAME: &str = "rules.toml";
/// Words of `kind`; the last is an older name of "missing".
pub const KINDS: [&str; 7] = [
    "limit",
    "trend",
    "score",
    "combination",
    "missing",
    "anomaly",
    "technical",
];
/// Rules of a file.
pub const RULES_MAX: usize = 10_000;
/// Kinds of rules that keep something of every patient.
pub const COMBINATIONS_MAX: usize = 64;
/// What `version` must be.
pub const FILE_VERSION: f64 = 1.0;

/// Parses and compiles a rule file.
pub fn parse(text: &str) -> Result<RuleSet, Error> {
    parse_named(text, DEFAULT_NAME)
}

/// Parses and compiles the rule file `name`: an error's message begins with `name:LINE:`.
pub fn parse_named(text: &str, name: &str) -> Result<RuleSet, Error> {
    let table: Table = text.parse().map_err(|e: toml::de::Error| {
        let message = e.message().trim().replace('\n', " ");
        let hint = format!("{message}; this is not TOML (https://toml.io)");
        place::placed_at(name, text, e.span(), refuse("", hint))
    })?;
    // Keys are sorted and comments gone: what remains is the content.
    let canonical = serde_json::to_vec(&table).map_err(|e| refuse("", e.to_string()))?;
    build(&table, &canonical).map_err(|error| place::placed(name, text, error))
}

fn build(table: &Table, canonical: &[u8]) -> Result<RuleSet, Error> {
    let file = Fields::new("", table, &settings::KEYS)?;
    if file.required_number("version")? != FILE_VERSION {
        let hint = format!("must be {FILE_VERSION}: this is what this version reads");
        return Err(file.refuse("version", hint));
    }
    let settings = settings::settings(&file)?;
    let order = settings::order(&file)?;
    let ladders = settings::ladders(&file)?;
    let mut rules: Vec<Rule> = Vec::new();
    for (at, table) in file.tables("rule")? {
        let around = Around {
            earlier: &rules,
            ladders: &ladders,
        };
        let built = rule(&at, table, around)?;
        for mut rule in built {
            check_unique(&at, &rule, &rules)?;
            rule.text = describe(&rule, &rules);
            rules.push(rule);
        }
        if rules.len() > RULES_MAX {
            return Err(file.refuse("rule", format!("must be at most {RULES_MAX} rules")));
        }
    }
    if rules.is_empty() {
        return Err(file.refuse("rule", "missing: a file holds at least one [[rule]]"));
    }
    let combinations = rules
        .iter()
        .filter(|rule| matches!(rule.test, Test::Combination(_)));
    if combinations.count() > COMBINATIONS_MAX {
        let hint = format!("must be at most {COMBINATIONS_MAX} combinations");
        return Err(file.refuse("rule", hint));
    }
    let mut populations: Vec<_> = Vec::new();
    for population in rules.iter().filter_map(|rule| rule.population.as_ref()) {
        if !populations.contains(&population) {
            populations.push(population);
        }
    }
    if populations.len() > POPULATIONS_MAX {
        let hint = format!("must be of at most {POPULATIONS_MAX} different populations");
        return Err(file.refuse("rule", hint));
    }
    Ok(RuleSet::new(rules, hex16(canonical), settings, order))
}

fn rule(at: &str, table: &Table, around: Around<'_>) -> Result<Vec<Rule>, Error> {
    // What else a rule may have depends on its kind: so all keys pass at first.
    let keys: Vec<&str> = table.keys().map(String::as_str).collect();
    let kind = Fields::new(at, table, &keys)?.required_word("kind", &KINDS)?;
    let fields = |own: &[&str]| {
        let keys: Vec<&str> = COMMON_KEYS.iter().chain(own).copied().collect();
        Fields::new(at, table, &keys)
    };
    Ok(match kind {
        0 => vec![limit::build(&fields(&limit::KEYS)?, around)?],
        1 => vec![trend::build(&fields(&trend::KEYS)?, around)?],
        2 => vec![score::build(&fields(&score::KEYS)?, around)?],
        3 => vec![combination::build(&fields(&combination::KEYS)?, around)?],
        4 => missing::build(&fields(&missing::KEYS)?, around)?,
        5 => vec![anomaly::build(&fields(&anomaly::KEYS)?, around)?],
        _ => missing::build_technical(&fields(&missing::TECHNICAL_KEYS)?, around)?,
    })
}

fn check_unique(at: &str, rule: &Rule, earlier: &[Rule]) -> Result<(), Error> {
    if earlier.iter().any(|other| other.key == rule.key) {
        return Err(refuse(
            &format!("{at}.id"),
            format!("'{}' is taken; every rule has an id of its own", rule.id),
        ));
    }
    let same = |field: &str, what: &str| {
        refuse(
            &format!("{at}.{field}"),
            format!("{what} has a rule about its absence already"),
        )
    };
    match &rule.test {
        Test::Technical(new) => {
            let taken =
                |other: &Rule| matches!(&other.test, Test::Technical(old) if old.sign == new.sign);
            if earlier.iter().any(taken) {
                return Err(same("signs", new.sign.field()));
            }
        }
        Test::Device(_) if earlier.iter().any(|r| matches!(r.test, Test::Device(_))) => {
            return Err(same("device", "the device"));
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
