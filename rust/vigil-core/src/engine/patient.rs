//! Everything kept of one patient (or of an orphaned device). Bounded, whatever comes in.

use crate::alarms::special::Special;
use crate::features::{History, Known, NEVER};
use crate::rules::population::LeftOut;
use crate::rules::window::Window;
use crate::rules::{Counted, Memory, Profile, RuleState};
use crate::sign::Sign;

use super::device::Device;
use super::heard::SignHeard;
use super::order::held::Held;

/// No patient's state takes more memory, with rules as many as the default ones: most of it is observations that
/// wait (64 KiB and what is noted of each), devices and the episodes of every rule at once.
pub const STATE_BYTES_MAX: usize = 192 * 1024;

/// A patient's state. The profile is read from every observation's context and is not part of checkpoints.
#[derive(Debug, Clone, PartialEq)]
pub struct PatientState {
    /// Last usable values.
    pub known: Known,
    /// What feature rows remember.
    pub history: History,
    /// What was last heard of each device.
    pub devices: Vec<Device>,
    /// Observations that wait for an earlier one, in the order of time.
    pub held: Vec<Held>,
    /// When its signs were last heard of.
    pub heard: Vec<SignHeard>,
    /// Conditions that are met.
    pub rules: Vec<RuleState>,
    /// Conditions of combinations that were true.
    pub counted: Vec<Counted>,
    /// Pauses, and a component's reporters; `None` = there are none.
    pub special: Option<Box<Special>>,
    /// Hash of the device whose observation was evaluated last.
    pub device: u64,
    /// Whether it is a device that belongs to nobody.
    pub orphan: bool,
    /// When a control last concerned it (processing time); [`NEVER`] before.
    pub controlled_us: i64,
    /// Event time of the last early-warning score; [`NEVER`] before.
    pub warned_us: i64,
    /// Windows of values that rules ask for.
    pub memory: Memory,
    /// Whom rules are for, as far as it is not this patient.
    pub left_out: LeftOut,
    /// The parsed context.
    pub profile: Profile,
    /// Whether it changed since the last checkpoint.
    pub dirty: bool,
}

impl Default for PatientState {
    fn default() -> Self {
        Self {
            known: Known::default(),
            history: History::default(),
            devices: Vec::new(),
            held: Vec::new(),
            heard: Vec::new(),
            rules: Vec::new(),
            counted: Vec::new(),
            special: None,
            device: 0,
            orphan: false,
            controlled_us: NEVER,
            warned_us: NEVER,
            memory: Memory::default(),
            left_out: LeftOut::default(),
            profile: Profile::default(),
            dirty: false,
        }
    }
}

impl PatientState {
    /// Becomes a copy of `other` in the memory that it has.
    #[inline]
    pub fn copy_from(&mut self, other: &Self) {
        self.known.clone_from(&other.known);
        self.history = other.history;
        self.devices.clone_from(&other.devices);
        self.held.clone_from(&other.held);
        self.heard.clone_from(&other.heard);
        self.rules.clone_from(&other.rules);
        self.counted.clone_from(&other.counted);
        self.special.clone_from(&other.special);
        self.device = other.device;
        self.orphan = other.orphan;
        self.controlled_us = other.controlled_us;
        self.warned_us = other.warned_us;
        self.memory.copy_from(&other.memory);
        self.left_out = other.left_out;
        self.profile.clone_from(&other.profile);
        self.dirty = other.dirty;
    }

    /// Brings it near: one number of (about) every line of it is read. What it points to is [`Self::touch_parts`]'s.
    #[inline]
    pub fn touch(&self) {
        let known = Sign::ALL
            .iter()
            .step_by(4)
            .map(|sign| self.known.get(*sign).time_us);
        let lengths = [self.devices.len(), self.heard.len(), self.rules.len()];
        let times = known
            .chain(lengths.map(|length| length as i64))
            .chain([self.memory.windows.len() as i64, self.warned_us])
            .chain([self.history.touch()]);
        std::hint::black_box(times.fold(self.profile.hash as i64, |all, us| all ^ us));
    }

    /// Brings near what it points to, once it is near itself: else one waits for the other.
    #[inline]
    pub fn touch_parts(&self) {
        let devices = self.devices.first().map_or(0, Device::touch);
        let heard = self.heard.iter().step_by(2).map(|heard| heard.ingest_us);
        let windows = self.memory.windows.iter().map(Window::touch);
        std::hint::black_box(heard.chain(windows).fold(devices, |all, us| all ^ us));
    }

    /// Whether nothing is alarming, waiting or paused: the clock can only find silence.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.rules.is_empty() && self.special.is_none()
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of::<Device>() * self.devices.capacity()
            + size_of::<SignHeard>() * self.heard.capacity()
            + size_of::<RuleState>() * self.rules.capacity()
            + size_of::<Counted>() * self.counted.capacity()
            + size_of::<Held>() * self.held.capacity()
            + self.held.iter().map(|held| held.bytes.len()).sum::<usize>()
            + self.special.as_deref().map_or(0, Special::bytes)
            + self.memory.heap_bytes()
            + self.profile.heap_bytes()
    }
}
