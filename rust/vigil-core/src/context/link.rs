//! A device's links to patients, and a patient's context kept encoded.

use std::sync::Arc;

/// A patient's encoded `vigil.v1.Context`, shared by all devices of the patient. The bytes are those of
/// the registry, so that fields this version does not know are passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientContext {
    /// Length of the patient id (2 bytes, little endian), the patient id, the encoded context: one
    /// allocation, so that the hot path touches as little memory as possible.
    bytes: Arc<[u8]>,
}

impl PatientContext {
    /// Joins both parts; `None` when the patient id is empty or absurdly long.
    pub fn new(patient_id: &str, encoded: &[u8]) -> Option<Self> {
        let length = u16::try_from(patient_id.len()).ok().filter(|n| *n > 0)?;
        let bytes = [&length.to_le_bytes(), patient_id.as_bytes(), encoded].concat();
        Some(Self {
            bytes: bytes.into(),
        })
    }

    /// The patient's id and the encoded context.
    #[inline]
    pub fn parts(&self) -> (&str, &[u8]) {
        let split = self
            .bytes
            .split_first_chunk::<2>()
            .and_then(|(n, rest)| rest.split_at_checked(usize::from(u16::from_le_bytes(*n))));
        let (patient_id, encoded) = split.unwrap_or_default();
        (std::str::from_utf8(patient_id).unwrap_or_default(), encoded)
    }

    /// What it is interned by.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether nothing but the interning table holds it.
    pub(super) fn is_unused(&self) -> bool {
        Arc::strong_count(&self.bytes) == 1
    }
}

/// The device belonged to a patient for event times in `[from_us, to_us)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// First event time, µs.
    pub from_us: i64,
    /// First event time after it, µs; 0 = open.
    pub to_us: i64,
    /// Whose.
    pub patient: PatientContext,
}

impl Link {
    #[inline]
    fn holds(&self, event_time_us: i64) -> bool {
        self.from_us <= event_time_us && (self.to_us == 0 || event_time_us < self.to_us)
    }
}

/// All links of a device. Nearly every device has one; that one is kept in place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Links {
    /// Never linked, or not known to the registry.
    #[default]
    None,
    /// The usual case.
    One(Link),
    /// Ascending by `from_us`.
    Many(Box<[Link]>),
}

impl Links {
    /// Links in any order.
    pub fn new(mut links: Vec<Link>) -> Self {
        if links.len() > 1 {
            links.sort_by_key(|link| link.from_us);
            return Self::Many(links.into());
        }
        links.pop().map_or(Self::None, Self::One)
    }

    /// Whose the device was at `event_time_us`. The registry keeps links apart; should two overlap, the
    /// one that began last holds.
    #[inline]
    pub fn at(&self, event_time_us: i64) -> Option<&PatientContext> {
        let found = match self {
            Self::None => None,
            Self::One(link) => Some(link).filter(|link| link.holds(event_time_us)),
            Self::Many(links) => links.iter().rev().find(|link| link.holds(event_time_us)),
        };
        found.map(|link| &link.patient)
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn link(from_us: i64, to_us: i64, patient_id: &str) -> Link {
        let patient = PatientContext::new(patient_id, b"context").unwrap();
        Link {
            from_us,
            to_us,
            patient,
        }
    }

    fn at(links: &Links, t: i64) -> Option<&str> {
        links.at(t).map(|patient| patient.parts().0)
    }

    #[test]
    fn a_link_holds_from_its_start_to_just_before_its_end() {
        let links = Links::new(vec![link(20, 0, "b"), link(10, 15, "a")]);
        let expected = [
            (9, None),
            (10, Some("a")),
            (14, Some("a")),
            (15, None),
            (20, Some("b")),
            (i64::MAX, Some("b")),
        ];
        for (t, patient) in expected {
            assert_eq!(at(&links, t), patient, "at {t}");
        }
        assert_eq!(at(&Links::new(vec![link(10, 15, "a")]), 15), None);
        assert_eq!(at(&Links::default(), 0), None);
    }

    #[test]
    fn the_parts_come_back() {
        let patient = PatientContext::new("p", b"xyz").unwrap();
        assert_eq!(patient.parts(), ("p", &b"xyz"[..]));
        assert_eq!(PatientContext::new("", b"xyz"), None);
    }
}
