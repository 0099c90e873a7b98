//! The model's answer for a row, and the scored observation.

use crate::batch::OBSERVATIONS;
use crate::features::{MODEL_FAMILIES, SCORES};
use crate::observation::{event_type, flag, HeaderView};
use crate::rules::model::Severity;
use crate::rules::moment::Warning;
use crate::wire::{varint_len, Writer};

/// Scores count to four decimals, so that the size of a batch never decides an alarm.
const ROUNDING: f64 = 1e4;

/// The model's columns for one row; `None` = unavailable, never 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelScores {
    /// Rounded; `None` where the model could not score.
    pub columns: [Option<f32>; SCORES],
}

impl ModelScores {
    /// Reads one encoded row. What is not a number from 0 to 1 could not be scored.
    pub fn read(row: &[u8]) -> Self {
        let mut columns = [None; SCORES];
        for (slot, bytes) in columns.iter_mut().zip(row.chunks_exact(4)) {
            let score = bytes.try_into().map_or(f32::NAN, f32::from_le_bytes);
            let scaled = f64::from(score) * ROUNDING + 0.5;
            // A hair outside 0 … 1 rounds into it; NaN and all else fails the test.
            *slot = (0.0..ROUNDING + 1.0)
                .contains(&scaled)
                .then(|| (f64::from(scaled as u32) / ROUNDING) as f32);
        }
        Self { columns }
    }

    /// `NOT_SCORABLE` when risk or overall anomaly is missing.
    pub fn flags(&self) -> u32 {
        match self.columns {
            [Some(_), Some(_), ..] => 0,
            _ => flag::NOT_SCORABLE,
        }
    }
}

/// All that goes into `Scores`.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    /// The model's answer.
    pub model: Option<ModelScores>,
    /// Which model answered.
    pub model_version: &'a str,
    /// Which rules were used.
    pub rule_set_version: &'a str,
    /// The worst active physiological alarm.
    pub severity: Option<Severity>,
    /// `None` for an observation that was not evaluated.
    pub warning: Option<&'a Warning>,
    /// Flags of this stage.
    pub flags: u32,
    /// Offset of the enriched record.
    pub source_offset: i64,
}

impl Scores<'_> {
    /// Writes the message (without tag and length).
    #[inline]
    pub fn write(&self, w: &mut Writer) {
        if let Some(model) = &self.model {
            let [risk, anomaly, signs @ ..] = &model.columns;
            for (number, score) in [(1, risk), (2, anomaly)] {
                if let Some(score) = score {
                    w.float(number, *score);
                }
            }
            let scored = || {
                MODEL_FAMILIES
                    .iter()
                    .zip(signs)
                    .filter_map(|(family, score)| score.map(|score| (family.sign, score)))
            };
            let count = scored().count();
            if count > 0 {
                w.header(3, count); // sign numbers take one byte each
                for (sign, _) in scored() {
                    w.raw_varint(sign as u64);
                }
                w.header(4, count * 4);
                for (_, score) in scored() {
                    w.raw(&score.to_le_bytes());
                }
            }
        }
        if let Some(severity) = self.severity {
            w.varint(5, severity as u64);
        }
        if let Some(warning) = self.warning {
            super::warning::write(w, 6, warning);
        }
        if self.model.is_some() && !self.model_version.is_empty() {
            w.bytes(7, self.model_version.as_bytes());
        }
        w.bytes(8, self.rule_set_version.as_bytes());
        if self.flags != 0 {
            w.varint(9, u64::from(self.flags));
        }
        if self.source_offset > 0 {
            w.varint(10, self.source_offset as u64);
        }
    }
}

/// Writes a scored observation as a field of a batch; vitals and context are copied byte for byte.
/// `scratch` holds nothing on return but its memory.
#[inline]
pub fn write_observation(
    w: &mut Writer,
    scratch: &mut Writer,
    header: &HeaderView<'_>,
    vitals: &[u8],
    context: &[u8],
    flags: u32,
    scores: &Scores<'_>,
) {
    scratch.clear();
    header.write(scratch, 1, event_type::TELEMETRY_SCORED);
    scratch.bytes(2, vitals);
    if !context.is_empty() {
        scratch.bytes(3, context);
    }
    let before = scratch.len();
    scores.write(scratch);
    let (head, encoded) = scratch
        .as_slice()
        .split_at_checked(before)
        .unwrap_or_default();
    let mut length = head.len() + 1 + varint_len(encoded.len() as u64) + encoded.len();
    if flags != 0 {
        length += 1 + varint_len(u64::from(flags));
    }
    w.header(OBSERVATIONS, length);
    w.raw(head);
    w.bytes(4, encoded);
    if flags != 0 {
        w.varint(5, u64::from(flags));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: [f32; 3]) -> ModelScores {
        let mut bytes = Vec::new();
        for value in values.into_iter().chain([f32::NAN; SCORES - 3]) {
            bytes.extend(value.to_le_bytes());
        }
        ModelScores::read(&bytes)
    }

    #[test]
    fn scores_are_rounded() {
        let scores = row([0.123_44, 0.123_46, 1.0]);
        assert_eq!(scores.columns[..3], [Some(0.1234), Some(0.1235), Some(1.0)]);
        assert_eq!(scores.flags(), 0);
    }

    #[test]
    fn what_is_no_score_is_missing_and_never_zero() {
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.1, 1.1] {
            let scores = row([wrong, 0.5, 0.5]);
            assert_eq!(scores.columns[0], None, "{wrong}");
            assert_eq!(scores.flags(), flag::NOT_SCORABLE);
        }
    }
}
