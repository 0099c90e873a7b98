//! The answers of the gRPC edge: a `SendMeasurementsBatchResponse`, written without intermediate objects.

use std::fmt::Write as _;

use super::answer::ItemResult;
use super::problems::Problems;
use crate::error::{Error, ErrorCode};
use crate::ids;
use crate::time;
use crate::wire::Writer;

/// The contract's version, as told in every answer.
pub const VERSION: &str = "1.0";

/// `Status` of the contract.
mod status {
    pub const SUCCESS: u64 = 1;
    pub const VALIDATION_ERROR: u64 = 2;
    pub const DEVICE_NOT_FOUND: u64 = 3;
}

/// Encodes the answer: a result per request, in order.
pub fn response(results: &[ItemResult], problems: &Problems, ingest_time_us: i64) -> Vec<u8> {
    let accepted = results.iter().flatten().count();
    let timestamp = time::format_iso(ingest_time_us);
    let mut w = Writer::with_capacity(32 + results.len() * 96);
    w.bytes(1, VERSION.as_bytes());
    w.varint(2, accepted as u64);
    w.varint(3, (results.len() - accepted) as u64);
    for (index, result) in results.iter().enumerate() {
        w.message(4, |w| {
            w.bytes(1, VERSION.as_bytes());
            match result {
                Some(id) => {
                    w.varint(2, status::SUCCESS);
                    w.bytes(3, b"accepted");
                    w.bytes(4, ids::to_text(id).as_bytes());
                }
                None => refused(w, index, problems),
            }
            w.bytes(5, timestamp.as_bytes());
        });
    }
    w.into_vec()
}

/// Encodes the answer to bytes that are no request at all.
pub fn refusal(error: &Error, ingest_time_us: i64) -> Vec<u8> {
    let mut w = Writer::default();
    w.bytes(1, VERSION.as_bytes());
    w.message(4, |w| {
        w.bytes(1, VERSION.as_bytes());
        w.varint(2, status::VALIDATION_ERROR);
        w.bytes(3, error.to_string().as_bytes());
        w.bytes(5, time::format_iso(ingest_time_us).as_bytes());
    });
    w.into_vec()
}

fn refused(w: &mut Writer, index: usize, problems: &Problems) {
    let list = problems.of(index);
    let not_found = list.iter().any(|p| p.code == ErrorCode::DeviceNotFound);
    w.varint(
        2,
        if not_found {
            status::DEVICE_NOT_FOUND
        } else {
            status::VALIDATION_ERROR
        },
    );
    let mut message = String::new();
    for (i, problem) in list.iter().enumerate() {
        let separator = if i > 0 { "; " } else { "" };
        let _ = write!(
            message,
            "{separator}{}: {} ({})",
            problem.field,
            problem.message,
            problem.code.code()
        );
    }
    w.bytes(3, message.as_bytes());
}
