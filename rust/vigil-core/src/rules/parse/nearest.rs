//! "Did you mean": the known word that is nearest to a mistyped one.

/// More characters than this are not compared.
const LENGTH_MAX: usize = 64;

/// The word nearest to `word`, if one is near: a third of its letters may be wrong, and two in any case.
pub fn nearest<'w>(word: &str, words: &[&'w str]) -> Option<&'w str> {
    if word.chars().count() > LENGTH_MAX {
        return None;
    }
    let allowed = (word.chars().count() / 3).max(2);
    let distances = words.iter().map(|known| (distance(word, known), *known));
    let (distance, known) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= allowed && distance < known.chars().count()).then_some(known)
}

/// Letters to insert, drop or change.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut last = i + 1;
        let mut before = i;
        let mut next = vec![last];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            last = (before + usize::from(from != *to))
                .min(above + 1)
                .min(last + 1);
            before = *above;
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("limit", "limt", 1),
            ("kitten", "sitting", 3),
            ("heart_rate", "hart_rate", 1),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected));
        }
    }

    #[test]
    fn only_what_is_near_is_meant() {
        let words = ["heart_rate", "spo2", "systolic"];
        assert_eq!(nearest("hartrate", &words), Some("heart_rate"));
        assert_eq!(nearest("sp02", &words), Some("spo2"));
        assert_eq!(nearest("blood", &words), None);
        assert_eq!(nearest("x", &["id"]), None);
    }
}
