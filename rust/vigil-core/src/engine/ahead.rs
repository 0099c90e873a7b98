//! The observations to come of one record, read ahead, with their patients' states brought near.
//!
//! With many patients nearly every state waits for memory, line by line. Found one by one between other work they
//! wait one after the other; in a tight loop the processor overlaps the waits.

use crate::batch::OBSERVATIONS;
use crate::error::Error;
use crate::observation::ObservationView;
use crate::rules::Subject;
use crate::wire::Reader;

use super::partition::{Partition, Place};

/// Enough to overlap the waits; their states fit into the processor's nearer caches.
const OBSERVATIONS_AHEAD: usize = 64;

/// An observation read ahead.
pub(super) struct Coming<'v> {
    bytes: &'v [u8],
    pub view: Result<ObservationView<'v>, Error>,
    pub key: u128,
    pub place: Option<Place>,
}

/// Observations of one record, in order.
#[derive(Default)]
pub(super) struct Ahead<'v> {
    reader: Option<Reader<'v>>,
    /// The last one comes first.
    coming: Vec<Coming<'v>>,
}

impl<'v> Ahead<'v> {
    /// Forgets what it has and goes on with the record `value`.
    pub fn start(&mut self, value: &'v [u8]) {
        self.reader = Some(Reader::new(value));
        self.coming.clear();
    }

    /// The next observation, which is `bytes`.
    #[inline]
    pub fn next(&mut self, partition: &Partition, bytes: &'v [u8]) -> Coming<'v> {
        if self.coming.is_empty() {
            self.read(partition);
        }
        match self.coming.pop() {
            Some(coming) if std::ptr::eq(coming.bytes, bytes) => coming,
            _ => Coming::read(partition, bytes),
        }
    }

    fn read(&mut self, partition: &Partition) {
        // What is broken is found and reported by the reading proper.
        while let Some(Ok(Some(field))) = self.reader.as_mut().map(Reader::next_field) {
            if let (OBSERVATIONS, Ok(bytes)) = (field.number, field.value.bytes()) {
                self.coming.push(Coming::read(partition, bytes));
                if self.coming.len() == OBSERVATIONS_AHEAD {
                    break;
                }
            }
        }
        let places = || self.coming.iter().filter_map(|coming| coming.place);
        places().for_each(|place| partition.touch(place));
        places().for_each(|place| partition.touch_parts(place));
        self.coming.reverse();
    }
}

impl<'v> Coming<'v> {
    fn read(partition: &Partition, bytes: &'v [u8]) -> Self {
        let view = ObservationView::read(bytes);
        let key = view.as_ref().map_or(0, |view| {
            Subject {
                patient_id: view.header.patient_id,
                device_id: view.header.device_id,
            }
            .key()
        });
        Self {
            bytes,
            place: partition.find(key),
            view,
            key,
        }
    }
}
