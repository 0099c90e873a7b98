//! An `AlertEvent`.

use crate::observation::event_type;
use crate::rules::message::render;
use crate::rules::subject::alert_id;
use crate::rules::{Alert, Phase};
use crate::wire::Writer;

use super::pending::{Parts, Row};
use super::{warning, AlertRecord};

const PHYSIOLOGICAL: u64 = 1;
const TECHNICAL: u64 = 2;

/// What an alert takes from its observation.
pub(super) struct Cause<'a> {
    pub partition: u32,
    pub row: &'a Row,
    pub parts: Parts<'a>,
    /// Flags of all stages.
    pub flags: u32,
    pub rule_set_version: &'a str,
    pub process_time_us: i64,
}

/// Encodes an alert.
pub(super) fn encode(cause: &Cause<'_>, alert: &Alert<'_>) -> AlertRecord {
    let episode = &alert.state.episode;
    let step = alert.state.step();
    let event_id = alert_id(episode, alert.phase, step);
    let header = cause
        .row
        .header(cause.parts, &event_id, cause.process_time_us);
    let (alert_type, rule_id) = alert
        .rule
        .map_or(("rule_withdrawn", ""), |rule| (&rule.alert_type, &rule.id));
    let urgency = alert.state.urgency;
    let mut w = Writer::with_capacity(512);
    header.write(&mut w, 1, event_type::ALERT);
    w.bytes(2, alert_type.as_bytes());
    w.varint(
        3,
        if alert.state.technical {
            TECHNICAL
        } else {
            PHYSIOLOGICAL
        },
    );
    w.varint(4, urgency.priority as u64);
    w.varint(5, alert.phase as u64);
    w.bytes(6, episode);
    if !rule_id.is_empty() {
        w.bytes(7, rule_id.as_bytes());
    }
    w.bytes(8, cause.rule_set_version.as_bytes());
    w.varint(9, urgency.severity as u64);
    w.message(10, |w| condition(w, cause, alert));
    w.bytes(11, render(alert).as_bytes());
    if !cause.parts.context.is_empty() {
        w.bytes(12, cause.parts.context);
    }
    if cause.flags != 0 {
        w.varint(13, u64::from(cause.flags));
    }
    if step != 0 {
        w.varint(14, u64::from(step));
    }
    AlertRecord {
        partition: cause.partition,
        key: cause.parts.subject().record_key().as_bytes().to_vec(),
        value: w.into_vec(),
    }
}

fn condition(w: &mut Writer, cause: &Cause<'_>, alert: &Alert<'_>) {
    let end_us = if alert.phase == Phase::End {
        cause.row.now_us
    } else {
        0
    };
    for (number, time_us) in [
        (1, alert.state.onset_us),
        (2, alert.state.raised_us),
        (3, alert.delay_us),
        (4, end_us),
    ] {
        if time_us != 0 {
            w.varint(number, time_us as u64);
        }
    }
    if let Some(evidence) = &alert.evidence {
        w.message(5, |w| {
            if let Some(sign) = evidence.sign {
                w.varint(1, sign as u64);
            }
            for (number, value) in [(2, evidence.value), (3, evidence.limit)] {
                if value != 0.0 {
                    w.double(number, value);
                }
            }
            if !evidence.comparison.is_empty() {
                w.bytes(4, evidence.comparison.as_bytes());
            }
            if cause.row.event_time_us != 0 {
                w.varint(5, cause.row.event_time_us as u64);
            }
            let source: &[u8] = if evidence.patient_limit {
                b"patient"
            } else {
                b"rule"
            };
            w.bytes(6, source);
            w.bytes(7, &cause.row.event_id);
        });
    }
    if let Some(warning) = alert.warning {
        warning::write(w, 6, warning);
    }
}
