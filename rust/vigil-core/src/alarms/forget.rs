//! Subjects of which nothing was heard for so long that they are forgotten (processing time).

use crate::engine::patient::PatientState;
use crate::rules::RuleState;

use super::said::By;
use super::signal::{Facts, Scene, Sink};
use super::special::Special;
use super::tick::end_all;

/// A subject not heard for so long is forgotten, µs: seven days.
pub const FORGET_AFTER_US: i64 = 7 * 86_400 * 1_000_000;
/// Stands in the END of the alarms that it had.
pub const REASON: &str = "not heard for 7 days";

/// When a subject is forgotten, if nothing more is heard of it: after its newest receipt or control. `None` when
/// no time of receipt is known: nothing says that it is old.
pub fn due_us(state: &PatientState) -> Option<i64> {
    let receipts = state.devices.iter().map(|device| device.ingest_us);
    let newest_us = receipts.chain([state.controlled_us]).max()?;
    (newest_us > 0).then(|| newest_us.saturating_add(FORGET_AFTER_US))
}

/// Whether the subject is forgotten at a tick of `time_us`. One of whom something still waits is not: the next
/// tick goes on letting go.
pub fn at(state: &PatientState, time_us: i64) -> bool {
    state.held.is_empty() && due_us(state).is_some_and(|us| us <= time_us)
}

/// Ends all alarms that were told; what was kept back, and pauses, end silently.
pub fn forget(
    scene: &Scene<'_>,
    states: &mut Vec<RuleState>,
    special: &mut Special,
    sink: Sink<'_>,
) {
    let by = By {
        reason: REASON,
        ..By::default()
    };
    let facts = Facts {
        by: Some(by),
        ..Facts::default()
    };
    let scene = Scene {
        pauses: &special.pauses,
        ..*scene
    };
    end_all(&scene, states, facts, sink);
    *special = Special::default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::device::Device;

    #[test]
    fn the_newest_receipt_or_control_counts() {
        let mut state = PatientState::default();
        assert_eq!(due_us(&state), None, "nothing was heard");
        for ingest_us in [0, 500, 200] {
            state.devices.push(Device::new(ingest_us as u64));
            if let Some(device) = state.devices.last_mut() {
                device.heard(ingest_us);
            }
            let known = (ingest_us > 0).then_some(500 + FORGET_AFTER_US);
            assert_eq!(due_us(&state), known);
        }
        assert!(!at(&state, 499 + FORGET_AFTER_US) && at(&state, 500 + FORGET_AFTER_US));
        state.controlled_us = 700;
        assert!(!at(&state, 699 + FORGET_AFTER_US) && at(&state, 700 + FORGET_AFTER_US));
    }
}
