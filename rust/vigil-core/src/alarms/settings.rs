//! What a rule file says of alarm signals, and bounds of what is remembered.

/// Reporters of one component that are told apart.
pub const REPORTERS_MAX: usize = 64;
/// A reporter that said "down" and has not repeated it for so long is forgotten, µs.
pub const REPORTER_FORGOTTEN_AFTER_US: i64 = 600_000_000;

/// When whom an alarm that nobody has acknowledged reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// Its name.
    pub id: String,
    /// The first at once, the others ascending.
    pub steps: Vec<LadderStep>,
}

/// A rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LadderStep {
    /// How long the signal must have been on.
    pub after_us: i64,
    /// Whom it reaches: `charge-nurse`.
    pub to: String,
}

/// What holds for the whole rule file.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// A value that comes after a longer silence is a spot check, to which delays do not apply; 0 = never.
    pub spot_check_after_us: i64,
    /// The longest pause.
    pub pause_max_us: i64,
    /// When acknowledged alarms sound again, for low, medium, high; 0 = never.
    pub re_alarm_us: [i64; 3],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            spot_check_after_us: 0,
            pause_max_us: 3_600_000_000,
            re_alarm_us: [0, 600_000_000, 180_000_000],
        }
    }
}
