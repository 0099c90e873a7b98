//! Bands of a score's table, and the rounding to chart resolution that comes before banding.

/// One column of a score's table: values up to and including `up_to` give `points`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// Inclusive upper end, counted in chart steps (36.1 °C at a resolution of 0.1 is 361).
    pub up_to: i64,
    /// What a value in the band scores.
    pub points: u8,
}

/// The band that ends at `up_to` chart steps.
pub const fn up_to(up_to: i64, points: u8) -> Band {
    Band { up_to, points }
}

/// The last band of a table: all that is higher.
pub const fn above(points: u8) -> Band {
    Band {
        up_to: i64::MAX,
        points,
    }
}

/// How far from a half-step, in chart steps, still is one: unit conversion leaves such dust
/// (36.05 °C arrives as 36.04999999999999).
const HALF_STEP_TOLERANCE: f64 = 1e-6;

/// Points of `value` in `bands` (ascending), after rounding to `steps_per_unit` chart steps; a value
/// halfway between two steps takes the more abnormal of both. `None` for a value that is not finite.
#[inline]
pub fn points(bands: &[Band], value: f64, steps_per_unit: f64) -> Option<u8> {
    if !value.is_finite() {
        return None;
    }
    let steps = value * steps_per_unit;
    let lower = floor(steps);
    let above_half = steps - lower as f64 - 0.5;
    let upper = lower.saturating_add(1);
    let nearest = if above_half < 0.0 { lower } else { upper };
    let points = at(bands, nearest);
    Some(if above_half.abs() < HALF_STEP_TOLERANCE {
        points.max(at(bands, lower)).max(at(bands, upper))
    } else {
        points
    })
}

/// The whole number nearest to `value`, twice; halfway between two, the lower and the upper. `None` for a value that
/// is not finite.
#[inline]
pub fn nearest(value: f64) -> Option<(i64, i64)> {
    if !value.is_finite() {
        return None;
    }
    let lower = floor(value);
    let above_half = value - lower as f64 - 0.5;
    let upper = lower.saturating_add(1);
    Some(if above_half.abs() < HALF_STEP_TOLERANCE {
        (lower, upper)
    } else if above_half < 0.0 {
        (lower, lower)
    } else {
        (upper, upper)
    })
}

/// The next lower integer; saturates. (`f64::floor` is a library call on the x86-64 that we build for.)
#[inline]
fn floor(x: f64) -> i64 {
    let towards_zero = x as i64;
    towards_zero.saturating_sub(i64::from(towards_zero as f64 > x))
}

/// Counts the bands below instead of looking for the first that fits: patients differ, so the end of such a search is
/// guessed wrongly half of the time, which costs more than all comparisons.
#[inline]
fn at(bands: &[Band], step: i64) -> u8 {
    let below = bands.iter().filter(|band| step > band.up_to).count();
    bands.get(below).map_or(0, |band| band.points)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Band] = &[up_to(8, 3), up_to(11, 1), up_to(20, 0), above(2)];

    #[test]
    fn a_value_between_two_steps_goes_to_the_nearer() {
        assert_eq!(points(TABLE, 8.4, 1.0), Some(3));
        assert_eq!(points(TABLE, 8.6, 1.0), Some(1));
        assert_eq!(points(TABLE, 20.4, 1.0), Some(0));
        assert_eq!(points(TABLE, 20.6, 1.0), Some(2));
    }

    #[test]
    fn a_half_step_takes_the_more_abnormal_band() {
        assert_eq!(points(TABLE, 8.5, 1.0), Some(3));
        assert_eq!(points(TABLE, 11.5, 1.0), Some(1));
        assert_eq!(points(TABLE, 20.5, 1.0), Some(2));
        assert_eq!(points(TABLE, 20.499_999_999_9, 1.0), Some(2));
    }

    #[test]
    fn what_is_not_a_number_has_no_points() {
        assert_eq!(points(TABLE, f64::NAN, 1.0), None);
        assert_eq!(points(TABLE, f64::INFINITY, 1.0), None);
        assert_eq!(points(TABLE, f64::MAX, 1.0), Some(2));
        assert_eq!(points(TABLE, -f64::MAX, 1.0), Some(3));
    }
}
