//! All that is wrong with a request, item by item, bounded: a hostile body never makes a huge answer.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::error::ErrorCode;

/// Most problems that are listed; beyond it only the first one of each item is kept.
pub const LISTED_MAX: usize = 1000;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Index of the item.
    pub item: usize,
    /// What kind.
    pub code: ErrorCode,
    /// Path from the body's root: `[3].metrics.hr`.
    pub field: String,
    /// A sentence for a person. It never quotes a value.
    pub message: &'static str,
}

/// Collects problems while a request is read.
#[derive(Debug, Default)]
pub struct Problems {
    /// What is listed.
    pub list: Vec<Problem>,
    /// How often each code came up, listed or not.
    pub counts: BTreeMap<&'static str, u64>,
    /// How many are not listed.
    pub omitted: u64,
    item: usize,
    in_array: bool,
    of_item: u64,
}

impl Problems {
    /// Problems from here on are those of item `index`; paths start with `[index]` in an array.
    #[inline]
    pub fn start(&mut self, index: usize, in_array: bool) {
        self.item = index;
        self.in_array = in_array;
        self.of_item = 0;
    }

    /// How many the current item has.
    #[inline]
    pub fn of_item(&self) -> u64 {
        self.of_item
    }

    /// Adds one. `field` is the path inside the item and only formatted when it is listed.
    #[cold]
    pub fn add(&mut self, code: ErrorCode, field: fmt::Arguments<'_>, message: &'static str) {
        self.of_item += 1;
        *self.counts.entry(code.code()).or_insert(0) += 1;
        if self.list.len() >= LISTED_MAX && self.of_item > 1 {
            self.omitted += 1;
            return;
        }
        let mut path = String::new();
        if self.in_array {
            let _ = write!(path, "[{}]", self.item);
        }
        let root = path.len();
        let _ = write!(path, "{field}");
        if root > 0 && path.len() > root {
            path.insert(root, '.');
        }
        self.list.push(Problem {
            item: self.item,
            code,
            field: path,
            message,
        });
    }

    /// The problems of item `index`; items were started in ascending order.
    pub fn of(&self, index: usize) -> &[Problem] {
        let start = self.list.partition_point(|p| p.item < index);
        let end = self.list.partition_point(|p| p.item <= index);
        self.list.get(start..end).unwrap_or_default()
    }
}

/// A name from the request, as it may stand in a path: short, and without what would break a line.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a>(pub &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars().take(64) {
            f.write_char(if c.is_control() { '\u{fffd}' } else { c })?;
        }
        Ok(())
    }
}
