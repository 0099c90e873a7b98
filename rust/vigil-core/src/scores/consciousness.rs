//! Level of consciousness on the ACVPU scale.

/// Alert, new Confusion, responds to Voice, to Pain, Unresponsive. Numbers as `SIGN_CONSCIOUSNESS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Consciousness {
    /// A: alert.
    Alert = 0,
    /// C: new confusion.
    Confusion = 1,
    /// V: responds to voice.
    Voice = 2,
    /// P: responds to pain.
    Pain = 3,
    /// U: unresponsive.
    Unresponsive = 4,
}

impl Consciousness {
    /// All levels, the best first.
    pub const ALL: [Self; 5] = [
        Self::Alert,
        Self::Confusion,
        Self::Voice,
        Self::Pain,
        Self::Unresponsive,
    ];

    /// The level of a canonical value (0 … 4); `None` for any other number.
    #[inline]
    pub fn from_value(value: f64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|level| f64::from(*level as u8) == value)
    }

    /// The level of its letter, upper case.
    pub fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.letter() == letter)
    }

    /// Its letter.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Alert => "A",
            Self::Confusion => "C",
            Self::Voice => "V",
            Self::Pain => "P",
            Self::Unresponsive => "U",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_letters_name_the_same_levels() {
        for (number, level) in Consciousness::ALL.into_iter().enumerate() {
            assert_eq!(Consciousness::from_value(number as f64), Some(level));
            assert_eq!(Consciousness::from_letter(level.letter()), Some(level));
        }
        for other in [-1.0, 0.5, 5.0, f64::NAN] {
            assert_eq!(Consciousness::from_value(other), None);
        }
        assert_eq!(Consciousness::from_letter("X"), None);
    }
}
