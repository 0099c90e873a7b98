//! Kinds of JSON fields: a label, a unit, a point in time, a key. Each reads one value, or tells what is wrong with it.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

use super::draft::Words;
use super::json::{Fault, Lexer, Text, Value};
use super::problems::{Name, Problems};
use crate::error::ErrorCode;
use crate::time;
use crate::validate::{text_problem, ENTRIES_MAX, LABEL_MAX, METRIC_MAX, UNIT_MAX};

/// What is said of NaN, infinities and 1e999.
pub const NOT_FINITE: &str = "the number is not finite";

/// A point in time with its text as sent.
pub fn moment<'a>(
    lexer: &mut Lexer<'a>,
    problems: &mut Problems,
    path: std::fmt::Arguments<'_>,
) -> Result<Option<(Words<'a>, i64)>, Fault> {
    let (text, time_us): (Words<'a>, _) = match lexer.value()? {
        Value::Text(Some(text)) => {
            let time_us = time::parse_iso(&text);
            (text, time_us)
        }
        Value::Text(None) => (Cow::Borrowed(""), None),
        Value::Number(text) => (Cow::Borrowed(text), time::parse_epoch_ms(text)),
        other => {
            problems.add(
                ErrorCode::WrongType,
                path,
                "a timestamp is a text (ISO 8601 with an offset) or an integer (epoch milliseconds)",
            );
            skip_container(lexer, &other)?;
            return Ok(None);
        }
    };
    if let (Some(time_us), true) = (time_us, text.len() <= LABEL_MAX) {
        return Ok(Some((text, time_us)));
    }
    problems.add(
        ErrorCode::InvalidTimestamp,
        path,
        "neither ISO 8601 with an offset nor integer epoch milliseconds",
    );
    Ok(None)
}

pub fn unit_text<'a>(
    lexer: &mut Lexer<'a>,
    problems: &mut Problems,
    path: std::fmt::Arguments<'_>,
) -> Result<Option<Words<'a>>, Fault> {
    let (code, message) = match lexer.value()? {
        Value::Null => return Ok(None),
        // Charts leave the unit blank.
        Value::Text(Some(text)) if text.is_empty() => return Ok(None),
        Value::Text(text) => match checked(text, UNIT_MAX) {
            Ok(text) => return Ok(Some(text)),
            Err(message) => (ErrorCode::InvalidText, message),
        },
        other => {
            skip_container(lexer, &other)?;
            (ErrorCode::WrongType, "a unit is a text")
        }
    };
    problems.add(code, path, message);
    Ok(None)
}

pub fn label<'a>(
    lexer: &mut Lexer<'a>,
    problems: &mut Problems,
    name: &str,
    longest: usize,
) -> Result<Option<Words<'a>>, Fault> {
    let value = lexer.value()?;
    labelled(lexer, value, problems, name, longest)
}

pub fn optional_label<'a>(
    lexer: &mut Lexer<'a>,
    problems: &mut Problems,
    name: &str,
    longest: usize,
) -> Result<Option<Words<'a>>, Fault> {
    match lexer.value()? {
        Value::Null => Ok(None),
        value => labelled(lexer, value, problems, name, longest),
    }
}

pub fn labelled<'a>(
    lexer: &mut Lexer<'a>,
    value: Value<'a>,
    problems: &mut Problems,
    name: &str,
    longest: usize,
) -> Result<Option<Words<'a>>, Fault> {
    let (code, message) = match value {
        Value::Text(text) => match checked(text, longest) {
            Ok(text) => return Ok(Some(text)),
            Err(message) => (ErrorCode::InvalidText, message),
        },
        other => {
            skip_container(lexer, &other)?;
            (ErrorCode::WrongType, "expected a text")
        }
    };
    problems.add(code, format_args!("{name}"), message);
    Ok(None)
}

#[inline]
pub fn checked(text: Text<'_>, longest: usize) -> Result<Words<'_>, &'static str> {
    let text = text.ok_or("the text has a lone surrogate")?;
    match text_problem(&text, longest) {
        None => Ok(text),
        Some(message) => Err(message),
    }
}

/// A key of a map field: allowed text that did not stand there before (`names` holds the hashes).
#[inline]
pub fn entry_key<'a>(
    parent: &str,
    key: Text<'a>,
    names: &mut Vec<u64>,
    problems: &mut Problems,
) -> Option<Words<'a>> {
    let key = match checked(key, METRIC_MAX) {
        Ok(key) => key,
        Err(message) => {
            problems.add(ErrorCode::InvalidText, format_args!("{parent}"), message);
            return None;
        }
    };
    let hash = xxh3_64(key.as_bytes());
    if names.contains(&hash) {
        problems.add(
            ErrorCode::DuplicateKey,
            format_args!("{parent}.{}", Name(&key)),
            "the key stands twice",
        );
        return None;
    }
    names.push(hash);
    Some(key)
}

pub fn bounded_key<'a>(
    parent: &str,
    key: Text<'a>,
    names: &mut Vec<u64>,
    problems: &mut Problems,
) -> Option<Words<'a>> {
    if names.len() == ENTRIES_MAX {
        problems.add(
            ErrorCode::TooLarge,
            format_args!("{parent}"),
            "more than 256 entries",
        );
        return None;
    }
    entry_key(parent, key, names, problems)
}

pub fn object_at(
    lexer: &mut Lexer<'_>,
    problems: &mut Problems,
    name: &str,
) -> Result<bool, Fault> {
    if lexer.value_is_object()? {
        return Ok(true);
    }
    if name != "metrics" && lexer.peek() == Some(b'n') {
        return lexer.value().map(|_| false);
    }
    problems.add(
        ErrorCode::WrongType,
        format_args!("{name}"),
        "expected an object",
    );
    lexer.skip()?;
    Ok(false)
}

pub fn skip_container(lexer: &mut Lexer<'_>, value: &Value<'_>) -> Result<(), Fault> {
    match value {
        Value::Object | Value::Array => lexer.skip(),
        _ => Ok(()),
    }
}
