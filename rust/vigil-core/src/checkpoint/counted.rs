//! Of a patient's state: the conditions of combinations that were true.

use super::bytes::{time, Bytes};
use crate::error::Error;
use crate::rules::Counted;
use crate::wire::Writer;

/// The field of a patient.
pub const COUNTED: u32 = 24;

const REFUTED: u8 = 1;
const PARTIAL: u8 = 2;

/// Writes them all; nothing where there are none.
pub fn write(w: &mut Writer, counted: &[Counted], base_us: i64) {
    if counted.is_empty() {
        return;
    }
    w.message(COUNTED, |w| {
        for one in counted {
            let flag = |set: bool, bit: u8| if set { bit } else { 0 };
            w.raw(&one.key.to_le_bytes());
            w.raw(&[
                one.condition,
                flag(one.refuted, REFUTED) | flag(one.partial, PARTIAL),
                one.sign,
                one.contributors,
            ]);
            time(w, one.true_us, base_us);
            w.raw(&one.value.to_le_bytes());
            w.raw(&one.event_id);
        }
    });
}

/// Reads what [`write`] wrote.
pub fn read(field: &[u8], base_us: i64) -> Result<Vec<Counted>, Error> {
    let (mut bytes, mut counted) = (Bytes(field), Vec::new());
    while !bytes.0.is_empty() {
        let key = u64::from_le_bytes(bytes.fixed()?);
        let [condition, flags, sign, contributors] = bytes.fixed()?;
        counted.push(Counted {
            key,
            condition,
            refuted: flags & REFUTED != 0,
            sign,
            contributors,
            partial: flags & PARTIAL != 0,
            true_us: bytes.time(base_us)?,
            value: f64::from_le_bytes(bytes.fixed()?),
            event_id: bytes.fixed()?,
        });
    }
    Ok(counted)
}
