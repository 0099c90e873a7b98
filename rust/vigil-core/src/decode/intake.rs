//! One request on its way: the items that were read are decided, written and answered.

use hashbrown::HashSet;

use super::admissions::{Admissions, Credential, Verdict};
use super::answer::{self, ItemResult};
use super::draft::Draft;
use super::problems::{Name, Problems};
use super::{grpc_answer, trace, Acceptance};
use crate::batch::{Batches, RAW};
use crate::error::ErrorCode;
use crate::ids::{self, Id};
use crate::observation::{event_type, HeaderView};
use crate::outcome::Outcome;
use crate::time;
use crate::wire::Writer;

/// Which words the sender uses for the fields: problems are told in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// `deviceId`, `metrics.hr.timestamp`.
    Json,
    /// `device_id`, `measurements[0].measurement_timestamp`.
    Grpc,
}

/// One request on its way: items come in, records and results go out.
pub struct Intake<'t> {
    edge: Edge,
    admissions: &'t Admissions,
    credential: Credential,
    trace_id: Option<Id>,
    ingest_time_us: i64,
    /// What is wrong with the items read so far.
    pub problems: Problems,
    results: Vec<ItemResult>,
    unknown: HashSet<String>,
    partitions: u32,
    batches: Batches,
    header: Writer,
    body: Writer,
}

impl<'t> Intake<'t> {
    /// A request with that key and `traceparent`, to be written to a log of `partitions`.
    pub fn new(
        edge: Edge,
        partitions: u32,
        admissions: &'t Admissions,
        key: Option<&str>,
        traceparent: Option<&str>,
        ingest_time_us: i64,
    ) -> Self {
        Self {
            edge,
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
    pub fn take(&mut self, draft: &Draft<'_>) {
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
        for (index, measurement) in draft.measurements.iter().enumerate() {
            if measurement.time_us == 0 || time::in_range(measurement.time_us, self.ingest_time_us)
            {
                continue;
            }
            let (code, name) = (ErrorCode::TimestampOutOfRange, Name(&measurement.metric));
            match self.edge {
                Edge::Json => {
                    self.problems
                        .add(code, format_args!("metrics.{name}.timestamp"), MESSAGE);
                }
                Edge::Grpc => {
                    let path = format_args!("measurements[{index}].measurement_timestamp");
                    self.problems.add(code, path, MESSAGE);
                }
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
                let field = match self.edge {
                    Edge::Json => "deviceId",
                    Edge::Grpc => "device_id",
                };
                self.problems.add(code, format_args!("{field}"), message);
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

    /// The answer to a JSON body.
    pub fn finish_json(mut self, in_array: bool, body: &[u8]) -> Acceptance {
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
                let trace_id = self.trace_id.unwrap_or_else(|| trace::of_body(None, body));
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

    /// The answer to a gRPC batch.
    pub fn finish_grpc(mut self) -> Acceptance {
        let mut acceptance = self.counts();
        if acceptance.unknown_devices.is_empty() {
            acceptance.content_type = "application/protobuf";
            acceptance.body =
                grpc_answer::response(&self.results, &self.problems, self.ingest_time_us);
        }
        acceptance
    }
}
