//! The context table: filled from the registry's answers, read by the hot path, shared between threads.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use hashbrown::hash_table::Entry;
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::answer;
use super::device::Device;
use super::link::PatientContext;
use crate::error::Error;

/// device → links → patient context. A lock of its own makes it usable from several threads; a batch takes
/// it once.
#[derive(Debug, Default)]
pub struct ContextTable {
    inner: RwLock<Devices>,
}

/// The table's content, as a batch sees it.
#[derive(Debug, Default)]
pub struct Devices {
    by_id: HashTable<Device>,
    /// Each distinct context once, however many devices a patient has.
    contexts: HashTable<PatientContext>,
    fresh: usize,
}

impl ContextTable {
    /// Takes an encoded `registry.GetContextsResponse`, whole or not at all; returns [`Self::len`].
    pub fn apply(&self, response: &[u8]) -> Result<usize, Error> {
        let mut inner = self.write();
        let answers = answer::read(response, |context| inner.share(context))?;
        for answer in answers {
            inner.change(answer.device_id, |device| device.answer(answer.links));
        }
        Ok(inner.fresh)
    }

    /// The registry has said that these devices changed.
    pub fn invalidate<S: AsRef<str>>(&self, device_ids: &[S]) {
        let mut inner = self.write();
        for id in device_ids {
            if inner.find(id.as_ref()).is_some() {
                inner.change(id.as_ref(), Device::invalidate);
            }
        }
    }

    /// Every device is to be looked up again when next seen. What is known stays usable until the registry
    /// answers, so that a registry that is away makes nobody an orphan; what was not seen since the last
    /// clearing is forgotten.
    pub fn clear(&self) {
        let mut inner = self.write();
        inner.by_id.retain(Device::expire);
        inner.contexts.retain(|context| !context.is_unused());
        inner.fresh = 0;
    }

    /// Devices with an answer that is still good.
    pub fn len(&self) -> usize {
        self.read().fresh
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The content, for one batch.
    pub fn read(&self) -> RwLockReadGuard<'_, Devices> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that these devices are about to be asked for at the registry.
    pub fn ask(&self, device_ids: &[String]) {
        if device_ids.is_empty() {
            return;
        }
        let mut inner = self.write();
        for id in device_ids {
            inner.change(id, Device::ask);
        }
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Devices> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Devices {
    /// The device of that id.
    #[inline]
    pub fn find(&self, device_id: &str) -> Option<&Device> {
        let hash = xxh3_64(device_id.as_bytes());
        self.by_id.find(hash, |device| device.is(device_id))
    }

    /// Changes a device, made when it is not there, and keeps the count of fresh ones.
    fn change(&mut self, device_id: &str, change: impl FnOnce(&mut Device)) {
        let entry = self.by_id.entry(
            xxh3_64(device_id.as_bytes()),
            |device| device.is(device_id),
            Device::hash,
        );
        let mut entry = match entry {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert(Device::new(device_id)),
        };
        let device = entry.get_mut();
        self.fresh -= usize::from(device.is_fresh());
        change(device);
        self.fresh += usize::from(device.is_fresh());
    }

    /// The same context, from the one place where it is kept.
    fn share(&mut self, context: PatientContext) -> PatientContext {
        let entry = self.contexts.entry(
            xxh3_64(context.bytes()),
            |held| held.bytes() == context.bytes(),
            |held| xxh3_64(held.bytes()),
        );
        entry.or_insert(context).get().clone()
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
