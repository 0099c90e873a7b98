//! Trace ids: from a W3C `traceparent`, else derived. Never random: a retry has the same trace.

use crate::ids::{self, Id};

/// The trace id of a valid `traceparent` (`00-<32 hex>-<16 hex>-<2 hex>`, later versions may go on).
pub fn from_traceparent(header: &str) -> Option<Id> {
    let mut parts = header.trim_ascii().split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let version = hex::<1>(version)?;
    if version == [0xff] || (version == [0] && parts.next().is_some()) {
        return None;
    }
    hex::<1>(flags)?;
    let (trace, parent) = (hex::<16>(trace)?, hex::<8>(parent)?);
    (trace != [0; 16] && parent != [0; 8]).then_some(trace)
}

/// The trace id of an event that came without one.
pub fn of_event(event_id: &Id) -> Id {
    ids::derive_stage(event_id, "trace")
}

/// The trace id of a request that is refused as a whole.
pub fn of_body(traceparent: Option<&str>, body: &[u8]) -> Id {
    let given = traceparent.and_then(from_traceparent);
    given.unwrap_or_else(|| ids::derive("problem", &[body]))
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0u8; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for &digit in pair {
            let nibble = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = *byte << 4 | nibble;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_headers_give_an_id() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(
            from_traceparent(good).map(|id| ids::to_hex(&id)).as_deref(),
            Some("4bf92f3577b34da6a3ce929d0e0e4736")
        );
        assert!(
            from_traceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what")
                .is_some()
        );
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(from_traceparent(bad), None, "{bad}");
        }
    }
}
