//! When each sign of a patient was last heard of, and from which device (processing time).

use crate::sign::Sign;

/// One sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignHeard {
    /// Which.
    pub sign: Sign,
    /// Hash of the device that sent its last usable value.
    pub device: u64,
    /// When the gateway took that value.
    pub ingest_us: i64,
    /// Between the gateway's times of the last two; 0 = only one is known.
    pub cadence_us: i64,
}

/// A usable value of `sign` was evaluated (one that another device superseded is no sign of life). `at` is where its entry probably is.
#[inline]
pub fn note(heard: &mut Vec<SignHeard>, at: usize, sign: Sign, device: u64, ingest_us: i64) {
    let i = match heard.get(at) {
        Some(entry) if entry.sign == sign => Some(at),
        _ => heard.iter().position(|entry| entry.sign == sign),
    };
    let Some(entry) = i.and_then(|i| heard.get_mut(i)) else {
        heard.push(SignHeard {
            sign,
            device,
            ingest_us,
            cadence_us: 0,
        });
        return;
    };
    entry.device = device;
    if ingest_us > entry.ingest_us {
        entry.cadence_us = ingest_us.saturating_sub(entry.ingest_us);
        entry.ingest_us = ingest_us;
    }
}

/// Whether what comes at this cadence is monitored: its silence means something. `after_us` 0 = nothing is
/// spot-checked.
#[inline]
pub const fn is_monitored(cadence_us: i64, spot_check_after_us: i64) -> bool {
    cadence_us > 0 && (spot_check_after_us == 0 || cadence_us <= spot_check_after_us)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_sign_is_heard_from_whichever_device() {
        let mut heard = Vec::new();
        note(&mut heard, 0, Sign::Spo2, 1, 100);
        note(&mut heard, 5, Sign::HeartRate, 1, 100);
        note(&mut heard, 0, Sign::HeartRate, 2, 130);
        note(&mut heard, 1, Sign::HeartRate, 1, 120);
        assert_eq!(heard.len(), 2);
        assert_eq!(
            (heard[1].device, heard[1].ingest_us, heard[1].cadence_us),
            (1, 130, 30)
        );
    }

    #[test]
    fn what_comes_rarely_is_not_monitored() {
        assert!(!is_monitored(0, 60), "heard once");
        assert!(is_monitored(60, 60) && !is_monitored(61, 60));
        assert!(is_monitored(i64::MAX, 0));
    }
}
