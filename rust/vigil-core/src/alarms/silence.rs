//! The watchdog: devices and signs of which nothing is heard (processing time).

use crate::engine::heard::{is_monitored, SignHeard};
use crate::engine::patient::PatientState;
use crate::features::NEVER;
use crate::rules::episode::find;
use crate::rules::model::{DeviceRule, Rule, TechnicalRule, Test, Urgency};
use crate::rules::moment::{Alert, Evidence};
use crate::rules::{Phase, RuleSet, RuleState};
use crate::sign::Sign;

use super::signal::{condition, speaking, Scene, Sink};
use super::stale;

/// Orphans whose devices are silent for so long belong to a patient by now, or are put away, µs.
pub const ORPHAN_ENDS_AFTER_US: i64 = 300_000_000;
/// The same for devices that are not monitored: their values count no longer.
pub const ORPHAN_SPOT_CHECK_ENDS_AFTER_US: i64 = 86_400_000_000;

/// What is silent of one subject at a tick, whether that was said before or not.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Silences {
    /// Silent devices: hash of the id, bits of the signs heard from it last, time of its last observation.
    pub devices: Vec<(u64, u32, i64)>,
    /// Silent signs of devices that are not: the last value, its event time.
    pub signs: Vec<(Sign, f64, i64)>,
    /// All devices of the orphan are silent for so long that its alarms end.
    pub orphan_ends: bool,
}

impl Silences {
    /// Whether anything is silent.
    pub fn is_any(&self) -> bool {
        self.orphan_ends || !self.devices.is_empty() || !self.signs.is_empty()
    }
}

/// The rule about silent devices.
pub fn device_rule(set: &RuleSet) -> Option<(&Rule, &DeviceRule)> {
    let rule = set.device_rule()?;
    match &rule.test {
        Test::Device(test) => Some((rule, test)),
        _ => None,
    }
}

/// The rule about a silent sign.
fn sign_rule(set: &RuleSet, sign: Sign) -> Option<(&Rule, &TechnicalRule)> {
    let rule = set.technical_rule(sign)?;
    match &rule.test {
        Test::Technical(test) if test.silent_after_us > 0 => Some((rule, test)),
        _ => None,
    }
}

/// When each device would be silent: its place among the devices, and the time.
fn device_times<'a>(
    set: &'a RuleSet,
    state: &'a PatientState,
) -> impl Iterator<Item = (u64, i64)> + 'a {
    let after_us = device_rule(set)
        .filter(|(rule, _)| !state.left_out.of(rule))
        .map(|(_, test)| test.silent_after_us);
    let spot_check_after_us = set.settings.spot_check_after_us;
    let watched = state
        .devices
        .iter()
        .filter(move |d| d.clock.live && is_monitored(d.cadence_us, spot_check_after_us));
    after_us.into_iter().flat_map(move |after_us| {
        let watched = watched.clone();
        watched.map(move |d| (d.key, d.ingest_us.saturating_add(after_us)))
    })
}

/// When each sign of a live device would be silent: the sign's entry, its rule, the time.
fn sign_times<'a>(
    set: &'a RuleSet,
    state: &'a PatientState,
) -> impl Iterator<Item = (&'a SignHeard, &'a Rule, i64)> + 'a {
    let spot_check_after_us = set.settings.spot_check_after_us;
    state.heard.iter().filter_map(move |heard| {
        let (rule, test) =
            sign_rule(set, heard.sign).filter(|(rule, _)| !state.left_out.of(rule))?;
        let device = state.devices.iter().find(|d| d.key == heard.device)?;
        let watched = device.clock.live && is_monitored(heard.cadence_us, spot_check_after_us);
        watched.then(|| {
            (
                heard,
                rule,
                heard.ingest_us.saturating_add(test.silent_after_us),
            )
        })
    })
}

/// When an orphan's alarms end, if nothing is heard of it.
pub fn orphan_ends_us(set: &RuleSet, state: &PatientState) -> Option<i64> {
    let silent_after_us = device_rule(set).map_or(0, |(_, test)| test.silent_after_us);
    let spot_check_after_us = set.settings.spot_check_after_us;
    let ends = state.devices.iter().map(|d| {
        let watched = d.clock.live && is_monitored(d.cadence_us, spot_check_after_us);
        let after_us = if watched {
            ORPHAN_ENDS_AFTER_US.max(silent_after_us)
        } else {
            ORPHAN_SPOT_CHECK_ENDS_AFTER_US
        };
        d.ingest_us.saturating_add(after_us)
    });
    ends.max()
}

/// What is silent at `time_us`.
pub fn at(set: &RuleSet, state: &PatientState, time_us: i64) -> Silences {
    let ends = |us| us <= time_us;
    let devices: Vec<(u64, u32, i64)> = device_times(set, state)
        .filter(|(_, due_us)| *due_us <= time_us)
        .map(|(key, _)| {
            let of_device = state.heard.iter().filter(|heard| heard.device == key);
            let signs = of_device.fold(0, |bits, heard| bits | 1 << heard.sign.index());
            let device = state.devices.iter().find(|d| d.key == key);
            (key, signs, device.map_or(NEVER, |d| d.ingest_us))
        })
        .collect();
    let signs = sign_times(set, state)
        .filter(|(heard, _, due_us)| {
            *due_us <= time_us && !devices.iter().any(|(key, ..)| *key == heard.device)
        })
        .map(|(heard, ..)| {
            let last = state.known.get(heard.sign);
            (heard.sign, last.value, last.time_us)
        })
        .collect();
    Silences {
        devices,
        signs,
        // Who was not told before that the orphan is silent is told now.
        orphan_ends: state.orphan && orphan_ends_us(set, state).is_some_and(ends),
    }
}

/// Nothing of the orphan is silent until it is heard again.
pub fn unwatch(state: &mut PatientState) {
    for device in &mut state.devices {
        device.cadence_us = 0;
    }
    for heard in &mut state.heard {
        heard.cadence_us = 0;
    }
}

/// When the watchdog has something to do for a subject, as its episodes stand.
pub fn due_us(set: &RuleSet, state: &PatientState) -> Option<i64> {
    let silent = |key: u64| state.rules.iter().any(|r| r.device == key && r.active > 0);
    let devices = device_times(set, state)
        .filter(|(key, _)| !silent(*key))
        .map(|(_, due_us)| due_us);
    let signs = sign_times(set, state)
        .filter(|(heard, rule, _)| {
            let states = &state.rules;
            let active = find(states, rule.key)
                .and_then(|i| states.get(i))
                .is_some_and(|s| s.active > 0);
            !active && !silent(heard.device)
        })
        .map(|(.., due_us)| due_us);
    devices.chain(signs).min()
}

/// Raises the alarms of what is silent and was not said to be.
pub fn raise(
    scene: &Scene<'_>,
    states: &mut Vec<RuleState>,
    silences: &Silences,
    speaking: &mut Vec<u64>,
    sink: Sink<'_>,
) {
    let mut missing = 0;
    if let Some((rule, test)) = device_rule(scene.set) {
        for (device, signs, heard_us) in &silences.devices {
            let before = states.iter().position(|s| s.device == *device);
            if before
                .and_then(|i| states.get(i))
                .is_some_and(|s| s.active > 0)
            {
                continue;
            }
            // One that is latched returns.
            let mut state = match before {
                Some(i) => states.swap_remove(i),
                None => silent_device(scene, rule, *device),
            };
            state.signs = *signs;
            state.sign_time_us = *heard_us;
            missing |= signs;
            let test = (test.silent_after_us, test.urgency);
            begin(scene, states, (rule, state), test, None, speaking, sink);
        }
    }
    let mut signs = silences.signs.clone();
    signs.sort_by_key(|(sign, ..)| {
        sign_rule(scene.set, *sign).map(|(rule, _)| scene.set.place(rule.key))
    });
    for (sign, value, time_us) in signs {
        let Some((rule, test)) = sign_rule(scene.set, sign) else {
            continue;
        };
        let pending = find(states, rule.key);
        if pending
            .and_then(|i| states.get(i))
            .is_some_and(|s| s.active > 0)
        {
            continue;
        }
        let state = match pending {
            Some(i) => states.swap_remove(i),
            None => RuleState::silent(rule, sign as u8, scene),
        };
        missing |= 1 << sign.index();
        let evidence = (time_us != NEVER).then_some(Evidence {
            sign: Some(sign),
            value,
            limit: 0.0,
            comparison: "",
            patient_limit: false,
        });
        let test = (test.silent_after_us, test.urgency);
        let evidence = evidence.map(|e| (e, time_us));
        begin(scene, states, (rule, state), test, evidence, speaking, sink);
    }
    stale::mark(scene, states, missing, sink);
}

fn silent_device(scene: &Scene<'_>, rule: &Rule, device: u64) -> RuleState {
    let mut state = RuleState::silent(rule, 0, scene);
    let name = scene.identity.device(device).unwrap_or_default();
    state.device = device;
    state.episode = scene
        .subject
        .device_episode_id(&rule.id, &scene.event_id, name);
    state
}

fn begin(
    scene: &Scene<'_>,
    states: &mut Vec<RuleState>,
    (rule, mut state): (&Rule, RuleState),
    (delay_us, urgency): (i64, Urgency),
    evidence: Option<(Evidence, i64)>,
    speaking: &mut Vec<u64>,
    sink: Sink<'_>,
) {
    state.active = 1;
    state.urgency = urgency;
    state.raised_us = scene.now_us;
    let scene = Scene {
        evidence_us: evidence.map_or(0, |(_, time_us)| time_us),
        ..*scene
    };
    let alert = Alert {
        rule: Some(rule),
        state: &mut state,
        phase: Phase::Start,
        delay_us,
        evidence: evidence.map(|(evidence, _)| evidence),
        warning: None,
    };
    condition(&scene, speaking, alert, sink);
    states.push(state);
}

/// A device speaks: its silence, if it was silent, is over. `device` is the hash of its id.
pub fn heard(scene: &Scene<'_>, states: &mut Vec<RuleState>, device: u64, sink: Sink<'_>) {
    let is = |s: &RuleState| s.device == device && s.sign_time_us < scene.clock_us;
    let Some(i) = states.iter().position(is) else {
        return;
    };
    end(scene, states, i, &mut speaking(states), sink);
}

/// The condition of the alarm at `i` has cleared.
pub fn end(
    scene: &Scene<'_>,
    states: &mut Vec<RuleState>,
    i: usize,
    speaking: &mut Vec<u64>,
    sink: Sink<'_>,
) {
    let Some(state) = states.get_mut(i) else {
        return;
    };
    state.since_us = [NEVER; crate::rules::model::STEPS_MAX];
    if state.active > 0 {
        state.active = 0;
        let alert = Alert {
            rule: scene.rule(state),
            state,
            phase: Phase::End,
            delay_us: 0,
            evidence: None,
            warning: None,
        };
        condition(scene, speaking, alert, sink);
    }
    if states.get(i).is_some_and(RuleState::is_over) {
        states.swap_remove(i);
    }
}
