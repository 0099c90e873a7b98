//! What was last heard of each device of a patient: how duplicates and late observations are told.

use crate::ids::Id;
use crate::observation::flag;

/// Devices remembered per patient; the one silent for longest is forgotten first.
pub const DEVICES_MAX: usize = 16;
/// Event ids remembered per device.
pub const RECENT_IDS: usize = 8;

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Hash of the device id.
    pub key: u64,
    /// Event time of the last observation that was evaluated.
    pub last_us: i64,
    /// Hashes of the last evaluated event ids, the oldest first.
    pub recent: [u64; RECENT_IDS],
}

/// The 64-bit form of an event id; never 0, which is "none".
#[inline]
pub fn short_id(id: &Id) -> u64 {
    xxhash_rust::xxh3::xxh3_64(id) | 1
}

/// Notes an observation. Returns 0 when it is to be evaluated, else the flag that says why not.
#[inline]
pub fn admit(devices: &mut Vec<Device>, key: u64, id: u64, now_us: i64) -> u32 {
    if let Some(device) = devices.iter_mut().find(|device| device.key == key) {
        if device.recent.contains(&id) {
            return flag::DUPLICATE;
        }
        if now_us < device.last_us {
            return flag::LATE;
        }
        device.last_us = now_us;
        device.recent.rotate_left(1);
        device.recent[RECENT_IDS - 1] = id;
        return 0;
    }
    let mut recent = [0; RECENT_IDS];
    recent[RECENT_IDS - 1] = id;
    let device = Device {
        key,
        last_us: now_us,
        recent,
    };
    if devices.len() >= DEVICES_MAX {
        let silent = (0..devices.len()).min_by_key(|i| devices.get(*i).map(|d| d.last_us));
        if let Some(i) = silent {
            devices.remove(i);
        }
    }
    devices.push(device);
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_is_a_duplicate_and_an_older_time_is_late() {
        let mut devices = Vec::new();
        assert_eq!(admit(&mut devices, 1, 10, 100), 0);
        assert_eq!(admit(&mut devices, 1, 10, 100), flag::DUPLICATE);
        assert_eq!(admit(&mut devices, 1, 11, 99), flag::LATE);
        assert_eq!(
            admit(&mut devices, 1, 12, 100),
            0,
            "same time, another fact"
        );
        assert_eq!(admit(&mut devices, 2, 11, 99), 0, "another device");
        assert_eq!(admit(&mut devices, 1, 11, 101), 0, "late ids are not kept");
    }

    #[test]
    fn the_device_silent_for_longest_is_forgotten() {
        let mut devices = Vec::new();
        for key in 0..=DEVICES_MAX as u64 {
            admit(&mut devices, key, 1, 100 - i64::from(key == 3));
        }
        assert_eq!(devices.len(), DEVICES_MAX);
        assert!(devices.iter().all(|device| device.key != 3));
    }
}
