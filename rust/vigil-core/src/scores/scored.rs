//! What the scores share: risk, the sum of what is known, and the table as the documentation shows it.

use super::{Band, Consciousness};

/// How urgent the response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Risk {
    /// Not one input is known: nothing may be said.
    Unknown,
    /// Below every threshold of the score.
    Low,
    /// NEWS2 only: 3 in a single parameter.
    LowMedium,
    /// A first threshold.
    Medium,
    /// The score's highest threshold.
    High,
}

impl Risk {
    /// The word in events.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Low => "low",
            Self::LowMedium => "low-medium",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// An input's field with its points; `None` = missing, never 0.
pub type Subscore = (&'static str, Option<u8>);

/// A score of `N` inputs. When `partial`, `total` and `risk` are lower bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scored<const N: usize> {
    /// Sum of the known sub-scores.
    pub total: u8,
    /// Whether an input is missing.
    pub partial: bool,
    /// Each input with its points, in the order of the table.
    pub subscores: [Subscore; N],
    /// High from the score's threshold on.
    pub risk: Risk,
}

impl<const N: usize> Scored<N> {
    /// Sums what is known; the risk is high from `high_from` points on.
    #[inline]
    pub fn sum(subscores: [Subscore; N], high_from: u8) -> Self {
        let known = || subscores.iter().filter_map(|(_, points)| *points);
        let total = known().fold(0, u8::saturating_add);
        let count = known().count();
        Self {
            total,
            partial: count < N,
            subscores,
            risk: match total {
                _ if count == 0 => Risk::Unknown,
                _ if total >= high_from => Risk::High,
                _ => Risk::Low,
            },
        }
    }

    /// The fields that could not be scored.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.subscores
            .iter()
            .filter(|(_, points)| points.is_none())
            .map(|(field, _)| *field)
    }
}

/// One input's row of a score's table, as data for the documentation.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The input's field.
    pub field: &'static str,
    /// When this row is the one that counts; empty = always.
    pub when: &'static str,
    /// UCUM unit; empty for levels.
    pub unit: &'static str,
    /// Chart steps per unit (10 for tenths).
    pub steps_per_unit: f64,
    /// Bands of numbers, ascending.
    pub bands: &'static [Band],
    /// Points of named levels, the best first.
    pub levels: &'static [(&'static str, u8)],
}

impl Row {
    /// A row of numbers.
    pub const fn of(field: &'static str, unit: &'static str, bands: &'static [Band]) -> Self {
        Self {
            field,
            when: "",
            unit,
            steps_per_unit: 1.0,
            bands,
            levels: &[],
        }
    }

    /// A row of levels.
    pub const fn levels(field: &'static str, levels: &'static [(&'static str, u8)]) -> Self {
        Self {
            levels,
            ..Self::of(field, "", &[])
        }
    }

    /// The same, charted in tenths.
    #[must_use]
    pub const fn tenths(self) -> Self {
        Self {
            steps_per_unit: 10.0,
            ..self
        }
    }

    /// The same, for one case only.
    #[must_use]
    pub const fn when(self, when: &'static str) -> Self {
        Self { when, ..self }
    }
}

/// Points of a level of consciousness in a table of letters.
#[inline]
pub fn of_level(levels: &[(&str, u8)], level: Consciousness) -> Option<u8> {
    levels
        .iter()
        .find(|(letter, _)| *letter == level.letter())
        .map(|(_, points)| *points)
}

/// What a total asks for.
#[derive(Debug, Clone, Copy)]
pub struct Guidance {
    /// The lowest total it holds for (NEWS2's single three: any total of that risk).
    pub from: u8,
    /// The risk it holds for.
    pub risk: Risk,
    /// How often to observe.
    pub monitoring: &'static str,
    /// Who does what.
    pub response: &'static str,
}

/// Said where nothing is known.
pub const UNKNOWN: Guidance = Guidance {
    from: 0,
    risk: Risk::Unknown,
    monitoring: "unknown: not one input is known",
    response: "measure what is missing; nothing may be concluded",
};

/// The guidance for a total of this risk: the last of `table` that both reach.
pub fn guidance(table: &'static [Guidance], total: u8, risk: Risk) -> &'static Guidance {
    table
        .iter()
        .rev()
        .find(|g| g.risk == risk && total >= g.from)
        .unwrap_or(&UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_neither_zero_nor_silent() {
        let scored = Scored::sum([("a", Some(2)), ("b", None)], 2);
        assert_eq!(
            (scored.total, scored.partial, scored.risk),
            (2, true, Risk::High)
        );
        assert_eq!(scored.missing().collect::<Vec<_>>(), ["b"]);
        let nothing = Scored::sum([("a", None)], 0);
        assert_eq!(nothing.risk, Risk::Unknown);
    }
}
