//! Vigil's core: what happens to an observation, as pure functions over bytes.
//!
//! The folders follow one observation's journey: [`decode`] (what the device said),
//! [`normalize`] and [`validate`] (what it means), [`context`] (whose it is),
//! [`features`], [`scores`] and [`rules`] (what follows from it), [`checkpoint`] (what is kept).
//! There is no I/O and no clock here: time comes in as a parameter, in microseconds.

pub mod alarms;
pub mod batch;
pub mod checkpoint;
pub mod columns;
pub mod context;
pub mod decode;
pub mod engine;
pub mod enrich;
pub mod error;
pub mod features;
pub mod ids;
pub mod ledger;
pub mod normalize;
pub mod observation;
pub mod outcome;
pub mod pb;
pub mod rules;
pub mod scores;
pub mod sign;
pub mod time;
pub mod units;
pub mod validate;
pub mod vocabulary;
pub mod wire;
