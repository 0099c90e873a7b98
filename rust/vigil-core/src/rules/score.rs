//! Score rules: a score reaches a total, or (NEWS2) a single parameter scores 3.

use crate::scores::news2::News2;
use crate::sign::Sign;

use super::compile::RuleSet;
use super::episode::{level, Facts, Phase, RuleState};
use super::model::{Rule, ScoreKind, ScoreRule, Test, Trigger};
use super::moment::{Alert, Basis, Evidence, Moment};
use super::run::{follow, open};

/// Points of a single parameter that ask for an urgent review.
const SINGLE: u8 = 3;

/// Evaluates the scores of which the observation brought an input. A partial total is a lower bound, so it
/// alarms when it reaches the limit; what has gone missing since clears nothing.
#[inline]
pub fn evaluate(
    set: &RuleSet,
    states: &mut Vec<RuleState>,
    moment: &Moment<'_>,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    if !moment.warning.updated {
        return;
    }
    for rule in set.score_rules() {
        if !moment.excludes(rule) {
            evaluate_rule(set, rule, states, moment, sink);
        }
    }
}

fn evaluate_rule(
    set: &RuleSet,
    rule: &Rule,
    states: &mut Vec<RuleState>,
    moment: &Moment<'_>,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    let Test::Score(test) = &rule.test else {
        return;
    };
    let Some(points) = Points::of(test.score, moment) else {
        return;
    };
    let met = reached(test, &points, 0.0);
    let mut held = reached(test, &points, test.hysteresis);
    let Some(at) = open(rule, 0, states, met != 0, moment) else {
        return;
    };
    let Some(state) = states.get_mut(at) else {
        return;
    };
    if points.applicable {
        if state.contributors & points.missing != 0 {
            held |= ((1u16 << state.active) - 1) as u8;
        }
        state.contributors = points.giving | (state.contributors & points.missing);
    }
    let immediate = moment.spot_check(moment.warning.previous_us, set.settings.spot_check_after_us);
    let facts = Facts {
        met,
        held,
        immediate,
    };
    let numbers = |phase, _| {
        let evidence = points
            .applicable
            .then(|| evidence(test, &points, phase, level(met)));
        (evidence.flatten(), basis(test.score, moment))
    };
    follow(rule, at, states, moment, facts, numbers, sink);
}

/// A score as a rule sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Points {
    /// Whether it may be used for this patient; else it is nothing.
    pub applicable: bool,
    /// The total, or the ratio of the shock index.
    pub total: f64,
    /// Whether it is a lower bound.
    pub partial: bool,
    /// NEWS2: a parameter that scores 3.
    pub single_three: Option<Sign>,
    /// Bits of the inputs that give points.
    pub giving: u8,
    /// Bits of the inputs that are missing.
    pub missing: u8,
}

impl Points {
    const NOT_APPLICABLE: Self = Self {
        applicable: false,
        total: f64::NEG_INFINITY,
        partial: false,
        single_three: None,
        giving: 0,
        missing: 0,
    };

    /// Of the score, when the observation brought one of its inputs.
    pub fn of(score: ScoreKind, moment: &Moment<'_>) -> Option<Self> {
        if score == ScoreKind::News2 {
            return moment.warning.updated.then(|| match &moment.warning.news2 {
                Some(news2) => Self::news2(news2),
                None => Self::NOT_APPLICABLE,
            });
        }
        let total = moment.totals.iter().find(|total| total.kind == score)?;
        if !total.applicable {
            return Some(Self::NOT_APPLICABLE);
        }
        let (giving, missing) = total.giving_and_missing();
        Some(Self {
            applicable: true,
            total: total.value,
            partial: total.partial,
            single_three: None,
            giving,
            missing,
        })
    }

    fn news2(news2: &News2) -> Self {
        let (mut giving, mut missing) = (0, 0);
        for (i, (_, points)) in news2.subscores.iter().enumerate() {
            match points {
                None => missing |= 1 << i,
                Some(0) => {}
                Some(_) => giving |= 1 << i,
            }
        }
        let three = news2.subscores.iter().find(|(_, p)| *p == Some(SINGLE));
        Self {
            applicable: true,
            total: f64::from(news2.total),
            partial: news2.partial,
            single_three: three
                .filter(|_| news2.single_three)
                .map(|(input, _)| input.sign()),
            giving,
            missing,
        }
    }
}

fn basis<'a>(score: ScoreKind, moment: &Moment<'a>) -> Option<Basis<'a>> {
    if score == ScoreKind::News2 {
        return Some(Basis::News2(moment.warning));
    }
    let mut totals = moment.totals.iter();
    totals.find(|total| total.kind == score).map(Basis::Score)
}

/// From where on a step that asks for `at_least` is held. Six decimals: 0.8 − 0.1 is 0.7, not a hair more.
pub(super) fn clear_from(at_least: f64, hysteresis: f64) -> f64 {
    if hysteresis == 0.0 {
        return at_least;
    }
    ((at_least - hysteresis) * 1e6).round() / 1e6
}

fn reached(test: &ScoreRule, points: &Points, hysteresis: f64) -> u8 {
    let mut bits = 0;
    for (i, step) in test.steps.iter().enumerate() {
        let reached = match step.trigger {
            Trigger::AtLeast(total) => points.total >= clear_from(total, hysteresis),
            Trigger::SingleThree => points.single_three.is_some(),
        };
        bits |= u8::from(reached) << i;
    }
    bits
}

/// The total with the limit that it reached; for a single 3, the sign that scores it.
fn evidence(test: &ScoreRule, points: &Points, phase: Phase, met: u8) -> Option<Evidence> {
    let step = test.steps.get(usize::from(met.max(1)) - 1)?;
    let ended = phase == Phase::End;
    let (sign, value, limit) = match step.trigger {
        Trigger::SingleThree if met > 0 => {
            let three = f64::from(SINGLE);
            (Some(points.single_three?), three, three)
        }
        _ => (None, points.total, first_total(test, step.trigger)),
    };
    Some(Evidence {
        sign,
        value,
        limit,
        comparison: if ended || value < limit { "<" } else { ">=" },
        patient_limit: false,
    })
}

fn first_total(test: &ScoreRule, trigger: Trigger) -> f64 {
    if let Trigger::AtLeast(total) = trigger {
        return total;
    }
    test.steps
        .iter()
        .find_map(|step| match step.trigger {
            Trigger::AtLeast(total) => Some(total),
            Trigger::SingleThree => None,
        })
        .unwrap_or(f64::from(SINGLE))
}
