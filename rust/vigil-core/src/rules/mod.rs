//! Rules: what raises an alarm, and the episodes it goes through.
//!
//! - [`model`]: a rule set as types; [`parse`]: from TOML, refusing with field and hint;
//! - [`compile`]: columnar tables per sign; [`profile`]: a patient's own limits;
//! - [`limit`], [`score`], [`technical`]: the kinds of rules; [`episode`]: START, UPDATE, END;
//! - [`message`]: the sentence a person reads.

pub mod compile;
pub mod episode;
pub mod limit;
pub mod message;
pub mod model;
pub mod moment;
pub mod order;
pub mod parse;
pub mod profile;
pub mod score;
pub mod subject;
pub mod technical;

pub use compile::RuleSet;
pub use episode::{Phase, RuleState};
pub use moment::{Alert, Evidence, Moment, Value};
pub use profile::Profile;
pub use subject::Subject;

/// Evaluates all rules of `set` for one observation; alerts go to `sink` in the order they happen.
pub fn evaluate(
    set: &RuleSet,
    states: &mut Vec<RuleState>,
    profile: &Profile,
    moment: &Moment<'_>,
    sink: &mut dyn FnMut(Alert<'_>),
) {
    if !states.is_empty() {
        episode::withdraw(set, states, moment, sink);
    }
    technical::evaluate(set, states, moment, sink);
    limit::evaluate(set, states, profile, moment, sink);
    score::evaluate(set, states, moment, sink);
}

/// The worst severity of the active physiological alarms; `None` when there are none.
pub fn severity(states: &[RuleState]) -> Option<model::Severity> {
    states
        .iter()
        .filter(|state| state.active > 0 && !state.technical)
        .map(|state| state.urgency.severity)
        .max()
}
