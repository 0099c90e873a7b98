//! What only few subjects have: pauses, and the reporters of a component.

use super::pause::Pause;

/// One process that says a component is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reporter {
    /// Hash of its name.
    pub key: u64,
    /// When it said so last (processing time).
    pub down_us: i64,
}

/// Of one subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Special {
    /// Pauses in force.
    pub pauses: Vec<Pause>,
    /// Of a component: who says that it is away.
    pub reporters: Vec<Reporter>,
    /// Whether the subject is a component.
    pub component: bool,
}

impl Special {
    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        let texts = |pause: &Pause| pause.actor.len() + pause.reason.len();
        size_of::<Self>()
            + self.pauses.iter().map(texts).sum::<usize>()
            + size_of::<Pause>() * self.pauses.capacity()
            + size_of::<Reporter>() * self.reporters.capacity()
    }

    /// Whether nothing is left to remember.
    pub fn is_empty(&self) -> bool {
        self.pauses.is_empty() && self.reporters.is_empty() && !self.component
    }
}
