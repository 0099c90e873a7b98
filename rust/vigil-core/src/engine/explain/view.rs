//! What is answered, in JSON.

use serde::Serialize;

use crate::rules::model::Urgency;

/// The answer, in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Standing<'a> {
    pub(super) rule_set_version: &'a str,
    pub(super) patient_id: &'a str,
    pub(super) device_id: &'a str,
    pub(super) at_us: i64,
    /// Event time of the last evaluated observation.
    pub(super) last_us: Option<i64>,
    pub(super) pauses: Vec<PauseView<'a>>,
    pub(super) rules: Vec<RuleView<'a>>,
}

/// A pause of the subject, or of one rule of it.
#[derive(Debug, Serialize)]
pub(super) struct PauseView<'a> {
    pub(super) rule_id: Option<&'a str>,
    pub(super) activation: &'static str,
    pub(super) until_us: Option<i64>,
    pub(super) actor: &'a str,
    pub(super) reason: &'a str,
}

/// One rule.
#[derive(Debug, Serialize)]
pub(super) struct RuleView<'a> {
    pub(super) id: &'a str,
    pub(super) kind: &'static str,
    pub(super) alert_type: &'a str,
    /// `alarming`, `suppressed`, `pending`, `clear`, `no_data`, `no_score`, `disconnected`,
    /// `not_applicable`.
    pub(super) state: &'static str,
    /// Of the active step.
    pub(super) priority: Option<&'static str>,
    pub(super) presence: Option<&'static str>,
    pub(super) stale: bool,
    pub(super) onset_us: Option<i64>,
    pub(super) raised_us: Option<i64>,
    /// Rules that are alarming and say it all.
    pub(super) suppressed_by: Vec<&'a str>,
    /// The pause that keeps its signal back.
    pub(super) paused: Option<PauseView<'a>>,
    /// The population's attribute that leaves the subject out.
    pub(super) excluded_by: Option<&'static str>,
    /// Types of devices that it looks at; empty = all.
    pub(super) device_types: &'a [String],
    #[serde(flatten)]
    pub(super) look: Look,
}

/// What a rule looks at.
#[derive(Debug, Default, Serialize)]
pub(super) struct Look {
    pub(super) inputs: Vec<Input>,
    /// Signs of which nothing usable was heard.
    pub(super) missing: Vec<&'static str>,
    /// Signs whose sensor is off the patient.
    pub(super) disconnected: Vec<&'static str>,
    pub(super) score: Option<ScoreView>,
    /// What is compared, where it is not the last value.
    pub(super) compared: Option<Compared>,
    /// Of a combination.
    pub(super) conditions: Vec<ConditionView>,
    pub(super) steps: Vec<StepView>,
}

/// One condition of a combination, as the last values have it.
#[derive(Debug, Serialize)]
pub(super) struct ConditionView {
    pub(super) what: String,
    pub(super) comparison: &'static str,
    pub(super) limit: Option<f64>,
    pub(super) unit: &'static str,
    pub(super) met: Option<bool>,
}

/// A number that a rule makes of more than the last value.
#[derive(Debug, Serialize)]
pub(super) struct Compared {
    /// `mean`, `fall`, `rise`, or `score` of the model.
    pub(super) what: &'static str,
    /// The sign that was measured, or the model's column.
    pub(super) name: &'static str,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    /// Of a trend: the highest or lowest value of the window, which it has gone from.
    pub(super) reference: Option<f64>,
    pub(super) window_us: Option<i64>,
}

/// A last usable value.
#[derive(Debug, Serialize)]
pub(super) struct Input {
    pub(super) name: &'static str,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    pub(super) event_time_us: i64,
    pub(super) age_us: i64,
}

/// A score as of now.
#[derive(Debug, Serialize)]
pub(super) struct ScoreView {
    pub(super) name: &'static str,
    pub(super) total: f64,
    pub(super) partial: bool,
    pub(super) single_three: bool,
    pub(super) missing: Vec<&'static str>,
}

/// One step: what it asks, whether it is met, and for how long.
#[derive(Debug, Default, Serialize)]
pub(super) struct StepView {
    pub(super) priority: &'static str,
    /// What is compared: a sign, a score, or words.
    pub(super) what: String,
    pub(super) comparison: &'static str,
    pub(super) limit: Option<f64>,
    pub(super) unit: &'static str,
    /// `rule` or `patient`: whose limit.
    pub(super) source: &'static str,
    pub(super) delay_us: i64,
    /// By the last value; `None`: not to be said.
    pub(super) met: Option<bool>,
    pub(super) since_us: Option<i64>,
    /// From then to the last evaluated value.
    pub(super) held_us: Option<i64>,
}

impl Look {
    /// A step that has no numbers to compare.
    pub(super) fn ask(&mut self, urgency: Urgency, what: &str, delay_us: i64) {
        self.steps.push(StepView {
            priority: urgency.priority.text(),
            what: what.to_owned(),
            source: "rule",
            delay_us,
            ..StepView::default()
        });
    }
}
