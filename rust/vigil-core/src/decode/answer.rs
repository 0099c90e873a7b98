//! The answers of the HTTP edge: results and RFC 9457 problem documents, written without a tree.

use std::io::Write as _;

use super::problems::{Problem, Problems, LISTED_MAX};
use crate::error::ErrorCode;
use crate::ids::{self, Id};

/// Of a result.
pub const JSON: &str = "application/json";
/// Of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What became of an item: its id, or nothing when it was refused.
pub type ItemResult = Option<Id>;

/// The status of a request of which nothing was accepted: that of its items' first problems where they agree
/// (a request from one unknown device is 404), else 422.
pub fn refused_status(results: &[ItemResult], problems: &Problems) -> u16 {
    let mut statuses = (0..results.len())
        .filter_map(|i| problems.of(i).first())
        .map(|p| p.code.http_status());
    match statuses.next() {
        Some(first) if statuses.all(|status| status == first) => first,
        _ => 422,
    }
}

/// The answer to one accepted object.
pub fn accepted_one(id: &Id) -> Vec<u8> {
    format!(
        r#"{{"success":true,"eventId":"{}","message":"accepted"}}"#,
        ids::to_text(id)
    )
    .into_bytes()
}

/// The answer to an array of which something was accepted.
pub fn results(results: &[ItemResult], problems: &Problems) -> Vec<u8> {
    let accepted = results.iter().flatten().count();
    let rejected = results.len() - accepted;
    let mut body = Vec::with_capacity(64 + results.len() * 96);
    let _ = write!(
        body,
        r#"{{"success":true,"accepted":{accepted},"rejected":{rejected},"#
    );
    if problems.omitted > 0 {
        let _ = write!(body, r#""errorsOmitted":{},"#, problems.omitted);
    }
    body.extend_from_slice(br#""results":["#);
    for (index, result) in results.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(br#"{"index":"#);
        decimal(&mut body, index);
        body.extend_from_slice(br#","success":"#);
        if let Some(id) = result {
            body.extend_from_slice(br#"true,"eventId":""#);
            body.extend_from_slice(&ids::text_bytes(id));
            body.extend_from_slice(b"\"}");
        } else {
            body.extend_from_slice(br#"false,"errors":"#);
            errors(&mut body, problems.of(index));
            body.push(b'}');
        }
    }
    body.extend_from_slice(b"]}");
    body
}

/// Appends `number`; half a million a second are written, and a formatter takes as long as hashing the item.
fn decimal(body: &mut Vec<u8>, number: usize) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut length = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        length += 1;
        if rest == 0 {
            break;
        }
    }
    body.extend_from_slice(digits.get(digits.len() - length..).unwrap_or_default());
}

/// A problem document. `title` and `type` are those of the first code; `detail` says what is wrong with the whole.
pub fn problem(
    status: u16,
    code: ErrorCode,
    detail: &str,
    problems: &Problems,
    trace_id: &Id,
) -> Vec<u8> {
    let mut body = Vec::with_capacity(256 + problems.list.len().min(LISTED_MAX) * 96);
    let _ = write!(
        body,
        r#"{{"type":"urn:vigil:problem:{}","title":"#,
        code.code()
    );
    string(&mut body, code.description());
    let _ = write!(body, r#","status":{status},"detail":"#);
    string(&mut body, detail);
    body.extend_from_slice(br#","errors":"#);
    errors(
        &mut body,
        problems.list.get(..LISTED_MAX).unwrap_or(&problems.list),
    );
    let omitted = problems.omitted + problems.list.len().saturating_sub(LISTED_MAX) as u64;
    if omitted > 0 {
        let _ = write!(body, r#","errorsOmitted":{omitted}"#);
    }
    let _ = write!(body, r#","trace_id":"{}"}}"#, ids::to_hex(trace_id));
    body
}

fn errors(body: &mut Vec<u8>, problems: &[Problem]) {
    body.push(b'[');
    for (i, problem) in problems.iter().enumerate() {
        body.extend_from_slice(if i > 0 {
            br#",{"field":"#
        } else {
            br#"{"field":"#
        });
        string(body, &problem.field);
        let _ = write!(body, r#","code":"{}","message":"#, problem.code.code());
        string(body, problem.message);
        body.push(b'}');
    }
    body.push(b']');
}

fn string(body: &mut Vec<u8>, text: &str) {
    body.push(b'"');
    for c in text.chars() {
        match c {
            '"' => body.extend_from_slice(b"\\\""),
            '\\' => body.extend_from_slice(b"\\\\"),
            c if c.is_control() => {
                let _ = write!(body, "\\u{:04x}", u32::from(c));
            }
            c => {
                let mut buffer = [0; 4];
                body.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            }
        }
    }
    body.push(b'"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_in_decimal() {
        for number in [0, 7, 10, 409, 9999, usize::MAX] {
            let mut body = Vec::new();
            decimal(&mut body, number);
            assert_eq!(body, number.to_string().into_bytes());
        }
    }

    #[test]
    fn any_text_makes_valid_json() {
        let mut body = Vec::new();
        string(&mut body, "a\"b\\c\u{1}\u{9f}é😀\u{7f}");
        assert_eq!(
            serde_json::from_slice::<String>(&body).unwrap(),
            "a\"b\\c\u{1}\u{9f}é😀\u{7f}"
        );
    }
}
