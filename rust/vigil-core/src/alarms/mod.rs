//! What becomes of an alarm's signal once its condition is there: presence, people's controls, the clock.
//!
//! - [`settings`]: what the rule file says of it; [`control`]: what people and the clock do.

pub mod control;
pub mod settings;
