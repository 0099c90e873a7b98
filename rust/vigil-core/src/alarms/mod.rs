//! What becomes of an alarm's signal once its condition is there: presence, people's controls, the clock.
//!
//! - [`settings`]: constants; [`control`]: what people and the clock do; [`said`]: one alert of an episode;
//! - [`signal`], [`settle`]: what is said when a condition changes, or what kept it back is over; [`stale`]: alarms whose sign is missing;
//! - [`pause`], [`people`]: pauses and acknowledgements; [`special`]: what few subjects have;
//! - [`silence`]: the watchdog; [`tick`]: what happens by the clock; [`component`]: parts of Vigil that are away.
//!
//! Everything here is a function of what stands in the log: reading it again gives the same alarms.

pub mod component;
pub mod control;
pub mod forget;
pub mod pause;
pub mod people;
pub mod said;
pub mod settings;
pub mod settle;
pub mod signal;
pub mod silence;
pub mod special;
pub mod stale;
pub mod tick;
