//! The devices of the observations to come, found together.
//!
//! With a million devices nearly every look-up waits for memory, several times. Looked up one by one between
//! other work they wait one after the other; in a tight loop the processor overlaps the waits.

use crate::batch::OBSERVATIONS;
use crate::context::{Device, Devices};
use crate::error::Error;
use crate::observation::for_each;
use crate::wire::Reader;

/// Enough to overlap the waits, few enough to stay in the processor's nearer caches.
const OBSERVATIONS_AHEAD: usize = 256;

/// Observations of some batches with their devices, in order.
pub(super) struct LookAhead<'t, 'v> {
    devices: &'t Devices,
    ids: Vec<&'v str>,
    found: Vec<Option<&'t Device>>,
}

impl<'t, 'v> LookAhead<'t, 'v> {
    pub fn new(devices: &'t Devices) -> Self {
        Self {
            devices,
            ids: Vec::with_capacity(2 * OBSERVATIONS_AHEAD),
            found: Vec::with_capacity(2 * OBSERVATIONS_AHEAD),
        }
    }

    /// Forgets what it has and looks up the next observations; returns how many of `values` they fill.
    pub fn read(&mut self, values: &[&'v [u8]]) -> usize {
        self.ids.clear();
        self.found.clear();
        let mut read = 0;
        for value in values {
            // What is broken is found broken again, and reported, by the reading proper.
            let _ = for_each(value, OBSERVATIONS, |observation| {
                self.ids.push(device_id(observation).unwrap_or_default());
                Ok(())
            });
            read += 1;
            if self.ids.len() >= OBSERVATIONS_AHEAD {
                break;
            }
        }
        let devices = self.devices;
        self.found
            .extend(self.ids.iter().map(|id| devices.find(id)));
        read
    }

    /// Brings the contexts of the devices found near.
    pub fn touch_contexts(&self) {
        for device in self.found.iter().flatten() {
            device.touch();
        }
    }

    /// The device at `at`, if it is that one: a batch that was refused half-way shifts what follows.
    #[inline]
    pub fn device(&self, at: usize, id: &str) -> Option<&'t Device> {
        match self.found.get(at) {
            Some(Some(device)) if device.is(id) => Some(device),
            _ => self.devices.find(id),
        }
    }

    /// All of them; the id is empty where it cannot be read.
    pub fn all(&self) -> impl Iterator<Item = (&'v str, Option<&'t Device>)> + '_ {
        self.ids.iter().copied().zip(self.found.iter().copied())
    }
}

/// The device of an encoded observation, read past everything else.
#[inline]
fn device_id(observation: &[u8]) -> Result<&str, Error> {
    let mut reader = Reader::new(observation);
    while let Some(field) = reader.next_field()? {
        if field.number == 1 {
            let mut header = Reader::new(field.value.bytes()?);
            while let Some(field) = header.next_field()? {
                if field.number == 9 {
                    return field.value.text();
                }
            }
        }
    }
    Ok("")
}
