//! An `AlertEvent`.

use crate::alarms::said::{Presence, Said};
use crate::features::NEVER;
use crate::ids::Id;
use crate::observation::{event_type, HeaderView};
use crate::rules::message::render;
use crate::rules::model::Test;
use crate::rules::moment::{Basis, Evidence};
use crate::rules::subject::alert_id;
use crate::rules::{Phase, Subject};
use crate::wire::Writer;

use super::identity::Identity;
use super::{warning, AlertRecord};

const PHYSIOLOGICAL: u64 = 1;
const TECHNICAL: u64 = 2;

/// What an alert takes from the observation or the control that causes it.
pub(super) struct Origin<'a> {
    pub partition: u32,
    pub event_id: &'a Id,
    pub trace_id: &'a [u8],
    pub event_time_us: i64,
    pub ingest_time_us: i64,
    /// Whether an observation causes it: then there are an evidence and a delay of the signal.
    pub observed: bool,
    pub subject: Subject<'a>,
    pub context: &'a [u8],
    /// Who the subject is, for an alarm about one of its devices.
    pub identity: &'a Identity,
    /// Flags of all stages.
    pub flags: u32,
    pub rule_set_version: &'a str,
    pub process_time_us: i64,
}

/// Encodes an alert.
pub(super) fn encode(origin: &Origin<'_>, said: &Said<'_>) -> AlertRecord {
    let state = said.state;
    let step = state.step();
    let event_id = alert_id(&state.episode, said.phase, step);
    let device_id = match state.device {
        0 => None,
        device => origin.identity.device(device),
    };
    let header = HeaderView {
        event_id: &event_id,
        source_event_id: origin.event_id,
        trace_id: origin.trace_id,
        event_time_us: origin.event_time_us,
        ingest_time_us: origin.ingest_time_us,
        process_time_us: origin.process_time_us,
        device_id: device_id.unwrap_or(origin.subject.device_id),
        patient_id: origin.subject.patient_id,
    };
    let (alert_type, rule_id, text) = said.rule.map_or(("rule_withdrawn", "", ""), |rule| {
        (&rule.alert_type, &rule.id, &rule.text)
    });
    let mut w = Writer::with_capacity(512);
    header.write(&mut w, 1, event_type::ALERT);
    w.bytes(2, alert_type.as_bytes());
    w.varint(
        3,
        if state.technical {
            TECHNICAL
        } else {
            PHYSIOLOGICAL
        },
    );
    w.varint(4, state.urgency.priority as u64);
    w.varint(5, said.phase as u64);
    w.bytes(6, &state.episode);
    let bytes = |w: &mut Writer, number: u32, bytes: &[u8]| {
        if !bytes.is_empty() {
            w.bytes(number, bytes);
        }
    };
    bytes(&mut w, 7, rule_id.as_bytes());
    w.bytes(8, origin.rule_set_version.as_bytes());
    w.varint(9, state.urgency.severity as u64);
    w.message(10, |w| condition(w, origin, said));
    w.bytes(11, render(said).as_bytes());
    bytes(&mut w, 12, origin.context);
    let by = said.by.unwrap_or_default();
    let numbers = |w: &mut Writer, numbers: &[(u32, u64)]| {
        for (number, value) in numbers {
            if *value != 0 {
                w.varint(*number, *value);
            }
        }
    };
    numbers(
        &mut w,
        &[
            (13, u64::from(origin.flags)),
            (14, u64::from(step)),
            (15, said.presence as u64),
            (16, said.activation as u64),
            (17, said.cause as u64),
        ],
    );
    bytes(&mut w, 18, by.actor.as_bytes());
    bytes(&mut w, 19, by.reason.as_bytes());
    numbers(&mut w, &[(20, by.until_us as u64)]);
    bytes(&mut w, 21, said.suppressed_by.as_bytes());
    numbers(&mut w, &[(22, u64::from(said.level))]);
    bytes(&mut w, 23, said.escalate_to.as_bytes());
    if matches!(said.phase, Phase::Start | Phase::Suppressed) {
        bytes(&mut w, 24, text.as_bytes());
    }
    AlertRecord {
        partition: origin.partition,
        key: origin.subject.record_key().as_bytes().to_vec(),
        value: w.into_vec(),
    }
}

fn condition(w: &mut Writer, origin: &Origin<'_>, said: &Said<'_>) {
    let end_us = match said.end_us {
        NEVER => 0,
        end_us => end_us,
    };
    for (number, time_us) in [
        (1, said.state.onset_us),
        (2, said.state.raised_us),
        (3, said.delay_us),
        (4, end_us),
    ] {
        if time_us != 0 {
            w.varint(number, time_us as u64);
        }
    }
    match (said.warning, &said.evidence) {
        (Some(Basis::Conditions(conditions)), _) => {
            for one in conditions {
                let (time_us, event_id) = (one.time_us, Some(&one.event_id));
                write_evidence(w, &one.evidence, one.about, time_us, event_id, None);
            }
        }
        (basis, Some(evidence)) => {
            let about = match basis {
                Some(Basis::Column(name)) => name,
                Some(Basis::Score(total)) => total.kind.name(),
                _ => "",
            };
            let (time_us, event_id) = match said.evidence_us {
                0 => (origin.event_time_us, Some(origin.event_id)),
                time_us => (time_us, None),
            };
            write_evidence(w, evidence, about, time_us, event_id, window_of(said));
        }
        (_, None) => {}
    }
    match said.warning {
        Some(Basis::News2(warning)) => warning::write(w, 6, warning),
        // A ratio is no total.
        Some(Basis::Score(total)) if total.kind.whole() => warning::write_total(w, 6, total),
        _ => {}
    }
    if said.state.signal.stale {
        w.varint(7, 1);
    }
    let delay_us = origin.process_time_us.saturating_sub(origin.ingest_time_us);
    if origin.observed && delay_us > 0 && said.presence != Presence::Off {
        w.varint(8, delay_us as u64);
    }
}

/// How long a rule looked back for its number, and from where a trend has gone; `None` when it is one value.
fn window_of(said: &Said<'_>) -> Option<(Option<f64>, i64)> {
    let window_us = match &said.rule?.test {
        Test::Limit(test) if test.average_us > 0 => test.average_us,
        Test::Trend(test) => test.window_us,
        _ => return None,
    };
    let reference = match said.warning {
        Some(Basis::Trend(reference)) => Some(reference),
        _ => None,
    };
    Some((reference, window_us))
}

fn write_evidence(
    w: &mut Writer,
    evidence: &Evidence,
    about: &str,
    time_us: i64,
    event_id: Option<&Id>,
    window: Option<(Option<f64>, i64)>,
) {
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
        if time_us != 0 {
            w.varint(5, time_us as u64);
        }
        let source: &[u8] = if evidence.patient_limit {
            b"patient"
        } else {
            b"rule"
        };
        w.bytes(6, source);
        if let Some(event_id) = event_id {
            w.bytes(7, event_id);
        }
        if !about.is_empty() {
            w.bytes(8, about.as_bytes());
        }
        if let Some((reference, window_us)) = window {
            if let Some(reference) = reference {
                w.double(9, reference);
            }
            w.varint(10, window_us as u64);
        }
    });
}
