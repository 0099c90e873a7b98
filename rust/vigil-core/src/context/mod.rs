//! Whose an observation is: device → links → patient context, as the registry said it.
//!
//! - [`link`]: which patient a device belonged to at a point in time.
//! - [`answer`]: the registry's `GetContextsResponse`, read.
//! - [`device`]: what the table knows of one device, and how fresh that is.
//! - [`table`]: the table itself, shared between threads.

pub mod answer;
pub mod device;
mod device_id;
pub mod link;
pub mod table;

pub use device::{Device, Lookup};
pub use link::{Link, Links, PatientContext};
pub use table::{ContextTable, Devices};
