//! How a rule file wants a device's order repaired, and when what it says is late.

/// When an observation waits for the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// Never: what comes behind its time is late.
    Never,
    /// When the device's sequence numbers have a gap before it.
    #[default]
    OnGap,
    /// Always, for the whole window.
    Always,
}

/// `[order]` and `late_after_s` of a rule file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// How long an observation waits at most, µs; 0 = not at all.
    pub window_us: i64,
    /// When it waits.
    pub hold: Hold,
    /// Further behind the gateway's time than this, what a live device says is late, µs.
    pub late_after_us: i64,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            window_us: 2_000_000,
            hold: Hold::default(),
            late_after_us: 300_000_000,
        }
    }
}
