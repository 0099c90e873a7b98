//! Message types generated from `proto/`, for the cold paths and as the oracle of [`crate::wire`].
#![allow(missing_docs, clippy::all, clippy::pedantic)]

/// Package `vigil`.
pub mod vigil {
    /// Events on the topics.
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/vigil.v1.rs"));
    }
}
/// Package `telemetry`.
pub mod telemetry {
    /// The gateway's gRPC messages.
    pub mod gateway {
        include!(concat!(env!("OUT_DIR"), "/telemetry.gateway.rs"));
    }
}
/// The registry's gRPC messages.
pub mod registry {
    include!(concat!(env!("OUT_DIR"), "/registry.rs"));
}
pub use telemetry::gateway;
pub use vigil::v1;
