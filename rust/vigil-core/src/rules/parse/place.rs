//! Where in the file a refused field stands.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::error::Error;

/// Puts `FILE:LINE: ` before the message: the line of the field, or of the nearest table around it that is there.
pub fn placed(name: &str, text: &str, mut error: Error) -> Error {
    let line = line_of(text, &error.field).unwrap_or(1);
    error.message = format!("{name}:{line}: {}", error.message);
    error
}

/// As [`placed`], for what is not TOML.
pub fn placed_at(name: &str, text: &str, span: Option<Range<usize>>, mut error: Error) -> Error {
    let line = span.map_or(1, |span| line_at(text, span.start));
    error.message = format!("{name}:{line}: {}", error.message);
    error
}

fn line_of(text: &str, field: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut table = Some(root.get_ref());
    let mut list = None;
    let mut start = 0;
    for step in field.split(['.', '[']).filter(|step| !step.is_empty()) {
        let value = if let Some(index) = step.strip_suffix(']') {
            let items: &toml::de::DeArray<'_> = list?;
            index.parse().ok().and_then(|i: usize| items.get(i))
        } else {
            table
                .and_then(|table| table.iter().find(|(key, _)| key.get_ref() == step))
                .map(|(key, value)| {
                    start = key.span().start;
                    value
                })
        };
        let Some(value) = value else {
            break;
        };
        if step.ends_with(']') {
            start = value.span().start;
        }
        (table, list) = match value.get_ref() {
            DeValue::Table(inner) => (Some(inner), None),
            DeValue::Array(inner) => (None, Some(inner)),
            _ => (None, None),
        };
    }
    Some(line_at(text, start))
}

fn line_at(text: &str, byte: usize) -> usize {
    let before = text.as_bytes().get(..byte).unwrap_or_default();
    before.split(|byte| *byte == b'\n').count()
}
