//! The gateway's core: what the device said, accepted or refused item by item.
//!
//! `json` reads bytes, `json_item` and `grpc` fill a `draft`, `admissions` says who may send, `problems` collects
//! what is wrong and `answer` says it. Nothing of a refused item is kept; a good item never waits for a bad one.

mod admissions;
mod answer;
mod draft;
mod grpc;
mod json;
mod json_item;
mod problems;
pub(crate) mod trace;

use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::HashSet;

pub use admissions::Admissions;

use admissions::{Credential, Verdict};
use answer::ItemResult;
use draft::Draft;
use json::{Fault, Lexer};
use json_item::ItemReader;
use problems::Problems;

use crate::batch::{Batches, RAW};
use crate::error::{Error, ErrorCode};
use crate::ids::{self, Id};
use crate::observation::{event_type, HeaderView};
use crate::outcome::{Outcome, Record};
use crate::time;
use crate::wire::{Reader, Writer};

/// What the gateway may say, once the log has `records`.
#[derive(Debug, Default)]
pub struct Acceptance {
    /// HTTP status: 202 all accepted, 207 some, 4xx none.
    pub status: u16,
    /// Content type of `body`.
    pub content_type: &'static str,
    /// The answer.
    pub body: Vec<u8>,
    /// Encoded batches, by partition.
    pub records: Vec<Record>,
    /// Items accepted.
    pub accepted: u64,
    /// Items refused.
    pub rejected: u64,
    /// How often each error code came up.
    pub error_counts: Vec<(&'static str, u64)>,
    /// Not empty: nothing was decided; the registry must be asked for these.
    pub unknown_devices: Vec<String>,
}

/// Turns requests into records. Shared by all requests of a gateway.
#[derive(Debug)]
pub struct Decoder {
    admissions: Arc<RwLock<Admissions>>,
    partitions: u32,
    max_items: usize,
}

impl Decoder {
    /// A decoder for a log of `partitions`; a request holds at most `max_items` observations.
    pub fn new(admissions: Arc<RwLock<Admissions>>, partitions: u32, max_items: usize) -> Self {
        Self {
            admissions,
            partitions: partitions.max(1),
            max_items,
        }
    }

    /// Takes a JSON body: one object, or an array of them.
    pub fn accept_json(
        &self,
        body: &[u8],
        key: Option<&str>,
        traceparent: Option<&str>,
        ingest_time_us: i64,
    ) -> Acceptance {
        let admissions = self
            .admissions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut intake = Intake::new(
            self.partitions,
            &admissions,
            key,
            traceparent,
            ingest_time_us,
        );
        match read_json(body, self.max_items, &mut intake) {
            Ok(in_array) => intake.finish_json(in_array, body),
            Err(fault) => refuse_json(&fault, traceparent, body),
        }
    }

    /// Takes an encoded `SendMeasurementsBatchRequest`.
    pub fn accept_grpc(
        &self,
        request: &[u8],
        key: Option<&str>,
        traceparent: Option<&str>,
        ingest_time_us: i64,
    ) -> Acceptance {
        let admissions = self
            .admissions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut intake = Intake::new(
            self.partitions,
            &admissions,
            key,
            traceparent,
            ingest_time_us,
        );
        match read_grpc(request, self.max_items, &mut intake) {
            Ok(()) => intake.finish_grpc(),
            Err(error) => Acceptance {
                status: error.code.http_status(),
                content_type: "application/protobuf",
                body: grpc::refusal(&error, ingest_time_us),
                error_counts: vec![(error.code.code(), 1)],
                ..Acceptance::default()
            },
        }
    }
}

/// Why the body is refused as a whole.
enum Refusal {
    Fault(Fault),
    TooMany,
    Empty,
    NotAnObservation,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn read_json<'a>(
    body: &'a [u8],
    max_items: usize,
    intake: &mut Intake<'_>,
) -> Result<bool, Refusal> {
    let mut lexer = Lexer::new(body)?;
    let mut reader = ItemReader::<'a>::default();
    let in_array = match lexer.peek() {
        Some(b'[') => true,
        Some(b'{') => false,
        _ => {
            lexer.skip()?;
            lexer.end()?;
            return Err(Refusal::NotAnObservation);
        }
    };
    if in_array {
        let mut count = 0;
        lexer.array(|lexer, index| {
            count = index + 1;
            if count > max_items {
                return lexer.skip();
            }
            intake.problems.start(index, true);
            reader.read(lexer, &mut intake.problems)?;
            intake.take(&reader.draft);
            Ok(())
        })?;
        lexer.end()?;
        if count > max_items {
            return Err(Refusal::TooMany);
        }
        if count == 0 {
            return Err(Refusal::Empty);
        }
    } else {
        intake.problems.start(0, false);
        reader.read(&mut lexer, &mut intake.problems)?;
        lexer.end()?;
        intake.take(&reader.draft);
    }
    Ok(in_array)
}

fn read_grpc<'a>(
    request: &'a [u8],
    max_items: usize,
    intake: &mut Intake<'_>,
) -> Result<(), Error> {
    let mut draft = Draft::<'a>::default();
    let mut reader = Reader::new(request);
    let mut index = 0;
    while let Some(field) = reader.next_field()? {
        if field.number != 2 {
            continue;
        }
        if index == max_items {
            return Err(Error::new(
                ErrorCode::TooLarge,
                "requests",
                "more requests than one batch may hold",
            ));
        }
        intake.problems.start(index, true);
        grpc::read(field.value.bytes()?, &mut draft, &mut intake.problems);
        intake.take(&draft);
        index += 1;
    }
    if index == 0 {
        return Err(Error::new(
            ErrorCode::NoMetrics,
            "requests",
            "the batch holds no request",
        ));
    }
    Ok(())
}

fn refuse_json(refusal: &Refusal, traceparent: Option<&str>, body: &[u8]) -> Acceptance {
    let mut problems = Problems::default();
    let (code, detail) = match refusal {
        Refusal::Fault(fault) => (
            fault.code,
            format!("{} (at byte {})", fault.message, fault.at),
        ),
        Refusal::TooMany => (
            ErrorCode::TooLarge,
            "more observations than one request may hold".to_owned(),
        ),
        Refusal::Empty => (
            ErrorCode::NoMetrics,
            "the array holds no observation".to_owned(),
        ),
        Refusal::NotAnObservation => (
            ErrorCode::WrongType,
            "the body is neither an object nor an array".to_owned(),
        ),
    };
    let message = match refusal {
        Refusal::Fault(fault) => fault.message,
        Refusal::TooMany => "more observations than one request may hold",
        Refusal::Empty => "the array holds no observation",
        Refusal::NotAnObservation => "the body is neither an object nor an array",
    };
    problems.start(0, false);
    problems.add(code, format_args!(""), message);
    let trace_id = trace_of(traceparent, body);
    Acceptance {
        status: code.http_status(),
        content_type: answer::PROBLEM_JSON,
        body: answer::problem(code.http_status(), code, &detail, &problems, &trace_id),
        error_counts: vec![(code.code(), 1)],
        ..Acceptance::default()
    }
}

fn trace_of(traceparent: Option<&str>, body: &[u8]) -> Id {
    let given = traceparent.and_then(trace::from_traceparent);
    given.unwrap_or_else(|| ids::derive("problem", &[body]))
}

/// One request on its way: items come in, records and results go out.
struct Intake<'t> {
    admissions: &'t Admissions,
    credential: Credential,
    trace_id: Option<Id>,
    ingest_time_us: i64,
    problems: Problems,
    results: Vec<ItemResult>,
    unknown: HashSet<String>,
    partitions: u32,
    batches: Batches,
    header: Writer,
    body: Writer,
}

impl<'t> Intake<'t> {
    fn new(
        partitions: u32,
        admissions: &'t Admissions,
        key: Option<&str>,
        traceparent: Option<&str>,
        ingest_time_us: i64,
    ) -> Self {
        Self {
            admissions,
            credential: admissions.credential(key),
            trace_id: traceparent.and_then(trace::from_traceparent),
            ingest_time_us,
            problems: Problems::default(),
            results: Vec::new(),
            unknown: HashSet::new(),
            partitions,
            batches: Batches::new(partitions, u32::MAX),
            header: Writer::default(),
            body: Writer::default(),
        }
    }

    /// Decides about the item just read.
    fn take(&mut self, draft: &Draft<'_>) {
        self.check_times(draft);
        let result = match (self.problems.of_item(), draft.event_time_us) {
            (0, Some(event_time_us)) => self.admit(draft, event_time_us),
            _ => None,
        };
        self.results.push(result);
    }

    fn check_times(&mut self, draft: &Draft<'_>) {
        const MESSAGE: &str = "before the year 2000 or more than 24 hours ahead";
        if draft
            .event_time_us
            .is_some_and(|at| !time::in_range(at, self.ingest_time_us))
        {
            self.problems.add(
                ErrorCode::TimestampOutOfRange,
                format_args!("timestamp"),
                MESSAGE,
            );
        }
        for measurement in &draft.measurements {
            if measurement.time_us != 0 && !time::in_range(measurement.time_us, self.ingest_time_us)
            {
                let field = problems::Name(&measurement.metric);
                self.problems.add(
                    ErrorCode::TimestampOutOfRange,
                    format_args!("metrics.{field}.timestamp"),
                    MESSAGE,
                );
            }
        }
    }

    fn admit(&mut self, draft: &Draft<'_>, event_time_us: i64) -> ItemResult {
        match self.admissions.verdict(&draft.device_id, &self.credential) {
            Verdict::Admitted => Some(self.write(draft, event_time_us)),
            Verdict::Refused(code) => {
                let message = match code {
                    ErrorCode::DeviceNotFound => "the registry does not know the device",
                    ErrorCode::DeviceInactive => "the device is not active",
                    _ => "the device's key is missing or wrong",
                };
                self.problems.add(code, format_args!("deviceId"), message);
                None
            }
            Verdict::Unknown => {
                if !self.unknown.contains(draft.device_id.as_ref()) {
                    self.unknown.insert(draft.device_id.clone().into_owned());
                }
                None
            }
        }
    }

    fn write(&mut self, draft: &Draft<'_>, event_time_us: i64) -> Id {
        self.body.clear();
        draft.encode_body(&mut self.body);
        let event_id = draft.event_id(self.body.as_slice());
        let trace_id = self.trace_id.unwrap_or_else(|| trace::of_event(&event_id));
        let header = &mut self.header;
        header.clear();
        HeaderView {
            event_id: &event_id,
            trace_id: &trace_id,
            event_time_us,
            ingest_time_us: self.ingest_time_us,
            process_time_us: self.ingest_time_us,
            device_id: &draft.device_id,
            ..HeaderView::default()
        }
        .write(header, 1, event_type::TELEMETRY_RAW);
        let (header, body) = (self.header.as_slice(), self.body.as_slice());
        self.batches
            .push(ids::partition_of(&draft.device_id, self.partitions), |w| {
                w.header(RAW, header.len() + body.len());
                w.raw(header);
                w.raw(body);
            });
        event_id
    }

    fn counts(&mut self) -> Acceptance {
        let accepted = self.results.iter().flatten().count() as u64;
        let mut acceptance = Acceptance {
            accepted,
            rejected: self.results.len() as u64 - accepted,
            error_counts: self
                .problems
                .counts
                .iter()
                .map(|(code, n)| (*code, *n))
                .collect(),
            ..Acceptance::default()
        };
        if !self.unknown.is_empty() {
            acceptance.accepted = 0;
            acceptance.rejected = 0;
            acceptance.error_counts.clear();
            acceptance.unknown_devices = self.unknown.drain().collect();
            acceptance.unknown_devices.sort_unstable();
            return acceptance;
        }
        let mut outcome = Outcome::default();
        std::mem::replace(&mut self.batches, Batches::new(1, 1)).finish(&mut outcome);
        acceptance.records = outcome.records;
        acceptance.status = match (acceptance.accepted, acceptance.rejected) {
            (_, 0) => 202,
            (0, _) => answer::refused_status(&self.results, &self.problems),
            _ => 207,
        };
        acceptance
    }

    fn finish_json(mut self, in_array: bool, body: &[u8]) -> Acceptance {
        let mut acceptance = self.counts();
        if !acceptance.unknown_devices.is_empty() {
            return acceptance;
        }
        acceptance.content_type = answer::JSON;
        acceptance.body = match (self.results.first(), acceptance.accepted) {
            (_, 0) => {
                acceptance.content_type = answer::PROBLEM_JSON;
                let first = self
                    .problems
                    .list
                    .first()
                    .map_or(ErrorCode::Internal, |p| p.code);
                let trace_id = self.trace_id.unwrap_or_else(|| trace_of(None, body));
                let detail = if in_array {
                    "no observation was accepted"
                } else {
                    "the observation was refused"
                };
                answer::problem(acceptance.status, first, detail, &self.problems, &trace_id)
            }
            (Some(Some(id)), _) if !in_array => answer::accepted_one(id),
            _ => answer::results(&self.results, &self.problems),
        };
        acceptance
    }

    fn finish_grpc(mut self) -> Acceptance {
        let mut acceptance = self.counts();
        if acceptance.unknown_devices.is_empty() {
            acceptance.content_type = "application/protobuf";
            acceptance.body = grpc::response(&self.results, &self.problems, self.ingest_time_us);
        }
        acceptance
    }
}

#[cfg(test)]
mod tests;
