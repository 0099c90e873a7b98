//! What is refused (text that is not allowed) and what is only flagged (numbers no living patient shows).

use crate::sign::Sign;

/// Longest device id in bytes.
pub const DEVICE_ID_MAX: usize = 128;
/// Longest metric name in bytes.
pub const METRIC_MAX: usize = 64;
/// Longest text of a number or text value in bytes.
pub const VALUE_MAX: usize = 64;
/// Longest unit in bytes.
pub const UNIT_MAX: usize = 32;
/// Longest device type, firmware or timestamp in bytes.
pub const LABEL_MAX: usize = 64;
/// Longest metadata value in bytes.
pub const METADATA_MAX: usize = 256;
/// Most metrics, units or metadata entries of one observation.
pub const ENTRIES_MAX: usize = 256;

/// Why `text` is not allowed, or `None`. Allowed: 1…`longest` bytes, no control characters (NUL among them),
/// no blank at either end.
#[inline]
pub fn text_problem(text: &str, longest: usize) -> Option<&'static str> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Some("the text is empty");
    }
    if bytes.len() > longest {
        return Some("the text is too long");
    }
    if bytes.iter().all(|b| (0x21..0x7f).contains(b)) {
        return None;
    }
    if text.chars().any(char::is_control) {
        return Some("the text has control characters");
    }
    (text.trim().len() != text.len()).then_some("the text has blanks at its ends")
}

/// Whether `number`, as sent and before any conversion, is a device's code for "no reading": IEEE 11073
/// special values of a 32-bit FLOAT (NaN 0x7FFFFF, NRes 0x800000, ±INFINITY) and the negative codes seen
/// in the field. No sign of the vocabulary can be negative but a temperature, and none is -1 °C.
#[inline]
pub fn is_sentinel(number: f64) -> bool {
    number == -1.0
        || number == -100.0
        || number == -9999.0
        || number == 8_388_606.0
        || number == 8_388_607.0
        || number == 8_388_608.0
        || number == 8_388_610.0
}

/// Whether a living patient can show `value` (canonical unit) of `sign`; NaN and infinities never.
#[inline]
pub fn is_plausible(sign: Sign, value: f64) -> bool {
    let (low, high) = crate::vocabulary::plausible_range(sign);
    let whole = !matches!(sign, Sign::Consciousness | Sign::Gcs) || value.fract() == 0.0;
    value >= low && value <= high && whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_bounded_and_printable() {
        assert_eq!(text_problem("monitor-1", 128), None);
        assert_eq!(text_problem("Gerät 1", 128), None);
        for bad in [
            "",
            "a\0",
            "a\n",
            " a",
            "a ",
            "\u{9f}",
            "\u{7f}",
            &"x".repeat(129),
        ] {
            assert!(text_problem(bad, 128).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn nothing_that_is_not_finite_is_plausible() {
        for &sign in Sign::ALL {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(!is_plausible(sign, value), "{sign:?} {value}");
            }
        }
    }
}
