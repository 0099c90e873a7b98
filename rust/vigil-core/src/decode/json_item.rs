//! One observation from JSON. Every problem is told by its path and reading goes on; only broken JSON stops.

use std::borrow::Cow;

use super::draft::{Draft, Words};
use super::json::{Fault, Lexer, Text, Value};
use super::json_fields::{
    bounded_key, checked, entry_key, label, moment, object_at, optional_label, skip_container,
    unit_text, NOT_FINITE,
};
use super::json_metric;
use super::problems::{Name, Problems};
use crate::error::ErrorCode;
use crate::validate::{DEVICE_ID_MAX, ENTRIES_MAX, LABEL_MAX, METADATA_MAX, VALUE_MAX};

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
                Some(metric) => {
                    self.draft
                        .measurements
                        .push(json_metric::read(lexer, metric, problems)?);
                    Ok(())
                }
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
