//! What a rule file says of alarm signals, for all rules and for one.

/// Reporters of one component that are told apart.
pub const REPORTERS_MAX: usize = 64;
/// A reporter that said "down" and has not repeated it for so long is forgotten, µs.
pub const REPORTER_FORGOTTEN_AFTER_US: i64 = 600_000_000;
/// A subject that nothing was heard of for so long is forgotten, µs.
pub const SUBJECT_FORGOTTEN_AFTER_US: i64 = 7 * 86_400_000_000;

/// One step of an escalation ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LadderStep {
    /// How long the signal must have been on, unacknowledged.
    pub after_us: i64,
    /// Who is told then.
    pub to: String,
}

/// Who is told when nobody acknowledges. Steps ascend in time; the first is at 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// Its name in the file.
    pub id: String,
    /// At least one, at most 255.
    pub steps: Vec<LadderStep>,
}

/// What holds for all rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// A pause lasts this long at most.
    pub pause_max_us: i64,
    /// After which an acknowledged alarm sounds again, by priority (low, medium, high); 0 = never.
    pub re_alarm_us: [i64; 3],
    /// An observation taken within this time of being made comes from a live device.
    pub late_after_us: i64,
    /// All ladders; rules name one by its index.
    pub ladders: Vec<Ladder>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pause_max_us: 3_600_000_000,
            re_alarm_us: [0, 600_000_000, 180_000_000],
            late_after_us: 300_000_000,
            ladders: Vec::new(),
        }
    }
}

/// What one rule says of its signal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signal {
    /// The signal stays when the condition clears, until someone acts.
    pub latching: bool,
    /// Index of its ladder in [`Settings::ladders`].
    pub ladder: Option<u16>,
    /// Its own re-alarm time for every priority; 0 = never.
    pub re_alarm_us: Option<i64>,
}
