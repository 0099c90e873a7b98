//! What feature rows remember of a patient. What has no value is not written.

use super::bytes::{broken, time, Bytes};
use crate::error::Error;
use crate::features::{Baseline, History, Rolling};
use crate::wire::Writer;

/// Writes the patient's own baselines.
pub(super) fn write_baselines(w: &mut Writer, history: &History, base_us: i64) {
    for (column, baseline) in history.baselines.iter().enumerate() {
        if *baseline != Baseline::default() {
            w.raw_varint(column as u64);
            time(w, baseline.time_us, base_us);
            time(w, baseline.away_since_us, base_us);
            w.raw_varint(u64::from(baseline.count));
            w.raw(&baseline.value.to_le_bytes());
        }
    }
}

/// Reads what [`write_baselines`] wrote.
pub(super) fn read_baselines(
    bytes: &mut Bytes<'_>,
    history: &mut History,
    base_us: i64,
) -> Result<(), Error> {
    while !bytes.0.is_empty() {
        let column = bytes.varint()? as usize;
        let slot = history.baselines.get_mut(column).ok_or_else(broken)?;
        slot.time_us = bytes.time(base_us)?;
        slot.away_since_us = bytes.time(base_us)?;
        slot.count = u32::try_from(bytes.varint()?).map_err(|_| broken())?;
        slot.value = f64::from_le_bytes(bytes.fixed()?);
    }
    Ok(())
}

/// Writes the time of the first observation and the rolling statistics.
pub(super) fn write_trends(w: &mut Writer, history: &History, base_us: i64) {
    time(w, history.first_us, base_us);
    for (column, trend) in history.trends.iter().enumerate() {
        if trend.samples > 0 {
            w.raw_varint(column as u64);
            time(w, trend.sampled_us, base_us);
            time(w, trend.changed_us, base_us);
            w.raw_varint(u64::from(trend.samples));
            w.raw(&trend.last.to_le_bytes());
            for Rolling { mean, variance } in trend.windows {
                w.raw(&mean.to_le_bytes());
                w.raw(&variance.to_le_bytes());
            }
        }
    }
}

/// Reads what [`write_trends`] wrote.
pub(super) fn read_trends(
    bytes: &mut Bytes<'_>,
    history: &mut History,
    base_us: i64,
) -> Result<(), Error> {
    history.first_us = bytes.time(base_us)?;
    while !bytes.0.is_empty() {
        let column = bytes.varint()? as usize;
        let slot = history.trends.get_mut(column).ok_or_else(broken)?;
        slot.sampled_us = bytes.time(base_us)?;
        slot.changed_us = bytes.time(base_us)?;
        slot.samples = u32::try_from(bytes.varint()?).map_err(|_| broken())?;
        slot.last = f32::from_le_bytes(bytes.fixed()?);
        for rolling in &mut slot.windows {
            rolling.mean = f32::from_le_bytes(bytes.fixed()?);
            rolling.variance = f32::from_le_bytes(bytes.fixed()?);
        }
    }
    Ok(())
}
