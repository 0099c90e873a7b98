//! One patient's state. What has no value is not written.

use super::bytes::{broken, time, unzigzag, zigzag, Bytes};
use super::{alarms, counted, device, features, windows};
use crate::alarms::signal::SignalState;
use crate::engine::identity::Identity;
use crate::engine::patient::PatientState;
use crate::error::Error;
use crate::features::{Reading, NEVER};
use crate::rules::model::{Priority, Severity, Urgency, STEPS_MAX};
use crate::rules::RuleState;
use crate::sign::Sign;
use crate::wire::{Reader, Writer};

/// Times are written relative to a patient's newest, so that they are short.
fn newest(state: &PatientState) -> i64 {
    state
        .devices
        .iter()
        .map(|device| device.last_us.max(device.ingest_us))
        .max()
        .unwrap_or(0)
}

/// Writes the fields of a patient.
pub fn write(w: &mut Writer, key: u128, state: &PatientState, identity: Option<&Identity>) {
    let base_us = newest(state);
    w.bytes(1, &key.to_le_bytes());
    w.varint(2, base_us as u64);
    if state.warned_us != NEVER {
        w.varint(3, zigzag(state.warned_us.wrapping_sub(base_us)));
    }
    w.message(4, |w| {
        for (sign, reading) in state.known.iter() {
            w.raw_varint(sign as u64);
            time(w, reading.time_us, base_us);
            w.raw(&reading.value.to_le_bytes());
        }
    });
    w.message(5, |w| features::write_baselines(w, &state.history, base_us));
    w.message(32, |w| features::write_trends(w, &state.history, base_us));
    for device in &state.devices {
        w.message(6, |w| device::write(w, device, base_us));
    }
    for rule in &state.rules {
        w.message(7, |w| write_rule(w, rule, base_us));
    }
    for held in &state.held {
        w.message(8, |w| device::write_held(w, held, base_us));
    }
    counted::write(w, &state.counted, base_us);
    windows::write(w, &state.memory.windows);
    alarms::write(w, state, identity, base_us);
}

fn write_rule(w: &mut Writer, rule: &RuleState, base_us: i64) {
    w.raw(&rule.rule.to_le_bytes());
    w.raw(&rule.episode);
    w.raw(&[
        rule.active,
        rule.sign,
        u8::from(rule.technical),
        rule.urgency.priority as u8,
        rule.urgency.severity as u8,
        rule.contributors,
    ]);
    w.raw_varint(u64::from(rule.alerts));
    for time_us in [rule.sign_time_us, rule.onset_us, rule.raised_us] {
        time(w, time_us, base_us);
    }
    for time_us in rule.since_us {
        time(w, time_us, base_us);
    }
    alarms::write_signal(w, rule, base_us);
}

/// A patient's key, its state and who it is.
pub type Restored = (u128, PatientState, Option<Box<Identity>>);

/// Reads what [`write`] wrote.
pub fn read(encoded: &[u8]) -> Result<Restored, Error> {
    let mut state = PatientState::default();
    let (mut key, mut base_us, mut identity) = (None, 0, None);
    let mut reader = Reader::new(encoded);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => {
                let mut bytes = Bytes(field.value.bytes()?);
                key = Some(u128::from_le_bytes(bytes.fixed()?));
            }
            2 => base_us = field.value.varint()? as i64,
            3 => state.warned_us = unzigzag(field.value.varint()?).wrapping_add(base_us),
            4 => {
                let mut bytes = Bytes(field.value.bytes()?);
                while !bytes.0.is_empty() {
                    let sign = Sign::from_number(bytes.varint()?).ok_or_else(broken)?;
                    let time_us = bytes.time(base_us)?;
                    let value = f64::from_le_bytes(bytes.fixed()?);
                    state.known.set(sign, Reading { value, time_us });
                }
            }
            5 => features::read_baselines(
                &mut Bytes(field.value.bytes()?),
                &mut state.history,
                base_us,
            )?,
            6 => state
                .devices
                .push(device::read(&mut Bytes(field.value.bytes()?), base_us)?),
            7 => state
                .rules
                .push(read_rule(&mut Bytes(field.value.bytes()?), base_us)?),
            8 => state.held.push(device::read_held(
                &mut Bytes(field.value.bytes()?),
                base_us,
            )?),
            windows::WINDOW => state
                .memory
                .windows
                .push(windows::read(field.value.bytes()?)?),
            counted::COUNTED => state.counted = counted::read(field.value.bytes()?, base_us)?,
            number @ alarms::HEARD..=alarms::SPEAKER => {
                let field = field.value.bytes()?;
                alarms::read(&mut state, &mut identity, number, field, base_us)?;
            }
            32 => features::read_trends(
                &mut Bytes(field.value.bytes()?),
                &mut state.history,
                base_us,
            )?,
            _ => {}
        }
    }
    Ok((key.ok_or_else(broken)?, state, identity))
}

fn read_rule(bytes: &mut Bytes<'_>, base_us: i64) -> Result<RuleState, Error> {
    let rule = u64::from_le_bytes(bytes.fixed()?);
    let episode = bytes.fixed()?;
    let [active, sign, technical, priority, severity, contributors] = bytes.fixed()?;
    let alerts = u32::try_from(bytes.varint()?).map_err(|_| broken())?;
    let (sign_time_us, onset_us, raised_us) = (
        bytes.time(base_us)?,
        bytes.time(base_us)?,
        bytes.time(base_us)?,
    );
    let mut since_us = [NEVER; STEPS_MAX];
    for slot in &mut since_us {
        *slot = bytes.time(base_us)?;
    }
    if usize::from(active) > STEPS_MAX {
        return Err(broken());
    }
    let priority = match priority {
        1 => Priority::Low,
        2 => Priority::Medium,
        3 => Priority::High,
        _ => return Err(broken()),
    };
    let severity = match severity {
        1 => Severity::Low,
        2 => Severity::Medium,
        3 => Severity::High,
        4 => Severity::Critical,
        _ => return Err(broken()),
    };
    let mut state = RuleState {
        rule,
        active,
        sign,
        technical: technical != 0,
        sign_time_us,
        episode,
        onset_us,
        since_us,
        raised_us,
        alerts,
        urgency: Urgency { priority, severity },
        contributors,
        value: f64::NAN,
        device: 0,
        signs: 0,
        signal: SignalState::default(),
    };
    alarms::read_signal(&mut state, bytes, base_us)?;
    Ok(state)
}
