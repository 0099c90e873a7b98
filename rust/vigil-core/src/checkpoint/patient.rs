//! One patient's state. What has no value is not written.

use crate::engine::device::{Device, RECENT_IDS};
use crate::engine::patient::PatientState;
use crate::error::{Error, ErrorCode};
use crate::features::{Baseline, Reading, NEVER};
use crate::rules::model::{Priority, Severity, Urgency, STEPS_MAX};
use crate::rules::RuleState;
use crate::sign::Sign;
use crate::wire::{Reader, Writer};

/// Times are written relative to a patient's newest, so that they are short.
fn newest(state: &PatientState) -> i64 {
    state
        .devices
        .iter()
        .map(|device| device.last_us)
        .max()
        .unwrap_or(0)
}

/// Writes the fields of a patient.
pub fn write(w: &mut Writer, key: u128, state: &PatientState) {
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
    w.message(5, |w| {
        for (column, baseline) in state.baselines.iter().enumerate() {
            if *baseline != Baseline::default() {
                w.raw_varint(column as u64);
                time(w, baseline.time_us, base_us);
                time(w, baseline.away_since_us, base_us);
                w.raw_varint(u64::from(baseline.count));
                w.raw(&baseline.value.to_le_bytes());
            }
        }
    });
    for device in &state.devices {
        w.message(6, |w| {
            w.raw(&device.key.to_le_bytes());
            time(w, device.last_us, base_us);
            for id in device.recent.iter().filter(|id| **id != 0) {
                w.raw(&id.to_le_bytes());
            }
        });
    }
    for rule in &state.rules {
        w.message(7, |w| write_rule(w, rule, base_us));
    }
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
}

/// Reads what [`write`] wrote.
pub fn read(encoded: &[u8]) -> Result<(u128, PatientState), Error> {
    let mut state = PatientState::default();
    let (mut key, mut base_us) = (None, 0);
    let mut reader = Reader::new(encoded);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => {
                let mut bytes = Bytes(field.value.bytes()?);
                key = Some(u128::from_le_bytes(fixed(&mut bytes)?));
            }
            2 => base_us = field.value.varint()? as i64,
            3 => state.warned_us = unzigzag(field.value.varint()?).wrapping_add(base_us),
            4 => {
                let mut bytes = Bytes(field.value.bytes()?);
                while !bytes.0.is_empty() {
                    let sign = Sign::from_number(bytes.varint()?).ok_or_else(broken)?;
                    let time_us = bytes.time(base_us)?;
                    let value = f64::from_le_bytes(fixed(&mut bytes)?);
                    state.known.set(sign, Reading { value, time_us });
                }
            }
            5 => {
                let mut bytes = Bytes(field.value.bytes()?);
                while !bytes.0.is_empty() {
                    let column = bytes.varint()? as usize;
                    let slot = state.baselines.get_mut(column).ok_or_else(broken)?;
                    slot.time_us = bytes.time(base_us)?;
                    slot.away_since_us = bytes.time(base_us)?;
                    slot.count = u32::try_from(bytes.varint()?).map_err(|_| broken())?;
                    slot.value = f64::from_le_bytes(fixed(&mut bytes)?);
                }
            }
            6 => state
                .devices
                .push(read_device(&mut Bytes(field.value.bytes()?), base_us)?),
            7 => state
                .rules
                .push(read_rule(&mut Bytes(field.value.bytes()?), base_us)?),
            _ => {}
        }
    }
    Ok((key.ok_or_else(broken)?, state))
}

fn read_device(bytes: &mut Bytes<'_>, base_us: i64) -> Result<Device, Error> {
    let mut device = Device {
        key: u64::from_le_bytes(fixed(bytes)?),
        last_us: bytes.time(base_us)?,
        recent: [0; RECENT_IDS],
    };
    let count = bytes.0.len() / 8;
    let empty = RECENT_IDS.checked_sub(count).ok_or_else(broken)?;
    for slot in device.recent.iter_mut().skip(empty) {
        *slot = u64::from_le_bytes(fixed(bytes)?);
    }
    Ok(device)
}

fn read_rule(bytes: &mut Bytes<'_>, base_us: i64) -> Result<RuleState, Error> {
    let rule = u64::from_le_bytes(fixed(bytes)?);
    let episode = fixed(bytes)?;
    let [active, sign, technical, priority, severity, contributors] = fixed(bytes)?;
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
    Ok(RuleState {
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
    })
}

/// A time as its distance from `base_us`; 0 stands for [`NEVER`].
fn time(w: &mut Writer, time_us: i64, base_us: i64) {
    if time_us == NEVER {
        w.raw_varint(0);
        return;
    }
    // u64::MAX has no successor: such a distance is written as it is, in nine bytes more.
    if let Some(distance) = zigzag(time_us.wrapping_sub(base_us)).checked_add(2) {
        w.raw_varint(distance);
    } else {
        w.raw_varint(1);
        w.raw(&time_us.to_le_bytes());
    }
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn varint(&mut self) -> Result<u64, Error> {
        let mut reader = Reader::new(self.0);
        let value = reader.next_varint()?.ok_or_else(broken)?;
        self.0 = reader.rest();
        Ok(value)
    }

    fn time(&mut self, base_us: i64) -> Result<i64, Error> {
        Ok(match self.varint()? {
            0 => NEVER,
            1 => i64::from_le_bytes(fixed(self)?),
            distance => unzigzag(distance - 2).wrapping_add(base_us),
        })
    }
}

fn fixed<const N: usize>(bytes: &mut Bytes<'_>) -> Result<[u8; N], Error> {
    let (head, rest) = bytes.0.split_first_chunk::<N>().ok_or_else(broken)?;
    bytes.0 = rest;
    Ok(*head)
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn broken() -> Error {
    Error::new(
        ErrorCode::InvalidCheckpoint,
        "",
        "a patient's state is broken",
    )
}
