//! A log of observations and controls about one patient, fed to an engine one by one.

use super::*;

/// What random people and clocks do, as often as it stands here.
pub const ACTIONS: [v1::ControlAction; 11] = {
    use v1::ControlAction::{Acknowledge, ComponentDown, ComponentUp, Off, Pause, Resume, Tick};
    [
        Tick,
        Tick,
        Tick,
        Tick,
        Acknowledge,
        Acknowledge,
        Pause,
        Off,
        Resume,
        ComponentDown,
        ComponentUp,
    ]
};

/// What a test looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub alert_type: String,
    pub phase: String,
    pub cause: String,
    pub presence: String,
}

pub struct Log {
    engine: Engine,
    offset: i64,
    pub orphan: bool,
    new: Vec<v1::AlertEvent>,
    before: Vec<v1::AlertEvent>,
    counts: std::collections::BTreeMap<&'static str, u64>,
    last: Vec<u8>,
}

pub fn control(n: u64, action: v1::ControlAction, time_us: i64) -> v1::Control {
    v1::Control {
        event_id: derive("control", &[&n.to_le_bytes()]).to_vec(),
        action: action.into(),
        time_us,
        ..v1::Control::default()
    }
}

pub fn controls(control: v1::Control) -> Vec<u8> {
    v1::TelemetryBatch {
        controls: vec![control],
        ..v1::TelemetryBatch::default()
    }
    .encode_to_vec()
}

impl Log {
    pub fn new(rules: &str) -> Self {
        Self {
            engine: Engine::new(rules, 1000).unwrap(),
            offset: 0,
            orphan: false,
            new: Vec::new(),
            before: Vec::new(),
            counts: std::collections::BTreeMap::default(),
            last: Vec::new(),
        }
    }

    fn feed(&mut self, value: Vec<u8>) {
        let mut pending = self
            .engine
            .begin("t", 0, &[self.offset], &[&value], 3)
            .unwrap();
        let made = self.engine.finish(&mut pending, None, "", 4).unwrap();
        assert_eq!(made.outcome.dead_lettered, 0);
        assert!(made.outcome.dead_letters.is_empty());
        self.offset += 1;
        self.new.extend(
            made.alerts
                .iter()
                .map(|a| v1::AlertEvent::decode(a.value.as_slice()).unwrap()),
        );
        for (name, n) in made.outcome.counts {
            *self.counts.entry(name).or_default() += n;
        }
        self.last = value;
    }

    fn observes(&mut self, second: i64, values: &[(Sign, f64, u32)], age_us: i64) {
        let patient = if self.orphan { "" } else { "p1" };
        let mut one = observation(self.offset as u64, patient, "d1", second, values);
        one.header.as_mut().unwrap().event_time_us -= age_us;
        self.feed(batch(&[one]));
    }

    pub fn hears(&mut self, second: i64, values: &[(Sign, f64)]) {
        let values: Vec<_> = values.iter().map(|(s, v)| (*s, *v, 0)).collect();
        self.observes(second, &values, 0);
    }

    pub fn hears_of_long_ago(&mut self, second: i64, values: &[(Sign, f64)]) {
        let values: Vec<_> = values.iter().map(|(s, v)| (*s, *v, 0)).collect();
        self.observes(second, &values, 1_000_000 * SECOND);
    }

    pub fn hears_off(&mut self, second: i64, sign: Sign) {
        self.observes(second, &[(sign, 0.0, 16)], 0);
    }

    fn does(&mut self, action: v1::ControlAction, time_us: i64, change: impl Fn(&mut v1::Control)) {
        let mut made = control(self.offset as u64, action, time_us);
        if action != v1::ControlAction::Tick {
            made.patient_id = "p1".into();
            made.actor = "kim".into();
            made.reason = "seen".into();
        }
        change(&mut made);
        self.feed(controls(made));
    }

    pub fn ticks(&mut self, second: i64) {
        self.ticks_us(T0 + second * SECOND + 5);
    }

    pub fn ticks_us(&mut self, time_us: i64) {
        self.does(v1::ControlAction::Tick, time_us, |_| {});
    }

    pub fn acknowledges(&mut self, second: i64) {
        self.does(
            v1::ControlAction::Acknowledge,
            T0 + second * SECOND + 5,
            |_| {},
        );
    }

    /// Until `until`, or off when that is 0.
    pub fn pauses(&mut self, second: i64, rule: &str, until: i64) {
        let action = if until == 0 {
            v1::ControlAction::Off
        } else {
            v1::ControlAction::Pause
        };
        self.does(action, T0 + second * SECOND, |c| {
            c.rule_id = rule.into();
            c.until_us = if until == 0 { 0 } else { T0 + until * SECOND };
        });
    }

    pub fn resumes(&mut self, second: i64, rule: &str) {
        self.does(v1::ControlAction::Resume, T0 + second * SECOND, |c| {
            c.rule_id = rule.into();
        });
    }

    pub fn component(&mut self, second: i64, way: &str, reporter: &str) {
        let action = if way == "down" {
            v1::ControlAction::ComponentDown
        } else {
            v1::ControlAction::ComponentUp
        };
        self.does(action, T0 + second * SECOND + 5, |c| {
            c.patient_id = String::new();
            c.component = "anomaly-service".into();
            c.reporter = reporter.into();
        });
    }

    /// The last record once more.
    pub fn again(&mut self) {
        self.feed(self.last.clone());
    }

    pub fn due_us(&mut self) -> Option<i64> {
        self.engine.due_us(0)
    }

    /// Subjects with state.
    pub fn subjects(&self) -> usize {
        self.engine.patients(0)
    }

    pub fn counted(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// What was said since it was asked last.
    pub fn told(&mut self) -> Vec<Told> {
        let new = std::mem::take(&mut self.new);
        let name =
            |prefix: &str, text: &str| text.strip_prefix(prefix).unwrap_or(text).to_lowercase();
        let told = new
            .iter()
            .map(|a| Told {
                alert_type: a.alert_type.clone(),
                phase: name("ALERT_PHASE_", a.phase().as_str_name()),
                cause: name("ALERT_CAUSE_", a.cause().as_str_name()),
                presence: name("ALARM_PRESENCE_", a.presence().as_str_name()),
            })
            .collect();
        self.before = new;
        told
    }

    /// The alerts that were not asked for, or else those that were last.
    pub fn alerts(&self) -> &[v1::AlertEvent] {
        if self.new.is_empty() {
            &self.before
        } else {
            &self.new
        }
    }

    pub fn last(&self) -> v1::AlertEvent {
        self.alerts().last().unwrap().clone()
    }
}

/// The rules of these tests.
/// An engine with the rules of the tests about signals.
pub fn signals_engine() -> Engine {
    Engine::new(signals::RULES, 1000).unwrap()
}
