//! Early-warning scores: one file a score, its table as data with its source.
//!
//! - [`news2`]: National Early Warning Score 2.
//!
//! A score never sees a value that quality excludes, and a missing input is reported, never scored 0.

mod band;
mod consciousness;
pub mod news2;

pub use band::Band;
pub use consciousness::Consciousness;
