//! What the table knows of one device, and how fresh that is.

use super::link::{Links, PatientContext};

/// Whose an observation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// A patient's.
    Patient(&'a PatientContext),
    /// Nobody's at that time: not linked, or a device that the registry does not know.
    Orphan,
    /// Not known: the registry has not said.
    Unavailable,
}

/// One device. Its answer goes through these states:
///
/// *asked* → *fresh* → *stale* (the table was cleared: usable until the registry answers anew) or
/// *retired* (the registry said that it changed: usable only by the batch under way, which may be said to
/// have come before the change).
///
/// A change that arrives while the device is being asked for makes the answer doubtful: it is used for the
/// batch under way, and asked for again.
#[derive(Debug)]
pub struct Device {
    id: Box<str>,
    links: Option<Links>,
    fresh: bool,
    retired: bool,
    asked: bool,
    changed_while_asked: bool,
}

impl Device {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            links: None,
            fresh: false,
            retired: false,
            asked: false,
            changed_while_asked: false,
        }
    }

    /// Its id.
    #[inline]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose it was at `event_time_us`.
    #[inline]
    pub fn at(&self, event_time_us: i64) -> Lookup<'_> {
        match &self.links {
            None => Lookup::Unavailable,
            Some(links) => links
                .at(event_time_us)
                .map_or(Lookup::Orphan, Lookup::Patient),
        }
    }

    /// Whether nothing has happened since the registry's last answer.
    #[inline]
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// It is about to be asked for.
    pub(super) fn ask(&mut self) {
        if self.retired {
            self.links = None;
            self.retired = false;
        }
        self.asked = true;
        self.changed_while_asked = false;
    }

    /// The registry has answered.
    pub(super) fn answer(&mut self, links: Links) {
        let doubtful = self.asked && self.changed_while_asked;
        self.links = Some(links);
        self.fresh = !doubtful;
        self.retired &= doubtful;
        self.asked = false;
        self.changed_while_asked = false;
    }

    /// The registry has said that it changed.
    pub(super) fn invalidate(&mut self) {
        self.fresh = false;
        self.retired = true;
        self.changed_while_asked = self.asked;
    }

    /// It is to be asked for again when next seen. Returns whether to keep it: not when it was neither
    /// answered nor asked for since the last time.
    pub(super) fn expire(&mut self) -> bool {
        let keep =
            self.fresh || (self.asked && (self.links.is_some() || !self.changed_while_asked));
        self.fresh = false;
        self.changed_while_asked = self.asked;
        keep
    }
}
