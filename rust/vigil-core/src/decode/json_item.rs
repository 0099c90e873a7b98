//! One observation from JSON. Every problem is told by its path and reading goes on; only broken JSON stops.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

use super::draft::{Draft, Measurement, Words};
use super::json::{Fault, Lexer, Text, Value};
use super::problems::{Name, Problems};
use crate::error::ErrorCode;
use crate::time;
use crate::validate::{
    text_problem, DEVICE_ID_MAX, ENTRIES_MAX, LABEL_MAX, METADATA_MAX, METRIC_MAX, UNIT_MAX,
    VALUE_MAX,
};

type Read = Result<(), Fault>;

/// Reads items one after another; keeps its memory between them.
#[derive(Debug, Default)]
pub struct ItemReader<'a> {
    /// The observation read last.
    pub draft: Draft<'a>,
    units: Vec<(Words<'a>, Words<'a>)>,
    names: Vec<u64>,
}

impl<'a> ItemReader<'a> {
    /// Reads one item; it is good when `problems` has none of it.
    pub fn read(&mut self, lexer: &mut Lexer<'a>, problems: &mut Problems) -> Read {
        self.draft.clear();
        self.units.clear();
        if lexer.value_is_object()? {
            let mut seen = 0u8;
            lexer.object(|lexer, key| self.field(lexer, key, &mut seen, problems))?;
            self.apply_units(problems);
            require(seen, problems);
        } else {
            problems.add(
                ErrorCode::WrongType,
                format_args!(""),
                "an observation is an object",
            );
            lexer.skip()?;
        }
        Ok(())
    }

    fn field(
        &mut self,
        lexer: &mut Lexer<'a>,
        key: Text<'a>,
        seen: &mut u8,
        problems: &mut Problems,
    ) -> Read {
        let key = key.unwrap_or(Cow::Borrowed("\u{fffd}"));
        let (bit, name) = match key.as_ref() {
            "deviceId" => (DEVICE_ID, "deviceId"),
            "timestamp" => (TIMESTAMP, "timestamp"),
            "metrics" => (METRICS, "metrics"),
            "units" => (UNITS, "units"),
            "sequence" => (SEQUENCE, "sequence"),
            "meta" => (META, "meta"),
            "deviceType" => (DEVICE_TYPE, "deviceType"),
            other => {
                problems.add(
                    ErrorCode::UnknownField,
                    format_args!("{}", Name(other)),
                    "the contract has no such field",
                );
                return lexer.skip();
            }
        };
        if *seen & bit != 0 {
            problems.add(
                ErrorCode::DuplicateKey,
                format_args!("{name}"),
                "the key stands twice",
            );
            return lexer.skip();
        }
        *seen |= bit;
        match bit {
            DEVICE_ID => {
                if let Some(id) = label(lexer, problems, name, DEVICE_ID_MAX)? {
                    self.draft.device_id = id;
                }
                Ok(())
            }
            DEVICE_TYPE => {
                if let Some(kind) = optional_label(lexer, problems, name, LABEL_MAX)? {
                    self.draft.device_type = kind;
                }
                Ok(())
            }
            TIMESTAMP => self.timestamp(lexer, problems),
            METRICS => self.metrics(lexer, problems),
            UNITS => self.units(lexer, problems),
            SEQUENCE => self.sequence(lexer, problems),
            _ => self.meta(lexer, problems),
        }
    }

    fn timestamp(&mut self, lexer: &mut Lexer<'a>, problems: &mut Problems) -> Read {
        if let Some((text, time_us)) = moment(lexer, problems, format_args!("timestamp"))? {
            self.draft.timestamp = text;
            self.draft.event_time_us = Some(time_us);
        }
        Ok(())
    }

    fn sequence(&mut self, lexer: &mut Lexer<'a>, problems: &mut Problems) -> Read {
        let message = match lexer.value()? {
            Value::Null => return Ok(()),
            Value::Number(text) => match text.parse::<u64>() {
                Ok(sequence) => {
                    self.draft.sequence = Some(sequence);
                    return Ok(());
                }
                Err(_) => "a sequence is an integer from 0 to 18446744073709551615",
            },
            Value::Object | Value::Array => {
                lexer.skip()?;
                "a sequence is an integer"
            }
            _ => "a sequence is an integer",
        };
        problems.add(ErrorCode::WrongType, format_args!("sequence"), message);
        Ok(())
    }

    fn metrics(&mut self, lexer: &mut Lexer<'a>, problems: &mut Problems) -> Read {
        if !object_at(lexer, problems, "metrics")? {
            return Ok(());
        }
        self.names.clear();
        let mut count = 0usize;
        let mut names = std::mem::take(&mut self.names);
        let result = lexer.object(|lexer, key| {
            count += 1;
            if count > ENTRIES_MAX {
                if count == ENTRIES_MAX + 1 {
                    problems.add(
                        ErrorCode::TooLarge,
                        format_args!("metrics"),
                        "more than 256 metrics",
                    );
                }
                return lexer.skip();
            }
            match entry_key("metrics", key, &mut names, problems) {
                Some(metric) => self.metric(lexer, metric, problems),
                None => lexer.skip(),
            }
        });
        self.names = names;
        result?;
        if count == 0 {
            problems.add(
                ErrorCode::NoMetrics,
                format_args!("metrics"),
                "at least one metric is required",
            );
        }
        Ok(())
    }

    #[inline]
    fn metric(
        &mut self,
        lexer: &mut Lexer<'a>,
        metric: Words<'a>,
        problems: &mut Problems,
    ) -> Read {
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
        self.draft.measurements.push(measurement);
        Ok(())
    }

    fn units(&mut self, lexer: &mut Lexer<'a>, problems: &mut Problems) -> Read {
        if !object_at(lexer, problems, "units")? {
            return Ok(());
        }
        let mut names = std::mem::take(&mut self.names);
        names.clear();
        let units = &mut self.units;
        let result = lexer.object(|lexer, key| {
            let Some(metric) = bounded_key("units", key, &mut names, problems) else {
                return lexer.skip();
            };
            if let Some(unit) = unit_text(lexer, problems, format_args!("units.{}", Name(&metric)))?
            {
                units.push((metric, unit));
            }
            Ok(())
        });
        self.names = names;
        result
    }

    fn meta(&mut self, lexer: &mut Lexer<'a>, problems: &mut Problems) -> Read {
        if !object_at(lexer, problems, "meta")? {
            return Ok(());
        }
        let mut names = std::mem::take(&mut self.names);
        names.clear();
        let draft = &mut self.draft;
        let result = lexer.object(|lexer, key| {
            let Some(key) = bounded_key("meta", key, &mut names, problems) else {
                return lexer.skip();
            };
            let path = Name(&key);
            let value: Words<'a> = match lexer.value()? {
                Value::Null => return Ok(()),
                Value::Bool(true) if key != "battery" => Cow::Borrowed("true"),
                Value::Bool(false) if key != "battery" => Cow::Borrowed("false"),
                Value::Number(text) if text.len() <= VALUE_MAX => Cow::Borrowed(text),
                Value::Text(text) => match checked(text, METADATA_MAX) {
                    Ok(text) => text,
                    Err(message) => {
                        problems.add(ErrorCode::InvalidText, format_args!("meta.{path}"), message);
                        return Ok(());
                    }
                },
                Value::NotFinite => {
                    problems.add(
                        ErrorCode::NotFinite,
                        format_args!("meta.{path}"),
                        NOT_FINITE,
                    );
                    return Ok(());
                }
                other => {
                    problems.add(
                        ErrorCode::WrongType,
                        format_args!("meta.{path}"),
                        "expected a text or a number",
                    );
                    return skip_container(lexer, &other);
                }
            };
            draft.keep_metadata(key, value);
            Ok(())
        });
        self.names = names;
        result
    }

    /// Gives each metric the unit told for it beside the metrics: by the same name, else by the same name in
    /// another case. A unit that belongs to no metric is kept as metadata.
    fn apply_units(&mut self, problems: &mut Problems) {
        for (name, unit) in self.units.drain(..) {
            let measurements = &mut self.draft.measurements;
            let at = measurements
                .iter()
                .position(|m| m.metric == name)
                .or_else(|| {
                    measurements
                        .iter()
                        .position(|m| m.metric.eq_ignore_ascii_case(&name))
                });
            match at.and_then(|at| measurements.get_mut(at)) {
                Some(m) if m.unit.is_empty() => m.unit = unit,
                Some(m) if m.unit == unit => {}
                Some(m) => problems.add(
                    ErrorCode::DuplicateKey,
                    format_args!("units.{}", Name(&m.metric)),
                    "another unit than the metric's own",
                ),
                None => self
                    .draft
                    .metadata
                    .push((Cow::Owned(format!("unit.{name}")), unit)),
            }
        }
    }
}

const DEVICE_ID: u8 = 1;
const TIMESTAMP: u8 = 2;
const METRICS: u8 = 4;
const UNITS: u8 = 8;
const SEQUENCE: u8 = 16;
const META: u8 = 32;
const DEVICE_TYPE: u8 = 64;

const NOT_FINITE: &str = "the number is not finite";

fn require(seen: u8, problems: &mut Problems) {
    for (bit, name) in [(DEVICE_ID, "deviceId"), (TIMESTAMP, "timestamp")] {
        if seen & bit == 0 {
            problems.add(
                ErrorCode::MissingField,
                format_args!("{name}"),
                "the field is required",
            );
        }
    }
    if seen & METRICS == 0 {
        problems.add(
            ErrorCode::NoMetrics,
            format_args!("metrics"),
            "at least one metric is required",
        );
    }
}

/// `{"value", "unit", "timestamp"}`.
fn measured_object<'a>(
    lexer: &mut Lexer<'a>,
    metric: &str,
    measurement: &mut Measurement<'a>,
    problems: &mut Problems,
) -> Read {
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
pub(super) fn is_finite(text: &str) -> bool {
    !text.bytes().any(|b| b | 0x20 == b'e') || text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// A point in time with its text as sent.
fn moment<'a>(
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

fn unit_text<'a>(
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

fn label<'a>(
    lexer: &mut Lexer<'a>,
    problems: &mut Problems,
    name: &str,
    longest: usize,
) -> Result<Option<Words<'a>>, Fault> {
    let value = lexer.value()?;
    labelled(lexer, value, problems, name, longest)
}

fn optional_label<'a>(
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

fn labelled<'a>(
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
fn checked(text: Text<'_>, longest: usize) -> Result<Words<'_>, &'static str> {
    let text = text.ok_or("the text has a lone surrogate")?;
    match text_problem(&text, longest) {
        None => Ok(text),
        Some(message) => Err(message),
    }
}

/// A key of a map field: allowed text that did not stand there before (`names` holds the hashes).
#[inline]
fn entry_key<'a>(
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

fn bounded_key<'a>(
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

fn object_at(lexer: &mut Lexer<'_>, problems: &mut Problems, name: &str) -> Result<bool, Fault> {
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

fn skip_container(lexer: &mut Lexer<'_>, value: &Value<'_>) -> Read {
    match value {
        Value::Object | Value::Array => lexer.skip(),
        _ => Ok(()),
    }
}
