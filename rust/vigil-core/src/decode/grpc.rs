//! The same observations over gRPC: one `SendMeasurementsRequest` is one draft.

use std::borrow::Cow;

use super::draft::{Draft, Measurement, Words};
use super::problems::{Name, Problems};
use crate::error::{Error, ErrorCode};
use crate::time;
use crate::validate::{
    text_problem, DEVICE_ID_MAX, ENTRIES_MAX, LABEL_MAX, METADATA_MAX, METRIC_MAX, UNIT_MAX,
};
use crate::wire::Reader;

const UNSET: &str = "the field is required";

/// Reads one `SendMeasurementsRequest` into `draft`; it is good when `problems` has none of it.
pub fn read<'a>(request: &'a [u8], draft: &mut Draft<'a>, problems: &mut Problems) {
    draft.clear();
    if read_fields(request, draft, problems).is_err() {
        problems.add(
            ErrorCode::MalformedProtobuf,
            format_args!(""),
            "not a SendMeasurementsRequest",
        );
        return;
    }
    if draft.measurements.is_empty() && problems.of_item() == 0 {
        problems.add(
            ErrorCode::NoMetrics,
            format_args!("measurements"),
            "at least one measurement is required",
        );
    }
}

fn read_fields<'a>(
    request: &'a [u8],
    draft: &mut Draft<'a>,
    problems: &mut Problems,
) -> Result<(), Error> {
    let mut reader = Reader::new(request);
    let mut timestamp = "";
    let mut measurements = 0usize;
    let mut entries = 0usize;
    while let Some(field) = reader.next_field()? {
        match field.number {
            2 => draft.device_id = Cow::Borrowed(field.value.text()?),
            3 => draft.device_type = Cow::Borrowed(field.value.text()?),
            4 => timestamp = field.value.text()?,
            5 => {
                measurements += 1;
                if measurements <= ENTRIES_MAX {
                    read_measurement(field.value.bytes()?, measurements - 1, draft, problems)?;
                }
            }
            6 => {
                let (key, value) = read_entry(field.value.bytes()?)?;
                entries += 1;
                if entries <= ENTRIES_MAX
                    && entry_is_text(key, value, format_args!("device_metadata"), problems)
                {
                    keep_entry(draft, key, value);
                }
            }
            _ => {}
        }
    }
    for (count, name) in [(measurements, "measurements"), (entries, "device_metadata")] {
        if count > ENTRIES_MAX {
            problems.add(
                ErrorCode::TooLarge,
                format_args!("{name}"),
                "more than 256 entries",
            );
        }
    }
    if draft.device_id.is_empty() {
        problems.add(ErrorCode::MissingField, format_args!("device_id"), UNSET);
    } else if let Some(message) = text_problem(&draft.device_id, DEVICE_ID_MAX) {
        problems.add(ErrorCode::InvalidText, format_args!("device_id"), message);
    }
    if !draft.device_type.is_empty() {
        if let Some(message) = text_problem(&draft.device_type, LABEL_MAX) {
            problems.add(ErrorCode::InvalidText, format_args!("device_type"), message);
        }
    }
    if timestamp.is_empty() {
        problems.add(ErrorCode::MissingField, format_args!("timestamp"), UNSET);
    } else if let Some(time_us) = moment(timestamp) {
        draft.timestamp = Cow::Borrowed(timestamp);
        draft.event_time_us = Some(time_us);
    } else {
        problems.add(
            ErrorCode::InvalidTimestamp,
            format_args!("timestamp"),
            NOT_ISO,
        );
    }
    Ok(())
}

const NOT_ISO: &str = "not ISO 8601 with an offset";

fn moment(text: &str) -> Option<i64> {
    (text.len() <= LABEL_MAX)
        .then(|| time::parse_iso(text))
        .flatten()
}

fn read_measurement<'a>(
    bytes: &'a [u8],
    index: usize,
    draft: &mut Draft<'a>,
    problems: &mut Problems,
) -> Result<(), Error> {
    let mut measurement = Measurement::default();
    let mut value = 0.0;
    let mut timestamp = "";
    let mut raw_data = Vec::new();
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => measurement.metric = Cow::Borrowed(field.value.text()?),
            2 => value = field.value.double()?,
            3 => measurement.unit = Cow::Borrowed(field.value.text()?),
            4 => timestamp = field.value.text()?,
            5 => raw_data.push(read_entry(field.value.bytes()?)?),
            _ => {}
        }
    }
    let path = |field: &str| format!("measurements[{index}].{field}");
    if measurement.metric.is_empty() {
        problems.add(
            ErrorCode::MissingField,
            format_args!("{}", path("metric")),
            UNSET,
        );
    } else if let Some(message) = text_problem(&measurement.metric, METRIC_MAX) {
        problems.add(
            ErrorCode::InvalidText,
            format_args!("{}", path("metric")),
            message,
        );
    }
    if !measurement.unit.is_empty() {
        if let Some(message) = text_problem(&measurement.unit, UNIT_MAX) {
            problems.add(
                ErrorCode::InvalidText,
                format_args!("{}", path("unit")),
                message,
            );
        }
    }
    if value.is_finite() {
        measurement.value = Cow::Owned(number_text(value));
    } else {
        problems.add(
            ErrorCode::NotFinite,
            format_args!("{}", path("value")),
            "the number is not finite",
        );
    }
    if !timestamp.is_empty() {
        match moment(timestamp) {
            Some(time_us) => measurement.time_us = time_us,
            None => problems.add(
                ErrorCode::InvalidTimestamp,
                format_args!("{}", path("measurement_timestamp")),
                NOT_ISO,
            ),
        }
    }
    if raw_data.len() > ENTRIES_MAX {
        problems.add(
            ErrorCode::TooLarge,
            format_args!("{}", path("raw_data")),
            "more than 256 entries",
        );
    } else {
        for (key, value) in raw_data {
            if entry_is_text(key, value, format_args!("{}", path("raw_data")), problems) {
                let key = format!("{}.{key}", measurement.metric);
                draft.metadata.push((Cow::Owned(key), Cow::Borrowed(value)));
            }
        }
    }
    draft.measurements.push(measurement);
    Ok(())
}

fn read_entry(bytes: &[u8]) -> Result<(&str, &str), Error> {
    let (mut key, mut value) = ("", "");
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => key = field.value.text()?,
            2 => value = field.value.text()?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn entry_is_text(
    key: &str,
    value: &str,
    path: std::fmt::Arguments<'_>,
    problems: &mut Problems,
) -> bool {
    let wrong = text_problem(key, METRIC_MAX)
        .or_else(|| text_problem(value, METADATA_MAX).filter(|_| !value.is_empty()));
    if let Some(message) = wrong {
        problems.add(
            ErrorCode::InvalidText,
            format_args!("{path}.{}", Name(key)),
            message,
        );
    }
    wrong.is_none()
}

/// gRPC's message has no sequence; a device that counts tells it in its metadata.
fn keep_entry<'a>(draft: &mut Draft<'a>, key: &'a str, value: &'a str) {
    match value.parse::<u64>() {
        Ok(sequence) if key == "sequence" && draft.sequence.is_none() => {
            draft.sequence = Some(sequence);
        }
        _ => draft.keep_metadata(Words::Borrowed(key), Words::Borrowed(value)),
    }
}

/// The shortest text that reads back as the same double.
fn number_text(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-5..1e16).contains(&magnitude) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_numbers_text_reads_back(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let text = number_text(value);
            prop_assert_eq!(text.parse::<f64>().map(f64::to_bits), Ok(value.to_bits()));
            prop_assert!(text.len() <= crate::validate::VALUE_MAX);
        }
    }
}
