//! What was last heard of each device of a patient: how duplicates, late and early observations are told.

use crate::features::NEVER;
use crate::ids::Id;

use super::order::clock::Clock;

/// Devices remembered per patient; the one silent for longest is forgotten first.
pub const DEVICES_MAX: usize = 16;
/// Event ids remembered per device.
pub const RECENT_IDS: usize = 8;
/// The device does not number its observations.
pub const NO_SEQUENCE: u64 = u64::MAX;

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Hash of the device id.
    pub key: u64,
    /// Time of the last observation that was evaluated; [`NEVER`] when there was none.
    pub last_us: i64,
    /// Hashes of the last evaluated event ids, the oldest first.
    pub recent: [u64; RECENT_IDS],
    /// The latest receipt (gateway's time) of anything it said.
    pub ingest_us: i64,
    /// From the receipt before to that one; 0 = it was heard once.
    pub cadence_us: i64,
    /// Its own number of the last evaluated observation, or [`NO_SEQUENCE`].
    pub sequence: u64,
    /// What its time is worth.
    pub clock: Clock,
}

impl Device {
    /// A device of which nothing was heard yet.
    pub fn new(key: u64) -> Self {
        Self {
            key,
            last_us: NEVER,
            recent: [0; RECENT_IDS],
            ingest_us: NEVER,
            cadence_us: 0,
            sequence: NO_SEQUENCE,
            clock: Clock::default(),
        }
    }

    /// Brings it near: a number of every line of it is read.
    #[inline]
    pub fn touch(&self) -> i64 {
        self.last_us
            ^ self.recent[RECENT_IDS - 1] as i64
            ^ self.ingest_us
            ^ i64::from(self.clock.live)
    }

    /// Something came from it, whatever becomes of it.
    #[inline]
    pub fn heard(&mut self, ingest_us: i64) {
        if ingest_us > self.ingest_us {
            if self.ingest_us != NEVER {
                self.cadence_us = ingest_us.saturating_sub(self.ingest_us);
            }
            self.ingest_us = ingest_us;
        }
    }

    /// An observation of it is evaluated.
    #[inline]
    pub fn evaluated(&mut self, id: u64, time_us: i64, sequence: u64) {
        self.last_us = time_us;
        self.sequence = sequence;
        self.recent.rotate_left(1);
        self.recent[RECENT_IDS - 1] = id;
    }
}

/// The 64-bit form of an event id; never 0, which is "none".
#[inline]
pub fn short_id(id: &Id) -> u64 {
    xxhash_rust::xxh3::xxh3_64(id) | 1
}

/// Where the device is, among those of its patient.
#[inline]
pub fn find(devices: &[Device], key: u64) -> Option<usize> {
    devices.iter().position(|device| device.key == key)
}

/// Which device must be forgotten before another one can be remembered.
pub fn superfluous(devices: &[Device]) -> Option<u64> {
    if devices.len() < DEVICES_MAX {
        return None;
    }
    let silent = devices.iter().min_by_key(|d| (d.ingest_us, d.last_us));
    silent.map(|device| device.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_silent_for_longest_is_superfluous() {
        let mut devices = Vec::new();
        for key in 0..DEVICES_MAX as u64 {
            assert_eq!(superfluous(&devices), None);
            let mut device = Device::new(key);
            device.heard(100 - i64::from(key == 3));
            devices.push(device);
        }
        assert_eq!(superfluous(&devices), Some(3));
    }

    #[test]
    fn the_cadence_is_between_the_last_two_receipts() {
        let mut device = Device::new(1);
        device.heard(100);
        assert_eq!(device.cadence_us, 0, "heard once");
        device.heard(160);
        device.heard(160);
        device.heard(150);
        assert_eq!((device.ingest_us, device.cadence_us), (160, 60));
    }
}
