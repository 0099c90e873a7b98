//! The gateway's core: what the device said, accepted or refused item by item.
//!
//! `json` reads bytes, `json_item` and `grpc` fill a `draft`; `intake` decides about it (`admissions` says who may
//! send), collects what is wrong (`problems`), writes the records and says it (`answer`, `grpc_answer`). Nothing of a refused item is kept; a good item never waits for a bad one.

mod admissions;
mod answer;
mod draft;
mod grpc;
mod grpc_answer;
mod intake;
mod json;
mod json_fields;
mod json_item;
mod json_metric;
mod json_text;
mod problems;
pub(crate) mod trace;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

pub use admissions::Admissions;

use draft::Draft;
use intake::{Edge, Intake};
use json::{Fault, Lexer};
use json_item::ItemReader;
use problems::Problems;

use crate::error::{Error, ErrorCode};
use crate::outcome::Record;
use crate::wire::Reader;

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
        let admissions = self.admitted();
        let mut intake = self.open(Edge::Json, &admissions, key, traceparent, ingest_time_us);
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
        let admissions = self.admitted();
        let mut intake = self.open(Edge::Grpc, &admissions, key, traceparent, ingest_time_us);
        match read_grpc(request, self.max_items, &mut intake) {
            Ok(()) => intake.finish_grpc(),
            Err(error) => Acceptance {
                status: error.code.http_status(),
                content_type: "application/protobuf",
                body: grpc_answer::refusal(&error, ingest_time_us),
                error_counts: vec![(error.code.code(), 1)],
                ..Acceptance::default()
            },
        }
    }

    /// Who may send, as of now, for the whole of a request.
    fn admitted(&self) -> RwLockReadGuard<'_, Admissions> {
        self.admissions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn open<'t>(
        &self,
        edge: Edge,
        admissions: &'t Admissions,
        key: Option<&str>,
        traceparent: Option<&str>,
        ingest_time_us: i64,
    ) -> Intake<'t> {
        Intake::new(
            edge,
            self.partitions,
            admissions,
            key,
            traceparent,
            ingest_time_us,
        )
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
    let trace_id = trace::of_body(traceparent, body);
    Acceptance {
        status: code.http_status(),
        content_type: answer::PROBLEM_JSON,
        body: answer::problem(code.http_status(), code, &detail, &problems, &trace_id),
        error_counts: vec![(code.code(), 1)],
        ..Acceptance::default()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_grpc;
#[cfg(test)]
mod tests_json;
#[cfg(test)]
mod tests_properties;
