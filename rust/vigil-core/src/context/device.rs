//! What the table knows of one device, and how fresh that is.

use xxhash_rust::xxh3::xxh3_64;

use super::device_id::DeviceId;
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

/// How good the registry's last answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Nothing has happened since.
    Fresh,
    /// The table was cleared since: usable until the registry answers anew.
    Stale,
    /// The registry has said that the device changed: usable only by the batch under way, which may be said
    /// to have come before the change.
    Retired,
}

/// Whether the registry is being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// Not since its last answer.
    None,
    /// It is.
    Open,
    /// It is, and the device changed meanwhile: the answer will be doubtful. It is used for the batch under
    /// way, and asked for again.
    Overtaken,
}

/// One device.
#[derive(Debug)]
pub struct Device {
    id: DeviceId,
    links: Option<Links>,
    answer: Answer,
    question: Question,
}

impl Device {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: DeviceId::new(id),
            links: None,
            answer: Answer::Stale,
            question: Question::None,
        }
    }

    /// Whether this is its id.
    #[inline]
    pub fn is(&self, id: &str) -> bool {
        self.id.as_bytes() == id.as_bytes()
    }

    /// What the table finds it by.
    pub(super) fn hash(&self) -> u64 {
        xxh3_64(self.id.as_bytes())
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

    /// Reads one byte of each cache line of its context, so that it is near when it is copied.
    #[inline]
    pub fn touch(&self) {
        if let Some(Links::One(link)) = &self.links {
            let lines = link.patient.bytes().iter().step_by(64);
            std::hint::black_box(lines.fold(0u8, |all, byte| all ^ byte));
        }
    }

    /// Whether nothing has happened since the registry's last answer.
    #[inline]
    pub fn is_fresh(&self) -> bool {
        self.answer == Answer::Fresh
    }

    /// It is about to be asked for.
    pub(super) fn ask(&mut self) {
        if self.answer == Answer::Retired {
            self.links = None;
            self.answer = Answer::Stale;
        }
        self.question = Question::Open;
    }

    /// The registry has answered.
    pub(super) fn answer(&mut self, links: Links) {
        self.links = Some(links);
        if self.question != Question::Overtaken {
            self.answer = Answer::Fresh;
        }
        self.question = Question::None;
    }

    /// The registry has said that it changed.
    pub(super) fn invalidate(&mut self) {
        self.answer = Answer::Retired;
        self.overtake();
    }

    /// It is to be asked for again when next seen. Returns whether to keep it: not when it was neither
    /// answered nor asked for since the last time.
    pub(super) fn expire(&mut self) -> bool {
        let keep = match self.question {
            Question::Open => true,
            Question::Overtaken => self.links.is_some(),
            Question::None => self.is_fresh(),
        };
        if self.is_fresh() {
            self.answer = Answer::Stale;
        }
        self.overtake();
        keep
    }

    fn overtake(&mut self) {
        if self.question == Question::Open {
            self.question = Question::Overtaken;
        }
    }
}
