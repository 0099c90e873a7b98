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
    text_bytes(id).iter().map(|b| char::from(*b)).collect()
}

/// The ASCII bytes of [`to_text`].
pub fn text_bytes(id: &Id) -> [u8; 36] {
    let mut digits = [0u8; 32];
    for (group, word) in digits.chunks_exact_mut(8).zip(id.chunks_exact(4)) {
        group.copy_from_slice(&eight_hex(word));
    }
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&digits[..8]);
    text[9..13].copy_from_slice(&digits[8..12]);
    text[14..18].copy_from_slice(&digits[12..16]);
    text[19..23].copy_from_slice(&digits[16..20]);
    text[24..].copy_from_slice(&digits[20..]);
    text
}

/// The eight digits of four bytes, made side by side: a byte each.
#[inline]
fn eight_hex(bytes: &[u8]) -> [u8; 8] {
    let word = bytes.try_into().map_or(0, u32::from_be_bytes);
    let nibbles = u64::from(word);
    let nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff;
    let nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // A nibble from 10 on overflows into bit 4 when 6 is added: it is a letter.
    let letters = (nibbles + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (nibbles + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10)).to_be_bytes()
}

/// The 32 hexadecimal digits of a W3C trace id.
pub fn to_hex(id: &Id) -> String {
    let digits = id.chunks_exact(4).flat_map(eight_hex);
    digits.map(char::from).collect()
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
    fn ids_in_hexadecimal() {
        let id: Id = std::array::from_fn(|i| (i * 17) as u8 ^ 0x0f);
        let digits = format!("{:032x}", u128::from_be_bytes(id));
        assert_eq!(to_hex(&id), digits);
        assert_eq!(to_text(&id).replace('-', ""), digits);
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
