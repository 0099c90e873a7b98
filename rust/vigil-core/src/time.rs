//! Timestamps: RFC 3339 (ISO 8601 with an offset) and epoch milliseconds, in microseconds UTC.

/// Microseconds of a second.
pub const SECOND_US: i64 = 1_000_000;
/// Microseconds of a day.
pub const DAY_US: i64 = 86_400 * SECOND_US;
/// 2000-01-01T00:00:00Z: no live device reports an earlier time.
pub const EARLIEST_US: i64 = 946_684_800 * SECOND_US;
/// A device's clock may lead by this much and no more.
pub const LEAD_MAX_US: i64 = DAY_US;
/// A lead of more than this is flagged as clock skew.
pub const SKEW_US: i64 = 60 * SECOND_US;

/// Whether a device may report `event_time_us` at `ingest_time_us`.
#[inline]
pub fn in_range(event_time_us: i64, ingest_time_us: i64) -> bool {
    event_time_us >= EARLIEST_US && event_time_us <= ingest_time_us.saturating_add(LEAD_MAX_US)
}

/// Reads `2026-01-31T08:15:30.250+01:00`; digits beyond the microsecond are cut off, a leap second counts as
/// the first second of the next minute. `None` without an offset or for a day that does not exist.
pub fn parse_iso(text: &str) -> Option<i64> {
    let (head, tail) = text.as_bytes().split_first_chunk::<19>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b't' | b' ', h1, h2, b':', n1, n2, b':', s1, s2] =
        *head
    else {
        return None;
    };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    let leap = second == 60 && minute == 59;
    if !(1..=12).contains(&month)
        || day < 1
        || day > days_of(year, month)
        || hour > 23
        || minute > 59
        || (second > 59 && !leap)
    {
        return None;
    }
    let (fraction_us, zone) = fraction(tail)?;
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some((seconds - offset_s(zone)?) * SECOND_US + fraction_us)
}

/// Reads an integer of epoch milliseconds.
pub fn parse_epoch_ms(text: &str) -> Option<i64> {
    text.parse::<i64>().ok()?.checked_mul(1000)
}

/// Writes `2026-01-31T07:15:30.250000Z`.
pub fn format_iso(time_us: i64) -> String {
    let (days, rest) = (time_us.div_euclid(DAY_US), time_us.rem_euclid(DAY_US));
    let (year, month, day) = civil(days);
    let (seconds, micros) = (rest / SECOND_US, rest % SECOND_US);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

#[inline]
fn two(a: u8, b: u8) -> Option<i64> {
    (a.is_ascii_digit() && b.is_ascii_digit())
        .then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'))
}

fn fraction(tail: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', digits)) = tail.split_first() else {
        return Some((0, tail));
    };
    let length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, zone) = digits.split_at_checked(length)?;
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let padded = digits
        .iter()
        .map(|b| i64::from(b - b'0'))
        .chain(std::iter::repeat(0));
    Some((padded.take(6).fold(0, |sum, digit| sum * 10 + digit), zone))
}

fn offset_s(zone: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match *zone {
        [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2] => (sign, two(h1, h2)?, 0),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => (sign, two(h1, h2)?, two(m1, m2)?),
        _ => return None,
    };
    let seconds = (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar (years counted from March).
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn offsets_fractions_and_leap_days() {
        let at = parse_iso("2026-01-31T08:15:30.250+01:00");
        assert_eq!(at, parse_iso("2026-01-31T07:15:30.25Z"));
        assert_eq!(at, Some(1_769_843_730_250_000));
        assert_eq!(
            parse_iso("2000-02-29T00:00:00Z"),
            Some(EARLIEST_US + 59 * DAY_US)
        );
        assert_eq!(
            parse_iso("2016-12-31T23:59:60Z"),
            parse_iso("2017-01-01T00:00:00Z")
        );
        assert_eq!(
            parse_iso("2026-01-31T08:15:30.123456789Z").map(|t| t % SECOND_US),
            Some(123_456)
        );
    }

    #[test]
    fn what_is_not_a_point_in_time_is_refused() {
        for text in [
            "",
            "2026-01-31T08:15:30",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T08:15:61Z",
            "2026-01-31T08:15:30.Z",
            "2026-01-31T08:15:30+24:00",
            "2026-01-31T08:15Z",
            "2026-01-31T08:15:30+1",
            "2100-02-29T00:00:00Z",
            "٢026-01-31T08:15:30Z",
            "2026-01-31T08:15:30Zjunk",
        ] {
            assert_eq!(parse_iso(text), None, "{text}");
        }
        assert_eq!(parse_epoch_ms("1700000000000"), Some(1_700_000_000_000_000));
        assert_eq!(parse_epoch_ms("9223372036854775807"), None);
    }

    proptest! {
        #[test]
        fn what_is_formatted_is_parsed(time_us in 0i64..4_102_444_800_000_000) {
            prop_assert_eq!(parse_iso(&format_iso(time_us)), Some(time_us));
        }
    }
}
