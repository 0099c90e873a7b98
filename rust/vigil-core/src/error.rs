//! The one error table. Python maps it once, to `vigil.errors.VigilError`.

use std::fmt;
use std::ops::{Deref, DerefMut};

macro_rules! error_table {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:literal;)+) => {
        /// Every way an input can be refused or flagged. The text code is bounded and stable:
        /// it is a metric label, a dead letter's reason and a problem document's `code`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[doc = $doc])+ $name,)+ }

        impl ErrorCode {
            /// All codes, for the documentation and the mapping test.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name,)+];

            /// The stable text code.
            pub const fn code(self) -> &'static str {
                match self { $(ErrorCode::$name => $code,)+ }
            }

            /// The HTTP status it is answered with at the gateway.
            pub const fn http_status(self) -> u16 {
                match self { $(ErrorCode::$name => $status,)+ }
            }

            /// One sentence of documentation.
            pub const fn description(self) -> &'static str {
                match self { $(ErrorCode::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

error_table! {
    /// The body is not JSON.
    MalformedJson = "malformed_json", 400;
    /// The body is nested deeper than any observation is.
    TooDeep = "too_deep", 400;
    /// The body holds more bytes or items than one request may.
    TooLarge = "too_large", 413;
    /// The bytes are not the protobuf message they should be.
    MalformedProtobuf = "malformed_protobuf", 400;
    /// A key stands twice in one object.
    DuplicateKey = "duplicate_key", 422;
    /// A required field is missing.
    MissingField = "missing_field", 422;
    /// A field has another type than it should.
    WrongType = "wrong_type", 422;
    /// A number is NaN, infinite or too large for a double.
    NotFinite = "not_finite", 422;
    /// A text is empty, too long or has characters that are not allowed.
    InvalidText = "invalid_text", 422;
    /// A timestamp is not ISO 8601 with an offset, nor epoch milliseconds.
    InvalidTimestamp = "invalid_timestamp", 422;
    /// A timestamp lies outside the years a live device can report.
    TimestampOutOfRange = "timestamp_out_of_range", 422;
    /// An observation holds no metric at all.
    NoMetrics = "no_metrics", 422;
    /// A field that the contract does not know.
    UnknownField = "unknown_field", 422;
    /// The registry does not know the device.
    DeviceNotFound = "device_not_found", 404;
    /// The device's key is missing or wrong.
    Unauthorized = "unauthorized", 401;
    /// The device is registered but not active.
    DeviceInactive = "device_inactive", 403;
    /// A metric name that the vocabulary does not know; kept as unmapped.
    UnmappedMetric = "unmapped_metric", 200;
    /// A unit that is not understood for this sign; the value is kept and not evaluated.
    UnknownUnit = "unknown_unit", 200;
    /// A value that no living patient can show; kept and not evaluated.
    Implausible = "implausible", 200;
    /// A device's code for "no reading"; kept and not evaluated.
    Sentinel = "sentinel", 200;
    /// Two names, or code and name, of one sign disagree; kept and not evaluated.
    Mismatch = "mismatch", 200;
    /// The sensor is off the patient; kept and not evaluated.
    Disconnected = "disconnected", 200;
    /// The unit was missing or impossible and is inferred from the value, which is converted and evaluated.
    InferredUnit = "inferred_unit", 200;
    /// Heart rate and pulse rate differ; both are kept and evaluated.
    PulseDeficit = "pulse_deficit", 200;
    /// A rule file that cannot be used.
    InvalidRule = "invalid_rule", 422;
    /// A score that must not be used for this patient.
    NotApplicable = "not_applicable", 422;
    /// A checkpoint that cannot be restored.
    InvalidCheckpoint = "invalid_checkpoint", 500;
    /// The model's answer does not fit the rows that were sent.
    InvalidScores = "invalid_scores", 500;
    /// A batch was finished that is not (or no longer) the one under way.
    OutOfOrder = "out_of_order", 500;
    /// A defect in Vigil itself; the record is kept as a dead letter.
    Internal = "internal", 500;
}

/// An error: one pointer wide, so that results on the hot path stay small. Reads as [`ErrorParts`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<ErrorParts>);

/// An error's code, the field it names (may be empty) and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorParts {
    /// What kind.
    pub code: ErrorCode,
    /// Which field, as a path (`[3].metrics.hr`); empty when it is the whole input.
    pub field: String,
    /// A sentence for a person.
    pub message: String,
}

impl Error {
    /// An error of `code` about `field`.
    #[cold]
    pub fn new(code: ErrorCode, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorParts {
            code,
            field: field.into(),
            message: message.into(),
        }))
    }

    /// Gives its parts away.
    pub fn into_parts(self) -> ErrorParts {
        *self.0
    }
}

impl Deref for Error {
    type Target = ErrorParts;

    fn deref(&self) -> &ErrorParts {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut ErrorParts {
        &mut self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            write!(f, "{}: {}", self.code.code(), self.message)
        } else {
            write!(
                f,
                "{} at {}: {}",
                self.code.code(),
                self.field,
                self.message
            )
        }
    }
}

impl std::error::Error for Error {}
