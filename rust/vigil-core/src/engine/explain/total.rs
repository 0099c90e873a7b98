//! A score as of now.

use crate::rules::kinds::ScoreKind;
use crate::rules::other_scores;

use super::super::warning;
use super::view::ScoreView;
use super::Now;

impl Now<'_> {
    /// `None` where it does not apply, or nothing is known.
    pub(super) fn total(&self, kind: ScoreKind) -> Option<ScoreView> {
        if kind == ScoreKind::News2 {
            self.news2()
        } else {
            self.other(kind)
        }
    }

    fn news2(&self) -> Option<ScoreView> {
        let (known, profile) = (&self.state.known, &self.state.profile);
        let warning = warning::evaluate(known, profile, self.at_us, false, self.state.warned_us);
        let news2 = warning.news2?;
        let any = news2.subscores.iter().any(|(_, points)| points.is_some());
        any.then(|| ScoreView {
            name: "news2",
            total: f64::from(news2.total),
            partial: news2.partial,
            single_three: news2.single_three,
            missing: news2.missing().map(|input| input.sign().field()).collect(),
        })
    }

    fn other(&self, kind: ScoreKind) -> Option<ScoreView> {
        let (known, profile) = (&self.state.known, &self.state.profile);
        let total = other_scores::make(kind, known, profile, self.at_us);
        let there = || total.inputs.iter().filter(|input| !input.name.is_empty());
        let any = there().any(|input| input.points.is_some());
        // A shock index of one input is none.
        let ratio = kind.whole() || !total.partial;
        (any && ratio).then(|| ScoreView {
            name: kind.name(),
            total: total.value,
            partial: total.partial,
            single_three: false,
            missing: there()
                .filter(|input| input.points.is_none())
                .map(|input| input.name)
                .collect(),
        })
    }
}
