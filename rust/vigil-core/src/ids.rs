//! Deterministic ids: the same facts always give the same 16 bytes.
//!
//! An id is the XXH3-128 hash of length-prefixed parts, stamped as an RFC 9562 UUID of version 8.
//! A retry therefore is a duplicate and not a new fact (see the ADR on ids).

use xxhash_rust::xxh3::{xxh3_128, xxh3_64, Xxh3};

/// Sixteen raw bytes of a UUID.
pub type Id = [u8; 16];

/// The `stage` argument of [`derive_stage`]: each service's hyphenated name, as in `topology.py`.
pub mod stage {
    #![allow(missing_docs)]
    pub const NORMALIZER: &str = "telemetry-normalizer";
    pub const ENRICHMENT: &str = "telemetry-enrichment";
    pub const RULES: &str = "rules-engine";
}

/// Hashes `domain` and `parts`, each preceded by its length as 4 little-endian bytes.
pub fn derive(domain: &str, parts: &[&[u8]]) -> Id {
    let all = || std::iter::once(domain.as_bytes()).chain(parts.iter().copied());
    // The streaming hasher has a large state; what is short is hashed at once, to the same digest.
    let mut buffer = [0u8; 256];
    let mut length = 0;
    for part in all() {
        let end = length + 4 + part.len();
        let Some((head, tail)) = buffer
            .get_mut(length..end)
            .and_then(|b| b.split_at_mut_checked(4))
        else {
            return derive_long(all());
        };
        head.copy_from_slice(&(part.len() as u32).to_le_bytes());
        tail.copy_from_slice(part);
        length = end;
    }
    stamp(xxh3_128(buffer.get(..length).unwrap_or_default()))
}

fn derive_long<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Id {
    let mut hasher = Xxh3::new();
    for part in parts {
        hasher.update(&(part.len() as u32).to_le_bytes());
        hasher.update(part);
    }
    stamp(hasher.digest128())
}

/// The id of the event that `stage` makes from the event `source`: hash of 16 + len bytes.
pub fn derive_stage(source: &Id, stage: &str) -> Id {
    let mut buffer = [0u8; 48];
    let stage = stage.as_bytes();
    let length = stage.len().min(32);
    let (head, tail) = buffer.split_at_mut(16);
    head.copy_from_slice(source);
    if let (Some(to), Some(from)) = (tail.get_mut(..length), stage.get(..length)) {
        to.copy_from_slice(from);
    }
    stamp(xxh3_128(buffer.get(..16 + length).unwrap_or(&buffer)))
}

/// The partition of a device or patient key: `xxh3_64(key) % partitions`.
pub fn partition_of(key: &str, partitions: u32) -> u32 {
    (xxh3_64(key.as_bytes()) % u64::from(partitions.max(1))) as u32
}

/// The text form `8-4-4-4-12`.
pub fn to_text(id: &Id) -> String {
    let mut text = String::with_capacity(36);
    for (i, byte) in id.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        push_hex(&mut text, *byte);
    }
    text
}

/// The 32 hexadecimal digits of a W3C trace id.
pub fn to_hex(id: &Id) -> String {
    let mut text = String::with_capacity(32);
    for byte in id {
        push_hex(&mut text, *byte);
    }
    text
}

#[inline]
fn push_hex(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for nibble in [byte >> 4, byte & 15] {
        text.push(char::from(
            DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'),
        ));
    }
}

fn stamp(hash: u128) -> Id {
    let mut id = hash.to_be_bytes();
    id[6] = (id[6] & 0x0f) | 0x80;
    id[8] = (id[8] & 0x3f) | 0x80;
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_separated() {
        assert_ne!(derive("d", &[b"ab", b"c"]), derive("d", &[b"a", b"bc"]));
        assert_eq!(derive("d", &[b"ab"]), derive("d", &[b"ab"]));
    }

    #[test]
    fn short_and_long_parts_hash_alike() {
        for length in [0, 1, 100, 243, 244, 245, 246, 247, 248, 300] {
            let part = vec![7u8; length];
            let long = derive_long([b"d".as_slice(), &part].into_iter());
            assert_eq!(derive("d", &[&part]), long, "{length}");
        }
    }

    #[test]
    fn an_id_is_a_version_8_uuid() {
        let text = to_text(&derive("d", &[b"x"]));
        assert_eq!(text.len(), 36);
        assert_eq!(text.as_bytes()[14], b'8');
        assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }

    #[test]
    fn partitions_are_stable() {
        assert_eq!(partition_of("device-1", 4), partition_of("device-1", 4));
        assert!(partition_of("device-1", 4) < 4);
    }
}
