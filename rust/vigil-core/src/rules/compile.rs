//! A rule set with its tables per sign: most values are settled by two comparisons.

use hashbrown::HashMap;

use crate::sign::Sign;

use super::limit::{safe_range, signs_of};
use super::model::{Priority, Rule, Settings, Test};
use super::order::Order;

/// Rules ready for evaluation. Immutable; a reload makes a new one.
#[derive(Debug)]
pub struct RuleSet {
    /// First 16 hex digits of SHA-256 over the canonical content.
    pub version: String,
    /// How a device's order is repaired, and what is late.
    pub order: Order,
    /// What holds for all rules.
    pub settings: Settings,
    rules: Vec<Rule>,
    /// Where in `rules` a key is.
    keys: HashMap<u64, u16>,
    limits: [Vec<u16>; Sign::COUNT],
    technical: [Option<u16>; Sign::COUNT],
    scores: Vec<u16>,
    devices: Vec<u16>,
    /// Strictly inside, no default limit is met.
    safe: [(f64, f64); Sign::COUNT],
}

impl RuleSet {
    /// Compiles `rules` (at most 65,535, as [`super::parse`] makes sure).
    pub fn new(rules: Vec<Rule>, version: String, spot_check_after_us: i64) -> Self {
        let mut set = Self {
            version,
            order: Order::default(),
            settings: Settings {
                spot_check_after_us,
                ..Settings::default()
            },
            keys: (0..).zip(&rules).map(|(i, rule)| (rule.key, i)).collect(),
            limits: std::array::from_fn(|_| Vec::new()),
            technical: [None; Sign::COUNT],
            scores: Vec::new(),
            devices: Vec::new(),
            safe: [(f64::NEG_INFINITY, f64::INFINITY); Sign::COUNT],
            rules: Vec::new(),
        };
        for (i, rule) in rules.iter().enumerate() {
            let i = i as u16;
            match &rule.test {
                Test::Limit(test) => {
                    let (low, high) = safe_range(test);
                    for sign in signs_of(test.sign) {
                        if let Some(list) = set.limits.get_mut(sign.index()) {
                            list.push(i);
                        }
                        if let Some(safe) = set.safe.get_mut(sign.index()) {
                            *safe = (safe.0.max(low), safe.1.min(high));
                        }
                    }
                }
                Test::Score(_) => set.scores.push(i),
                Test::Device(_) => set.devices.push(i),
                Test::Technical(test) => {
                    if let Some(slot) = set.technical.get_mut(test.sign.index()) {
                        *slot = Some(i);
                    }
                }
            }
        }
        set.rules = rules;
        set
    }

    /// All rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether a rule with this key exists.
    #[inline]
    pub fn knows(&self, key: u64) -> bool {
        self.keys.contains_key(&key)
    }

    /// The place of a rule in the file; what no rule has this key comes last.
    #[inline]
    pub fn place(&self, key: u64) -> u16 {
        self.keys.get(&key).copied().unwrap_or(u16::MAX)
    }

    /// The rule with this key.
    #[inline]
    pub fn rule(&self, key: u64) -> Option<&Rule> {
        self.rules.get(usize::from(*self.keys.get(&key)?))
    }

    /// When an acknowledged alarm of `rule` sounds again at this priority; 0 = never.
    pub fn re_alarm_us(&self, rule: &Rule, priority: Priority) -> i64 {
        rule.re_alarm_us.unwrap_or_else(|| {
            let i = priority as usize - 1;
            self.settings.re_alarm_us.get(i).copied().unwrap_or(0)
        })
    }

    /// Whether no default limit of any rule can be met by `value`.
    #[inline]
    pub fn is_within_all_limits(&self, sign: Sign, value: f64) -> bool {
        self.safe
            .get(sign.index())
            .is_some_and(|(low, high)| value > *low && value < *high)
    }

    /// Limit rules that evaluate values of `sign`, in the order of the file.
    #[inline]
    pub fn limit_rules(&self, sign: Sign) -> impl Iterator<Item = &Rule> {
        self.limits
            .get(sign.index())
            .into_iter()
            .flatten()
            .filter_map(|i| self.rules.get(usize::from(*i)))
    }

    /// The technical rule about `sign`.
    #[inline]
    pub fn technical_rule(&self, sign: Sign) -> Option<&Rule> {
        let i = self.technical.get(sign.index()).copied().flatten()?;
        self.rules.get(usize::from(i))
    }

    /// The rule about silent devices.
    #[inline]
    pub fn device_rule(&self) -> Option<&Rule> {
        self.rules.get(usize::from(*self.devices.first()?))
    }

    /// Score rules.
    #[inline]
    pub fn score_rules(&self) -> impl Iterator<Item = &Rule> {
        self.scores
            .iter()
            .filter_map(|i| self.rules.get(usize::from(*i)))
    }
}
