//! Bounds of what is remembered.

/// Reporters of one component that are told apart.
pub const REPORTERS_MAX: usize = 64;
/// A reporter that said "down" and has not repeated it for so long is forgotten, µs.
pub const REPORTER_FORGOTTEN_AFTER_US: i64 = 600_000_000;
/// A subject that nothing was heard of for so long is forgotten, µs.
pub const SUBJECT_FORGOTTEN_AFTER_US: i64 = 7 * 86_400_000_000;
