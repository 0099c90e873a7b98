//! Of a patient's state: signals, pauses, when signs were heard, and who it is.

use super::bytes::{broken, time, Bytes};
use crate::alarms::pause::Pause;
use crate::alarms::said::Presence;
use crate::alarms::signal::SignalState;
use crate::alarms::special::{Reporter, Special};
use crate::engine::heard::SignHeard;
use crate::engine::identity::Identity;
use crate::engine::patient::PatientState;
use crate::error::Error;
use crate::rules::RuleState;
use crate::sign::Sign;
use crate::wire::{Reader, Writer};

/// Fields of a patient that are read here.
pub const HEARD: u32 = 16;
/// Pauses and reporters.
pub const SPECIAL: u32 = 17;
/// Who it is.
pub const IDENTITY: u32 = 18;
/// The device heard last, whether it is an orphan, when a control last concerned it.
pub const SPEAKER: u32 = 19;

const PAUSED: u8 = 1;
const SUPPRESSED: u8 = 2;
const STALE: u8 = 4;

/// Writes the fields of a patient that are not its values, devices and rules.
pub fn write(w: &mut Writer, state: &PatientState, identity: Option<&Identity>, base_us: i64) {
    w.message(HEARD, |w| {
        for heard in &state.heard {
            w.raw_varint(heard.sign as u64);
            w.raw(&heard.device.to_le_bytes());
            time(w, heard.ingest_us, base_us);
            w.raw_varint(heard.cadence_us as u64);
        }
    });
    if let Some(special) = &state.special {
        w.message(SPECIAL, |w| write_special(w, special));
    }
    if let Some(identity) = identity {
        w.message(IDENTITY, |w| {
            w.bytes(1, identity.patient_id.as_bytes());
            w.bytes(2, &identity.context);
            for (key, id) in &identity.devices {
                w.varint(3, *key);
                w.bytes(4, id.as_bytes());
            }
        });
    }
    w.message(SPEAKER, |w| {
        w.raw_varint(u64::from(state.orphan));
        w.raw(&state.device.to_le_bytes());
        time(w, state.controlled_us, base_us);
    });
}

/// Reads a field that [`write`] wrote.
pub fn read(
    state: &mut PatientState,
    identity: &mut Option<Box<Identity>>,
    number: u32,
    field: &[u8],
    base_us: i64,
) -> Result<(), Error> {
    let mut bytes = Bytes(field);
    match number {
        HEARD => {
            while !bytes.0.is_empty() {
                state.heard.push(SignHeard {
                    sign: Sign::from_number(bytes.varint()?).ok_or_else(broken)?,
                    device: u64::from_le_bytes(bytes.fixed()?),
                    ingest_us: bytes.time(base_us)?,
                    cadence_us: bytes.varint()? as i64,
                });
            }
        }
        SPECIAL => state.special = Some(Box::new(read_special(field)?)),
        IDENTITY => *identity = Some(Box::new(read_identity(field)?)),
        SPEAKER => {
            state.orphan = bytes.varint()? != 0;
            state.device = u64::from_le_bytes(bytes.fixed()?);
            state.controlled_us = bytes.time(base_us)?;
        }
        _ => {}
    }
    Ok(())
}

/// Writes the end of a rule's state.
pub fn write_signal(w: &mut Writer, rule: &RuleState, base_us: i64) {
    let signal = &rule.signal;
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    w.raw(&[
        signal.presence as u8,
        flag(signal.paused, PAUSED)
            | flag(signal.suppressed, SUPPRESSED)
            | flag(signal.stale, STALE),
        signal.level,
        signal.step,
    ]);
    for time_us in [signal.on_us, signal.acknowledged_us, signal.ended_us] {
        time(w, time_us, base_us);
    }
    w.raw(&rule.value.to_le_bytes());
    w.raw_varint(rule.device);
    w.raw_varint(u64::from(rule.signs));
}

/// Reads the end of a rule's state.
pub fn read_signal(rule: &mut RuleState, bytes: &mut Bytes<'_>, base_us: i64) -> Result<(), Error> {
    let [presence, flags, level, step] = bytes.fixed()?;
    rule.signal = SignalState {
        presence: Presence::from_number(presence).ok_or_else(broken)?,
        paused: flags & PAUSED != 0,
        suppressed: flags & SUPPRESSED != 0,
        stale: flags & STALE != 0,
        level,
        step,
        on_us: bytes.time(base_us)?,
        acknowledged_us: bytes.time(base_us)?,
        ended_us: bytes.time(base_us)?,
    };
    rule.value = f64::from_le_bytes(bytes.fixed()?);
    rule.device = bytes.varint()?;
    rule.signs = bytes.varint()? as u32;
    Ok(())
}

fn write_special(w: &mut Writer, special: &Special) {
    w.varint(1, u64::from(special.component));
    for pause in &special.pauses {
        w.message(2, |w| {
            w.varint(1, pause.rule);
            w.varint(2, pause.until_us as u64);
            w.bytes(3, pause.actor.as_bytes());
            w.bytes(4, pause.reason.as_bytes());
        });
    }
    for reporter in &special.reporters {
        w.varint(3, reporter.key);
        w.varint(4, reporter.down_us as u64);
    }
}

fn read_special(field: &[u8]) -> Result<Special, Error> {
    let mut special = Special::default();
    let (mut reader, mut key) = (Reader::new(field), 0);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => special.component = field.value.varint()? != 0,
            2 => special.pauses.push(read_pause(field.value.bytes()?)?),
            3 => key = field.value.varint()?,
            4 => special.reporters.push(Reporter {
                key,
                down_us: field.value.varint()? as i64,
            }),
            _ => {}
        }
    }
    Ok(special)
}

fn read_pause(field: &[u8]) -> Result<Pause, Error> {
    let (mut rule, mut until_us, mut actor, mut reason) = (0, 0, "", "");
    let mut reader = Reader::new(field);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => rule = field.value.varint()?,
            2 => until_us = field.value.varint()? as i64,
            3 => actor = field.value.text()?,
            4 => reason = field.value.text()?,
            _ => {}
        }
    }
    Ok(Pause {
        rule,
        until_us,
        actor: actor.into(),
        reason: reason.into(),
    })
}

fn read_identity(field: &[u8]) -> Result<Identity, Error> {
    let mut identity = Identity::default();
    let (mut reader, mut key) = (Reader::new(field), 0);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => identity.patient_id = field.value.text()?.into(),
            2 => identity.context = field.value.bytes()?.into(),
            3 => key = field.value.varint()?,
            4 => identity.devices.push((key, field.value.text()?.into())),
            _ => {}
        }
    }
    Ok(identity)
}
