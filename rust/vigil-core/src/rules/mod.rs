//! Rules: what raises an alarm, and the episodes it goes through.
//!
//! - [`model`]: a rule set as types; [`parse`]: from TOML, refusing with field and hint;
//! - [`compile`]: columnar tables per sign; [`profile`]: a patient's own limits;
//! - [`technical`], [`limit`], [`trend`], [`score`], [`combination`], [`anomaly`]: the kinds of rules, in the order in
//!   which they are evaluated; [`episode`]: START, UPDATE, END;
//! - [`population`]: whom a rule is for; [`memory`]: windows of values; [`describe`]: a rule in words, [`listing`]: a file as data;
//! - [`message`]: the sentence a person reads; [`schema`]: the rule language, for editors.

pub mod anomaly;
pub mod combination;
pub mod compile;
pub mod describe;
pub mod episode;
pub mod kinds;
pub mod limit;
pub mod listing;
pub mod memory;
pub mod message;
pub mod model;
pub mod moment;
pub mod order;
pub mod other_scores;
pub mod parse;
pub mod population;
pub mod profile;
pub mod run;
pub mod schema;
pub mod score;
pub mod subject;
pub mod technical;
pub mod trend;
pub mod window;

use crate::alarms::signal::{self, Scene, Sink};
use crate::alarms::{settle, stale};

pub use combination::Counted;
pub use compile::RuleSet;
pub use episode::{Phase, RuleState};
pub use memory::Memory;
pub use moment::{Alert, Evidence, Moment, Value};
pub use profile::Profile;
pub use subject::Subject;

/// Evaluates all rules for one observation; what is said goes to `sink` in the order it happens.
pub fn evaluate(
    scene: &Scene<'_>,
    states: &mut Vec<RuleState>,
    counted: &mut Vec<Counted>,
    memory: &mut Memory,
    profile: &Profile,
    moment: &Moment<'_>,
    sink: Sink<'_>,
) {
    let set = scene.set;
    let mut speaking = Vec::new();
    if !states.is_empty() {
        episode::withdraw(scene, states, sink);
        speaking = signal::speaking(states);
        if moment.left_out != 0 {
            population::leave(scene, states, moment, &mut speaking, sink);
        }
    }
    memory.take(set, moment);
    let mut missing = 0;
    technical::evaluate(set, states, moment, &mut |alert| {
        if alert.phase == Phase::Start {
            missing |= 1u32.wrapping_shl(alert.state.sign.into());
        }
        signal::condition(scene, &mut speaking, alert, sink);
    });
    if !states.is_empty() {
        stale::mark(scene, states, missing, sink);
        stale::refresh(scene, states, moment, sink);
    }
    let mut changed = |alert: Alert<'_>| signal::condition(scene, &mut speaking, alert, sink);
    limit::evaluate(set, states, profile, memory, moment, &mut changed);
    trend::evaluate(set, states, memory, moment, &mut changed);
    score::evaluate(set, states, moment, &mut changed);
    combination::evaluate(set, states, counted, moment, &mut changed);
    anomaly::evaluate(set, states, moment, &mut changed);
    if states.iter().any(RuleState::is_kept_back) {
        settle::settle(scene, states, sink);
    }
}

/// The worst severity of the active physiological alarms; `None` when there are none.
pub fn severity(states: &[RuleState]) -> Option<model::Severity> {
    states
        .iter()
        .filter(|state| state.active > 0 && !state.technical)
        .map(|state| state.urgency.severity)
        .max()
}
