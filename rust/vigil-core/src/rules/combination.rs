//! Combination rules: several conditions that were true close together in time.

use crate::features::{Family, ALTERNATE_AFTER_US};
use crate::ids::Id;
use crate::sign::Sign;

use super::compile::RuleSet;
use super::episode::{any_active, Facts, RuleState};
use super::model::{CombinationRule, Condition, Rule, Test};
use super::moment::{Alert, Basis, Counting, Evidence, Moment};
use super::run::{follow, open};
use super::score::Points;

/// What is remembered of a condition that was true. There is none for a condition that does not count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counted {
    /// Of the rule and its conditions.
    pub key: u64,
    /// Index of the condition.
    pub condition: u8,
    /// Whether its input was evaluated since, and it was not true.
    pub refuted: bool,
    /// The sign that was measured (its number); 0 = none.
    pub sign: u8,
    /// A score: inputs (bits) that gave points.
    pub contributors: u8,
    /// A score: whether the total was a lower bound.
    pub partial: bool,
    /// When it was last true.
    pub true_us: i64,
    /// The value or the total then.
    pub value: f64,
    /// The observation.
    pub event_id: Id,
}

/// What an observation says of a condition that it brings the input of.
struct Finding {
    is_true: bool,
    immediate: bool,
    sign: u8,
    contributors: u8,
    partial: bool,
    value: f64,
}

/// Evaluates the combinations; `counted` holds the conditions that were true.
#[inline]
pub fn evaluate(
    set: &RuleSet,
    states: &mut Vec<RuleState>,
    counted: &mut Vec<Counted>,
    moment: &Moment<'_>,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    if !counted.is_empty() {
        forget(set, states, counted, moment.now_us);
    }
    let shortcut = counted.is_empty() && states.is_empty() && set.is_usual(moment);
    if shortcut && !set.may_combine(moment) {
        return;
    }
    for rule in set.combination_rules() {
        if moment.excludes(rule) {
            continue;
        }
        if let Test::Combination(test) = &rule.test {
            evaluate_rule(set, rule, test, states, counted, moment, sink);
        }
    }
}

/// What the memory of a rule's conditions belongs to: another one when the rule asks for something else.
fn key(rule: &Rule, test: &CombinationRule) -> u64 {
    rule.key ^ test.key.rotate_left(1)
}

/// Drops what no rule asks for any more, and what is too old to count and holds nothing.
fn forget(set: &RuleSet, states: &[RuleState], counted: &mut Vec<Counted>, now_us: i64) {
    counted.retain(|one| {
        set.combination_rules().any(|rule| match &rule.test {
            Test::Combination(test) if key(rule, test) == one.key => {
                counts(one, test, now_us) || any_active(states, &[rule.key])
            }
            _ => false,
        })
    });
}

fn counts(one: &Counted, test: &CombinationRule, now_us: i64) -> bool {
    now_us.saturating_sub(one.true_us) <= test.within_us
}

fn evaluate_rule(
    set: &RuleSet,
    rule: &Rule,
    test: &CombinationRule,
    states: &mut Vec<RuleState>,
    counted: &mut Vec<Counted>,
    moment: &Moment<'_>,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    let key = key(rule, test);
    let mut immediate = false;
    for (i, condition) in (0u8..).zip(&test.conditions) {
        let at = counted
            .iter()
            .position(|one| one.key == key && one.condition == i);
        let before = at.and_then(|at| counted.get(at));
        let Some(finding) = find_out(set, condition, before, states, moment) else {
            continue;
        };
        match (finding.is_true, at.and_then(|at| counted.get_mut(at))) {
            (true, slot) => {
                immediate |= finding.immediate;
                let one = Counted {
                    key,
                    condition: i,
                    refuted: false,
                    sign: finding.sign,
                    contributors: finding.contributors,
                    partial: finding.partial,
                    true_us: moment.now_us,
                    value: finding.value,
                    event_id: moment.event_id,
                };
                match slot {
                    Some(slot) => *slot = one,
                    None => counted.push(one),
                }
            }
            (false, Some(slot)) => slot.refuted = true,
            (false, None) => {}
        }
    }
    let own = || counted.iter().filter(|one| one.key == key);
    let counting = own().filter(|one| counts(one, test, moment.now_us)).count();
    let holding = own()
        .filter(|one| counts(one, test, moment.now_us) || !one.refuted)
        .count();
    let met = counting >= test.at_least;
    let facts = Facts {
        met: u8::from(met),
        held: u8::from(met || holding >= test.at_least),
        immediate,
    };
    let Some(at) = open(rule, 0, states, met, moment) else {
        return;
    };
    let (mut kept, now_us) = (Vec::new(), moment.now_us);
    let slot = &mut kept;
    let numbers = |_, _| {
        let shown = slot; // taken: what is said borrows it
                          // What no longer counts is no evidence: an END has none.
        if met {
            *shown = parts(test, key, counted, now_us);
        }
        let first = shown.first().map(|part| part.evidence);
        (first, Some(Basis::Conditions(shown)))
    };
    follow(rule, at, states, moment, facts, numbers, sink);
}

/// Whether a condition is true now; `None`: the observation does not say.
fn find_out(
    set: &RuleSet,
    condition: &Condition,
    before: Option<&Counted>,
    states: &[RuleState],
    moment: &Moment<'_>,
) -> Option<Finding> {
    let spot_check = |previous_us| moment.spot_check(previous_us, set.settings.spot_check_after_us);
    match condition {
        Condition::Sign {
            sign,
            direction,
            limit,
            inclusive,
        } => {
            let of = |sign: Sign| {
                let mut values = moment.values.iter();
                values.find(|v| v.connected && v.sign == sign)
            };
            let value = of(*sign).or_else(|| of(Family::alternate_of(*sign)?))?;
            let is_true = direction.beyond(*inclusive, value.value, *limit);
            // Only the sign that made it true refutes it, unless that has been silent for a minute.
            let other = |one: &Counted| {
                one.sign != value.sign as u8
                    && moment.now_us.saturating_sub(one.true_us) <= ALTERNATE_AFTER_US
            };
            if !is_true && before.is_some_and(other) {
                return None;
            }
            Some(Finding {
                is_true,
                immediate: spot_check(value.previous_us),
                sign: value.sign as u8,
                contributors: 0,
                partial: false,
                value: value.value,
            })
        }
        Condition::Rule(_, key) => {
            let state = states.iter().find(|s| s.active > 0 && s.rule == *key);
            Some(Finding {
                is_true: state.is_some(),
                immediate: false,
                sign: 0,
                contributors: 0,
                partial: false,
                value: 0.0,
            })
        }
        Condition::Score(score, at_least) => {
            let points = Points::of(*score, moment)?;
            let is_true = points.total >= *at_least;
            // What gave points and has gone missing since refutes nothing.
            if !is_true && before.is_some_and(|one| one.contributors & points.missing != 0) {
                return None;
            }
            Some(Finding {
                is_true,
                immediate: spot_check(moment.warning.previous_us),
                sign: 0,
                contributors: points.giving
                    | before.map_or(0, |one| one.contributors & points.missing),
                partial: points.partial,
                value: points.total,
            })
        }
    }
}

/// The conditions that count, in the order of the file.
fn parts<'a>(
    test: &'a CombinationRule,
    key: u64,
    counted: &[Counted],
    now_us: i64,
) -> Vec<Counting<'a>> {
    let conditions = (0u8..).zip(&test.conditions);
    let parts = conditions.filter_map(|(i, condition)| {
        let mut own = counted.iter().filter(|one| one.key == key);
        let one = own.find(|one| one.condition == i && counts(one, test, now_us))?;
        let (about, limit, comparison) = match condition {
            Condition::Sign {
                direction,
                limit,
                inclusive,
                ..
            } => ("", *limit, direction.comparison(*inclusive, false)),
            Condition::Rule(id, _) => (id.as_str(), 0.0, ""),
            Condition::Score(score, at_least) => (score.name(), *at_least, ">="),
        };
        Some(Counting {
            evidence: Evidence {
                sign: Sign::from_number(u64::from(one.sign)),
                value: one.value,
                limit,
                comparison,
                patient_limit: false,
            },
            about,
            time_us: one.true_us,
            event_id: one.event_id,
            partial: one.partial,
        })
    });
    parts.collect()
}
