//! Who a subject is, in words: for alerts that no observation causes.

use super::device::DEVICES_MAX;

/// Text and bytes that change rarely; kept beside the state, so that a batch does not copy them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Empty for an orphan.
    pub patient_id: Box<str>,
    /// The encoded `Context` as last evaluated.
    pub context: Box<[u8]>,
    /// Devices by the hash of their id, the newest last.
    pub devices: Vec<(u64, Box<str>)>,
}

impl Identity {
    /// The id of a device.
    pub fn device(&self, key: u64) -> Option<&str> {
        let found = self.devices.iter().find(|(k, _)| *k == key);
        found.map(|(_, id)| &**id)
    }

    /// Notes a device.
    pub fn add(&mut self, key: u64, id: &str) {
        if self.device(key).is_none() {
            if self.devices.len() >= DEVICES_MAX {
                self.devices.remove(0);
            }
            self.devices.push((key, id.into()));
        }
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.patient_id.len()
            + self.context.len()
            + self
                .devices
                .iter()
                .map(|(_, id)| size_of::<(u64, Box<str>)>() + id.len())
                .sum::<usize>()
    }
}

/// The hash of a device's id.
#[inline]
pub fn device_key(id: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(id.as_bytes())
}
