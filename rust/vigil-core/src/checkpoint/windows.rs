//! Of a patient's state: windows of trends and means.

use super::bytes::{broken, signed, Bytes};
use crate::error::Error;
use crate::rules::window::{Keeps, Spec, Window, BUCKETS};
use crate::sign::Sign;
use crate::wire::Writer;

/// The field of a patient that holds a window.
pub const WINDOW: u32 = 25;

/// Writes all windows; buckets without values are left out.
pub fn write(w: &mut Writer, windows: &[Window]) {
    for window in windows {
        w.message(WINDOW, |w| write_window(w, window));
    }
}

/// Reads a field that [`write`] wrote.
pub fn read(field: &[u8]) -> Result<Window, Error> {
    read_window(&mut Bytes(field))
}

fn write_window(w: &mut Writer, window: &Window) {
    w.raw_varint(window.sign as u64);
    w.raw_varint(window.spec.keeps as u64);
    w.raw_varint(window.spec.window_us as u64);
    signed(w, window.newest);
    let full = |i: &usize| window.counts.get(*i).is_some_and(|count| *count > 0);
    let bits = (0..BUCKETS)
        .filter(full)
        .fold(0u16, |bits, i| bits | 1 << i);
    w.raw(&bits.to_le_bytes());
    for ((value, count), i) in window.values.iter().zip(&window.counts).zip(0..) {
        if full(&i) {
            w.raw(&value.to_le_bytes());
            w.raw_varint(u64::from(*count));
        }
    }
    if window.spec.devices != 0 {
        w.raw(&window.spec.devices.to_le_bytes());
    }
}

fn read_window(bytes: &mut Bytes<'_>) -> Result<Window, Error> {
    let sign = Sign::from_number(bytes.varint()?).ok_or_else(broken)?;
    let keeps = u8::try_from(bytes.varint()?).map_err(|_| broken())?;
    let spec = Spec {
        keeps: Keeps::from_number(keeps).ok_or_else(broken)?,
        window_us: bytes.varint()? as i64,
        devices: 0,
    };
    let mut window = Window::new(sign, spec);
    window.newest = bytes.signed()?;
    let full = u16::from_le_bytes(bytes.fixed()?);
    for ((value, count), i) in window.values.iter_mut().zip(&mut window.counts).zip(0..) {
        if full & (1 << i) != 0 {
            *value = f64::from_le_bytes(bytes.fixed()?);
            *count = u32::try_from(bytes.varint()?).map_err(|_| broken())?;
        }
    }
    if !bytes.0.is_empty() {
        window.spec.devices = u64::from_le_bytes(bytes.fixed()?);
    }
    Ok(window.restored())
}
