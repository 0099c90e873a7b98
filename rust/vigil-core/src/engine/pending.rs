//! A batch between `begin` and `finish`.

use std::sync::Arc;

use crate::alarms::control::Control;
use crate::alarms::silence::Silences;
use crate::features::FEATURES;
use crate::ids::Id;
use crate::observation::HeaderView;
use crate::outcome::Outcome;
use crate::rules::moment::{Value, Warning};
use crate::rules::other_scores::Total;
use crate::rules::{RuleSet, Subject};

use super::identity::Identity;
use super::partition::Place;
use super::patient::PatientState;

/// Observations read, features made, nothing decided. Owns copies of what it needs.
#[derive(Debug)]
pub struct Pending {
    pub(super) partition: u32,
    pub(super) sequence: u64,
    pub(super) rules: Arc<RuleSet>,
    pub(super) outcome: Outcome,
    /// Input offsets, by record.
    pub(super) offsets: Vec<i64>,
    /// Controls in their order.
    pub(super) controls: Vec<Placed>,
    pub(super) rows: Vec<Row>,
    /// Messages of all rows.
    pub(super) arena: Vec<u8>,
    /// Device and patient ids of all rows.
    pub(super) texts: String,
    /// Values of all evaluated rows.
    pub(super) values: Vec<Value>,
    /// One an evaluated row.
    pub(super) warnings: Vec<Warning>,
    /// Other scores of all evaluated rows, those that a rule asks for.
    pub(super) totals: Vec<Total>,
    pub(super) features: Vec<f32>,
    /// States as they will be.
    pub(super) subjects: Vec<Touched>,
}

/// The state that a batch gives a patient.
#[derive(Debug)]
pub(super) struct Touched {
    pub key: u128,
    /// Where the state is that this replaces; `None` = a patient not seen yet.
    pub place: Option<Place>,
    pub state: Box<PatientState>,
    /// Whether it is another one than before.
    pub changed: bool,
    /// It is forgotten at a tick of the batch.
    pub forgotten: bool,
    /// Nothing was alarming, waiting or paused when the batch began.
    pub quiet: bool,
    /// The earliest receipt (gateway's time) of what the batch holds of it.
    pub heard_us: i64,
    /// Who it is, where that is not as it was.
    pub identity: Option<Box<Identity>>,
}

/// A control in its place.
#[derive(Debug)]
pub(super) struct Placed {
    /// The row it comes before.
    pub row: u32,
    /// Index of its subject; `None` = the whole partition.
    pub subject: Option<u32>,
    pub control: Control,
    /// What a tick finds silent, by index of the subject.
    pub silences: Vec<(u32, Silences)>,
    /// Who is forgotten at a tick, ascending.
    pub forgotten: Vec<u32>,
}

/// One observation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Which input record.
    pub record: u32,
    pub event_id: Id,
    pub event_time_us: i64,
    pub ingest_time_us: i64,
    /// The time that rules count with.
    pub now_us: i64,
    /// Flags of enrichment (field 5).
    pub flags: u32,
    /// Flags of the vitals.
    pub vitals_flags: u32,
    /// DUPLICATE or LATE: not evaluated.
    pub refused: u32,
    /// Other flags of this stage (the device's clock is wrong).
    pub noted: u32,
    /// The context is another one than before, or the device is new.
    pub introduces: bool,
    /// Hash of its context.
    pub profile: u64,
    /// Hash of its device.
    pub device: u64,
    /// Index of its patient.
    pub subject: u32,
    /// Its values: start and end.
    pub values: (u32, u32),
    /// Its other scores: start and end.
    pub totals: (u32, u32),
    /// Start of its parts in the arena, in the order of `lengths`.
    pub start: u32,
    /// Lengths of trace id, vitals, context.
    pub lengths: [u32; 3],
    /// Start of its texts, in the order of `text_lengths`.
    pub text_start: u32,
    /// Lengths of device id, patient id.
    pub text_lengths: [u32; 2],
}

/// The parts of a row in the arena.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    pub trace_id: &'a [u8],
    pub device_id: &'a str,
    pub patient_id: &'a str,
    pub vitals: &'a [u8],
    pub context: &'a [u8],
}

impl Row {
    pub fn parts<'a>(&self, arena: &'a [u8], texts: &'a str) -> Parts<'a> {
        let mut rest = arena.get(self.start as usize..).unwrap_or_default();
        let mut next = |length: u32| {
            let (head, tail) = rest.split_at_checked(length as usize).unwrap_or_default();
            rest = tail;
            head
        };
        let [trace, vitals, context] = self.lengths;
        let texts = texts.get(self.text_start as usize..).unwrap_or_default();
        let [device, patient] = self.text_lengths.map(|n| n as usize);
        Parts {
            trace_id: next(trace),
            device_id: texts.get(..device).unwrap_or_default(),
            patient_id: texts.get(device..device + patient).unwrap_or_default(),
            vitals: next(vitals),
            context: next(context),
        }
    }

    /// The header of an event that this observation leads to.
    pub fn header<'a>(
        &'a self,
        parts: Parts<'a>,
        event_id: &'a Id,
        process_time_us: i64,
    ) -> HeaderView<'a> {
        HeaderView {
            event_id,
            source_event_id: &self.event_id,
            trace_id: parts.trace_id,
            event_time_us: self.event_time_us,
            ingest_time_us: self.ingest_time_us,
            process_time_us,
            device_id: parts.device_id,
            patient_id: parts.patient_id,
        }
    }
}

impl<'a> Parts<'a> {
    pub fn subject(&self) -> Subject<'a> {
        Subject {
            patient_id: self.patient_id,
            device_id: self.device_id,
        }
    }
}

impl Pending {
    /// Feature rows: one an evaluated observation.
    pub fn rows(&self) -> usize {
        self.features.len() / FEATURES
    }

    /// The feature rows, row major.
    pub fn features(&self) -> &[f32] {
        &self.features
    }
}
