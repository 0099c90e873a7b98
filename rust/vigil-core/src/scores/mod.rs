//! Early-warning scores: one file a score, its table as data with its source.
//!
//! - [`news2`]: National Early Warning Score 2, the only one in the pipeline.
//! - [`mews`]: Modified Early Warning Score.
//! - [`qsofa`]: quick Sepsis-related Organ Failure Assessment.
//! - [`sirs`]: criteria of the systemic inflammatory response syndrome.
//! - [`shock_index`]: heart rate over systolic pressure.
//! - [`pews`]: paediatric, by configurable age bands.
//!
//! A score never sees a value that quality excludes, and a missing input is reported, never scored 0.

mod band;
mod consciousness;
pub mod mews;
pub mod news2;
pub mod pews;
mod pews_table;
pub mod qsofa;
pub mod scored;
pub mod shock_index;
pub mod sirs;

pub use band::Band;
pub use consciousness::Consciousness;
pub use scored::{Risk, Scored};
