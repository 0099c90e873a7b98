//! JSON's strings: where they end, and what their escapes mean.

use super::json::{malformed, Fault};

/// Bytes before the first quote, backslash or control character: eight at a time.
#[inline]
pub fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut length = 0;
    let mut rest = bytes;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * u64::from(b'"'));
        let slash = word ^ (ONES * u64::from(b'\\'));
        let hit = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let hit = hit & HIGHS;
        if hit != 0 {
            // A borrow may set false hits above the first true one, never below it.
            return length + (hit.trailing_zeros() / 8) as usize;
        }
        length += 8;
        rest = tail;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\') || *byte < 0x20;
    length + rest.iter().position(special).unwrap_or(rest.len())
}

/// Reads a string with escapes that starts at `start` of `body`, its first escape at `at`. Returns the text, or
/// `None` where it is not text (a lone surrogate), and the position behind the closing quote.
#[cold]
pub fn unescape(body: &str, start: usize, mut at: usize) -> Result<(Option<String>, usize), Fault> {
    let bytes = body.as_bytes();
    let mut text = String::from(body.get(start..at).unwrap_or_default());
    let mut is_text = true;
    loop {
        let plain = at;
        at += plain_length(bytes.get(at..).unwrap_or_default());
        text.push_str(body.get(plain..at).unwrap_or_default());
        match bytes.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {}
            Some(_) => return Err(malformed(at, "a control character inside a string")),
            None => return Err(malformed(at, "a string without its end")),
        }
        let escape = bytes.get(at + 1).copied();
        at += 2;
        match escape {
            Some(b'n') => text.push('\n'),
            Some(b't') => text.push('\t'),
            Some(b'r') => text.push('\r'),
            Some(b'b') => text.push('\u{8}'),
            Some(b'f') => text.push('\u{c}'),
            Some(same @ (b'"' | b'\\' | b'/')) => text.push(char::from(same)),
            Some(b'u') => {
                let mut unit = hex4(bytes, at)?;
                at += 4;
                if (0xd800..0xdc00).contains(&unit) && bytes.get(at..at + 2) == Some(b"\\u") {
                    let low = hex4(bytes, at + 2)?;
                    if (0xdc00..0xe000).contains(&low) {
                        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                        at += 6;
                    }
                }
                match char::from_u32(unit) {
                    Some(c) => text.push(c),
                    None => is_text = false,
                }
            }
            _ => return Err(malformed(at - 1, "an escape that JSON does not have")),
        }
    }
    Ok((is_text.then_some(text), at + 1))
}

fn hex4(bytes: &[u8], at: usize) -> Result<u32, Fault> {
    let digits = bytes.get(at..at + 4).unwrap_or_default();
    let text = std::str::from_utf8(digits).unwrap_or_default();
    if text.len() != 4 || text.starts_with('+') {
        return Err(malformed(at, "expected four hexadecimal digits"));
    }
    u32::from_str_radix(text, 16).map_err(|_| malformed(at, "expected four hexadecimal digits"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_position_of_a_special_byte(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let slow = bytes.iter().position(|b| matches!(b, b'"' | b'\\') || *b < 0x20).unwrap_or(bytes.len());
            prop_assert_eq!(plain_length(&bytes), slow);
        }
    }
}
