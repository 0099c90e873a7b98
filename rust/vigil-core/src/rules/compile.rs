//! A rule set with its tables per sign: most values are settled by two comparisons.

use hashbrown::HashMap;

use crate::sign::Sign;

use super::limit::{safe_range, signs_of, window_of};
use super::model::{
    key_of, CombinationRule, Condition, Direction, Priority, Rule, ScoreKind, Settings, Test,
};
use super::moment::Moment;
use super::order::Order;
use super::population::Population;
use super::technical::silent_after_us;
use super::trend;
use super::window::Asked;

/// Different populations of one rule set: a bit each.
pub const POPULATIONS_MAX: usize = u128::BITS as usize;

/// The range in which every value lies.
const EVERYTHING: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

/// Rules ready for evaluation. Immutable; a reload makes a new one.
#[derive(Debug)]
pub struct RuleSet {
    /// First 16 hex digits of SHA-256 over the canonical content.
    pub version: String,
    /// First 8 bytes of the version: what is compiled for a patient belongs to it.
    pub key: u64,
    /// What holds for all rules.
    pub settings: Settings,
    /// How a device's order is repaired, and what is late.
    pub order: Order,
    /// The shortest silence that is an alarm; `i64::MAX` = none is.
    pub silent_after_us: i64,
    rules: Vec<Rule>,
    by_key: HashMap<u64, u16>,
    limits: [Vec<u16>; Sign::COUNT],
    technical: [Option<u16>; Sign::COUNT],
    device: Option<u16>,
    trends: [Vec<u16>; Sign::COUNT],
    scores: Vec<u16>,
    combinations: Vec<u16>,
    anomalies: Vec<u16>,
    /// Scores beside NEWS2 that a rule asks for: a bit a kind.
    asked: u8,
    /// Windows of each measured sign.
    windows: [Vec<Asked>; Sign::COUNT],
    /// Strictly inside, no condition of a combination is true.
    apart: [(f64, f64); Sign::COUNT],
    /// Whether a condition of a combination is about a score.
    scored_conditions: bool,
    /// By the bit that rules have of them.
    populations: Vec<Population>,
    device_types: bool,
    /// Bits of the populations that few belong to: only who is known to.
    few: u128,
    /// Strictly inside, no default limit is met of a rule that is not only for few.
    safe: [(f64, f64); Sign::COUNT],
}

impl RuleSet {
    /// Compiles `rules` (at most 65,535, of at most [`POPULATIONS_MAX`] populations, as [`super::parse`] makes sure).
    pub fn new(rules: Vec<Rule>, version: String, settings: Settings, order: Order) -> Self {
        let mut set = Self {
            key: key_of(&version) | 1,
            version,
            settings,
            order,
            silent_after_us: silent_after_us(&rules),
            by_key: HashMap::new(),
            limits: std::array::from_fn(|_| Vec::new()),
            technical: [None; Sign::COUNT],
            device: None,
            trends: std::array::from_fn(|_| Vec::new()),
            windows: std::array::from_fn(|_| Vec::new()),
            apart: [EVERYTHING; Sign::COUNT],
            scored_conditions: false,
            device_types: false,
            few: 0,
            scores: Vec::new(),
            combinations: Vec::new(),
            anomalies: Vec::new(),
            asked: 0,
            populations: Vec::new(),
            safe: [EVERYTHING; Sign::COUNT],
            rules,
        };
        for i in 0..set.rules.len() {
            set.add(i);
        }
        set
    }

    fn add(&mut self, at: usize) {
        let i = at as u16;
        let Some(rule) = self.rules.get_mut(at) else {
            return;
        };
        self.by_key.insert(rule.key, i);
        let for_few = rule.population.as_ref().is_some_and(|p| p.only_known);
        if let Some(population) = &rule.population {
            let known = self.populations.iter().position(|p| p == population);
            let bit = known.unwrap_or_else(|| {
                self.populations.push(population.clone());
                self.populations.len() - 1
            });
            self.device_types |= !population.device_types.is_empty();
            rule.population_bit = 1u128.checked_shl(bit as u32).unwrap_or(0);
            self.few |= if for_few { rule.population_bit } else { 0 };
            rule.devices = population.devices();
        }
        let (devices, population) = (rule.devices, rule.population_bit);
        match &rule.test {
            Test::Limit(test) => {
                let (low, high) = safe_range(test);
                let (sign, spec) = (test.sign, window_of(test, devices));
                for sign in signs_of(sign) {
                    if let Some(spec) = spec {
                        self.ask_window(sign, Asked { spec, population });
                    }
                    if let Some(list) = self.limits.get_mut(sign.index()) {
                        list.push(i);
                    }
                    if let Some(safe) = self.safe.get_mut(sign.index()).filter(|_| !for_few) {
                        *safe = (safe.0.max(low), safe.1.min(high));
                    }
                }
            }
            Test::Trend(test) => {
                let (sign, spec) = (test.sign, trend::spec(test, devices));
                for sign in signs_of(sign) {
                    if let Some(list) = self.trends.get_mut(sign.index()) {
                        list.push(i);
                    }
                    self.ask_window(sign, Asked { spec, population });
                }
            }
            Test::Score(test) => {
                self.asked |= asks(test.score);
                self.scores.push(i);
            }
            Test::Combination(test) => {
                let test = test.clone();
                self.watch(&test, for_few);
                self.combinations.push(i);
            }
            Test::Anomaly(_) => self.anomalies.push(i),
            Test::Device(_) => self.device = Some(i),
            Test::Technical(test) => {
                if let Some(slot) = self.technical.get_mut(test.sign.index()) {
                    *slot = Some(i);
                }
            }
        }
    }

    fn ask_window(&mut self, sign: Sign, asked: Asked) {
        if let Some(list) = self.windows.get_mut(sign.index()) {
            if !list.iter().any(|one| one.spec == asked.spec) {
                list.push(asked);
            }
        }
    }

    /// A score is made for few as for all; only the shortcuts leave out what few have.
    fn watch(&mut self, test: &CombinationRule, for_few: bool) {
        for condition in &test.conditions {
            match condition {
                Condition::Score(score, _) => {
                    self.scored_conditions |= !for_few;
                    self.asked |= asks(*score);
                }
                Condition::Sign {
                    sign,
                    direction,
                    limit,
                    ..
                } if !for_few => {
                    for sign in signs_of(*sign) {
                        if let Some((low, high)) = self.apart.get_mut(sign.index()) {
                            match direction {
                                Direction::Low => *low = low.max(*limit),
                                Direction::High => *high = high.min(*limit),
                            }
                        }
                    }
                }
                Condition::Rule(..) | Condition::Sign { .. } => {}
            }
        }
    }

    /// All rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule with this key.
    #[inline]
    pub fn rule(&self, key: u64) -> Option<&Rule> {
        self.at(*self.by_key.get(&key)?)
    }

    /// The place of a rule in the file; what no rule has this key comes last.
    #[inline]
    pub fn place(&self, key: u64) -> u16 {
        self.by_key.get(&key).copied().unwrap_or(u16::MAX)
    }

    /// When an acknowledged alarm of `rule` sounds again at this priority; 0 = never.
    pub fn re_alarm_us(&self, rule: &Rule, priority: Priority) -> i64 {
        rule.re_alarm_us.unwrap_or_else(|| {
            let i = priority as usize - 1;
            self.settings.re_alarm_us.get(i).copied().unwrap_or(0)
        })
    }

    /// Whether a rule is only about what devices of some types send.
    #[inline]
    pub fn asks_device_types(&self) -> bool {
        self.device_types
    }

    /// The populations that rules are for, by the number of their bit.
    pub fn populations(&self) -> &[Population] {
        &self.populations
    }

    /// Whether the patient belongs to none of the populations that few belong to. Only then the shortcuts hold
    /// ([`Self::is_within_all_limits`], [`Self::may_combine`]): a child's limits would take them from everybody.
    #[inline]
    pub fn is_usual(&self, moment: &Moment<'_>) -> bool {
        !(moment.left_out | moment.unseen) & self.few == 0
    }

    /// Whether no default limit of any rule for usual patients can be met by `value`.
    #[inline]
    pub fn is_within_all_limits(&self, sign: Sign, value: f64) -> bool {
        self.safe
            .get(sign.index())
            .is_some_and(|(low, high)| value > *low && value < *high)
    }

    /// Limit rules that evaluate values of `sign`, in the order of the file.
    #[inline]
    pub fn limit_rules(&self, sign: Sign) -> impl Iterator<Item = &Rule> {
        let rules = self.limits.get(sign.index());
        rules.into_iter().flatten().filter_map(|i| self.at(*i))
    }

    /// The rule about a missing `sign`.
    #[inline]
    pub fn technical_rule(&self, sign: Sign) -> Option<&Rule> {
        self.at(self.technical.get(sign.index()).copied().flatten()?)
    }

    /// The rule about silent devices.
    #[inline]
    pub fn device_rule(&self) -> Option<&Rule> {
        self.at(self.device?)
    }

    /// Trend rules that evaluate values of `sign`.
    #[inline]
    pub fn trend_rules(&self, sign: Sign) -> impl Iterator<Item = &Rule> {
        let rules = self.trends.get(sign.index());
        rules.into_iter().flatten().filter_map(|i| self.at(*i))
    }

    /// Windows that rules ask for of values of `sign`.
    #[inline]
    pub fn windows(&self, sign: Sign) -> &[Asked] {
        self.windows.get(sign.index()).map_or(&[], Vec::as_slice)
    }

    /// Whether a combination may have a condition that is true, of a usual patient of whom nothing is remembered and no
    /// rule alarms.
    #[inline]
    pub fn may_combine(&self, moment: &Moment<'_>) -> bool {
        let apart = |sign: Sign, value| {
            let range = self.apart.get(sign.index());
            range.is_some_and(|(low, high)| value > *low && value < *high)
        };
        let mut values = moment.values.iter();
        !self.combinations.is_empty()
            && (self.scored_conditions
                || values.any(|value| value.connected && !apart(value.sign, value.value)))
    }

    /// Score rules.
    #[inline]
    pub fn score_rules(&self) -> impl Iterator<Item = &Rule> {
        self.scores.iter().filter_map(|i| self.at(*i))
    }

    /// The scores beside NEWS2 that a rule asks for: a bit a kind.
    #[inline]
    pub fn asked(&self) -> u8 {
        self.asked
    }

    /// Combination rules.
    #[inline]
    pub fn combination_rules(&self) -> impl Iterator<Item = &Rule> {
        self.combinations.iter().filter_map(|i| self.at(*i))
    }

    /// Anomaly rules.
    #[inline]
    pub fn anomaly_rules(&self) -> impl Iterator<Item = &Rule> {
        self.anomalies.iter().filter_map(|i| self.at(*i))
    }

    #[inline]
    fn at(&self, i: u16) -> Option<&Rule> {
        self.rules.get(usize::from(i))
    }
}

/// The bit of a score that is made only when it is asked for.
const fn asks(score: ScoreKind) -> u8 {
    match score {
        ScoreKind::News2 => 0,
        other => 1 << other as u8,
    }
}
