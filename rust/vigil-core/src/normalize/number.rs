//! A number's text as a double.

/// Reads `text` by JSON's grammar and nothing more: no blanks, no sign `+`, no `NaN`, no bare point. `None` when
/// it is not such a number; infinite when it is too large for a double.
#[inline]
pub fn parse(text: &str) -> Option<f64> {
    // Up to 15 digits with up to 15 of them behind the point: the digits and the power of ten are exact
    // doubles, so one division rounds correctly.
    const POWERS: [f64; 16] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if let ([b'0', b'0'..=b'9', ..] | [b'.', ..] | [], _) | (_, [.., b'.']) = (digits, digits) {
        return None;
    }
    if digits.len() > 16 {
        return slow(text);
    }
    let (mut mantissa, mut point) = (0u64, None);
    for (i, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(i),
            _ => return slow(text),
        }
    }
    let decimals = point.map_or(0, |at| digits.len() - at - 1);
    if mantissa >= 1 << 53 {
        return slow(text);
    }
    let magnitude = mantissa as f64 / POWERS.get(decimals)?;
    Some(if negative { -magnitude } else { magnitude })
}

/// Exponents and long numbers. Rust's own parser takes more than JSON does, so the letters are checked.
#[cold]
fn slow(text: &str) -> Option<f64> {
    let digit = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_digit());
    let mut previous = None;
    for byte in text.bytes() {
        let fits = match byte {
            b'0'..=b'9' => true,
            b'-' => matches!(previous, None | Some(b'e' | b'E')),
            b'+' => matches!(previous, Some(b'e' | b'E')),
            b'.' | b'e' | b'E' => digit(previous),
            _ => false,
        };
        if !fits {
            return None;
        }
        previous = Some(byte);
    }
    if !digit(previous) || text.contains(".e") || text.contains(".E") {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_numbers_are_numbers() {
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "+5",
            " 5",
            "5 ",
            "0x10",
            "NaN",
            "nan",
            "inf",
            "Infinity",
            "-Infinity",
            "1e",
            "1e+",
            "01",
            "-01",
            "1..2",
            "1.2.3",
            "1e5.0",
            "--1",
            "1_000",
            "98%",
            "٣",
            "1e5e5",
            "-.5",
            "1.e5",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("1e999"), Some(f64::INFINITY));
        assert_eq!(parse("-0"), Some(0.0));
        assert_eq!(parse("9007199254740993"), Some(9007199254740992.0));
        assert_eq!(parse("1E+2"), Some(100.0));
    }

    proptest! {
        #[test]
        fn the_same_double_as_the_standard_parser(text in r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?") {
            prop_assert_eq!(parse(&text).map(f64::to_bits), text.parse::<f64>().ok().map(f64::to_bits));
        }
    }
}
