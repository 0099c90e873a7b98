//! One metric of a JSON observation: a bare value, or `{"value", "unit", "timestamp"}`.

use std::borrow::Cow;

use super::draft::{Measurement, Words};
use super::json::{Fault, Lexer, Value};
use super::json_fields::{checked, moment, skip_container, unit_text, NOT_FINITE};
use super::problems::{Name, Problems};
use crate::error::ErrorCode;
use crate::validate::VALUE_MAX;

/// Reads the value that stands behind the name `metric`.
#[inline]
pub fn read<'a>(
    lexer: &mut Lexer<'a>,
    metric: Words<'a>,
    problems: &mut Problems,
) -> Result<Measurement<'a>, Fault> {
    let mut measurement = Measurement::default();
    let value = lexer.value()?;
    if value == Value::Object {
        measured_object(lexer, &metric, &mut measurement, problems)?;
    } else if let Some(text) = measured(
        lexer,
        value,
        format_args!("metrics.{}", Name(&metric)),
        problems,
    )? {
        measurement.value = text;
    }
    measurement.metric = metric;
    Ok(measurement)
}

fn measured_object<'a>(
    lexer: &mut Lexer<'a>,
    metric: &str,
    measurement: &mut Measurement<'a>,
    problems: &mut Problems,
) -> Result<(), Fault> {
    let metric = Name(metric);
    let mut seen = 0u8;
    lexer.object(|lexer, key| {
        let key = key.unwrap_or(Cow::Borrowed("\u{fffd}"));
        let bit = match key.as_ref() {
            "value" => 1,
            "unit" => 2,
            "timestamp" => 4,
            other => {
                problems.add(
                    ErrorCode::UnknownField,
                    format_args!("metrics.{metric}.{}", Name(other)),
                    "a metric has value, unit and timestamp",
                );
                return lexer.skip();
            }
        };
        if seen & bit != 0 {
            problems.add(
                ErrorCode::DuplicateKey,
                format_args!("metrics.{metric}.{key}"),
                "the key stands twice",
            );
            return lexer.skip();
        }
        seen |= bit;
        match bit {
            1 => {
                let value = lexer.value()?;
                if let Some(text) = measured(
                    lexer,
                    value,
                    format_args!("metrics.{metric}.value"),
                    problems,
                )? {
                    measurement.value = text;
                }
            }
            2 => {
                if let Some(unit) =
                    unit_text(lexer, problems, format_args!("metrics.{metric}.unit"))?
                {
                    measurement.unit = unit;
                }
            }
            _ => {
                if let Some((_, time_us)) =
                    moment(lexer, problems, format_args!("metrics.{metric}.timestamp"))?
                {
                    measurement.time_us = time_us;
                }
            }
        }
        Ok(())
    })?;
    if seen & 1 == 0 {
        problems.add(
            ErrorCode::MissingField,
            format_args!("metrics.{metric}.value"),
            "the field is required",
        );
    }
    Ok(())
}

/// The text of a metric's value: a number's own text, a text, or empty for null.
#[inline]
fn measured<'a>(
    lexer: &mut Lexer<'a>,
    value: Value<'a>,
    path: std::fmt::Arguments<'_>,
    problems: &mut Problems,
) -> Result<Option<Words<'a>>, Fault> {
    let (code, message) = match value {
        Value::Number(text) if text.len() > VALUE_MAX => {
            (ErrorCode::InvalidText, "the number is too long")
        }
        Value::Number(text) if is_finite(text) => return Ok(Some(Cow::Borrowed(text))),
        Value::Number(_) | Value::NotFinite => (ErrorCode::NotFinite, NOT_FINITE),
        Value::Null => return Ok(Some(Cow::Borrowed(""))),
        Value::Text(text) => match checked(text, VALUE_MAX) {
            Ok(text) => return Ok(Some(text)),
            Err(message) => (ErrorCode::InvalidText, message),
        },
        other => {
            skip_container(lexer, &other)?;
            (ErrorCode::WrongType, "a value is a number, a text or null")
        }
    };
    problems.add(code, path, message);
    Ok(None)
}

/// A JSON number is finite unless its exponent says otherwise: without one, 64 digits are not 1e308.
#[inline]
fn is_finite(text: &str) -> bool {
    !text.bytes().any(|b| b | 0x20 == b'e') || text.parse::<f64>().is_ok_and(f64::is_finite)
}
