//! A table of a rule file, read field by field: every refusal names the field and gives a hint.

use toml::{Table, Value};

use super::nearest::nearest;
use crate::error::{Error, ErrorCode};

/// Refuses `field` (a path: `rule[3].steps[0].limit`).
pub fn refuse(field: &str, message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidRule, field, message)
}

/// A table with its path.
#[derive(Debug, Clone)]
pub struct Fields<'t> {
    /// Where it is: `rule[3]`; empty for the file itself.
    pub at: String,
    table: &'t Table,
}

impl<'t> Fields<'t> {
    /// The table at `at`, of which all keys must be among `keys`.
    pub fn new(at: &str, table: &'t Table, keys: &[&str]) -> Result<Self, Error> {
        let fields = Self {
            at: at.to_owned(),
            table,
        };
        for key in table.keys() {
            if !keys.contains(&key.as_str()) {
                return Err(fields.refuse(key, unknown("key", key, keys)));
            }
        }
        Ok(fields)
    }

    /// The path of `key`.
    pub fn path(&self, key: &str) -> String {
        if self.at.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.at)
        }
    }

    /// Refuses the field `key`.
    pub fn refuse(&self, key: &str, message: impl Into<String>) -> Error {
        refuse(&self.path(key), message)
    }

    /// Whether the field is there.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Refuses as missing.
    pub fn missing(&self, key: &str) -> Error {
        self.refuse(key, format!("missing: `{key}` must be given"))
    }

    fn wrong_type(&self, key: &str, expected: &str, value: &Value) -> Error {
        self.refuse(key, format!("is {}; must be {expected}", type_of(value)))
    }

    /// A text, if given.
    pub fn text(&self, key: &str) -> Result<Option<&'t str>, Error> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_type(key, "a text in quotes", other)),
        }
    }

    /// A text.
    pub fn required_text(&self, key: &str) -> Result<&'t str, Error> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// A finite number, if given.
    pub fn number(&self, key: &str) -> Result<Option<f64>, Error> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::Integer(number)) => Ok(Some(*number as f64)),
            Some(Value::Float(number)) if number.is_finite() => Ok(Some(*number)),
            Some(Value::Float(_)) => Err(self.refuse(key, "must be a finite number")),
            Some(other) => Err(self.wrong_type(key, "a number", other)),
        }
    }

    /// A finite number.
    pub fn required_number(&self, key: &str) -> Result<f64, Error> {
        self.number(key)?.ok_or_else(|| self.missing(key))
    }

    /// A number from `min` to `max`, if given.
    pub fn number_in(&self, key: &str, min: f64, max: f64) -> Result<Option<f64>, Error> {
        match self.number(key)? {
            Some(number) if !(min..=max).contains(&number) => {
                Err(self.refuse(key, format!("must be {min} to {max}")))
            }
            number => Ok(number),
        }
    }

    /// A whole number from `min` to `max`, if given.
    pub fn whole_in(&self, key: &str, min: u32, max: u32) -> Result<Option<u32>, Error> {
        match self.number(key)? {
            None => Ok(None),
            Some(n) if n.fract() == 0.0 && (f64::from(min)..=f64::from(max)).contains(&n) => {
                Ok(Some(n as u32))
            }
            Some(_) => Err(self.refuse(key, format!("must be a whole number, {min} to {max}"))),
        }
    }

    /// Seconds, `min_s` to `max_s`, as microseconds, if given.
    pub fn seconds(&self, key: &str, min_s: f64, max_s: f64) -> Result<Option<i64>, Error> {
        match self.number(key)? {
            Some(s) if !(min_s..=max_s).contains(&s) => {
                Err(self.refuse(key, format!("must be seconds, {min_s} to {max_s}")))
            }
            seconds => Ok(seconds.map(|s| (s * 1e6).round() as i64)),
        }
    }

    /// true or false; false when not given.
    pub fn flag(&self, key: &str) -> Result<bool, Error> {
        Ok(self.optional_flag(key)?.unwrap_or(false))
    }

    /// true or false, if given.
    pub fn optional_flag(&self, key: &str) -> Result<Option<bool>, Error> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::Boolean(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong_type(key, "true or false", other)),
        }
    }

    /// One of `words`, if given: its index.
    pub fn word(&self, key: &str, words: &[&str]) -> Result<Option<usize>, Error> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        words
            .iter()
            .position(|word| *word == text)
            .map(Some)
            .ok_or_else(|| self.refuse(key, unknown("value", text, words)))
    }

    /// One of `words`: its index.
    pub fn required_word(&self, key: &str, words: &[&str]) -> Result<usize, Error> {
        self.word(key, words)?.ok_or_else(|| self.missing(key))
    }

    /// A list, if given.
    fn list(&self, key: &str) -> Result<&'t [Value], Error> {
        match self.table.get(key) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(self.wrong_type(key, "a list in [ ]", other)),
        }
    }

    /// A list of texts that are not empty; none when not given.
    pub fn texts(&self, key: &str) -> Result<Vec<&'t str>, Error> {
        let mut texts = Vec::new();
        for (i, value) in self.list(key)?.iter().enumerate() {
            match value {
                Value::String(text) if !text.is_empty() => texts.push(text.as_str()),
                _ => {
                    let field = format!("{}[{i}]", self.path(key));
                    return Err(refuse(
                        &field,
                        format!("is {}; must be a text in quotes", type_of(value)),
                    ));
                }
            }
        }
        Ok(texts)
    }

    /// The tables of a list; none when not given.
    pub fn tables(&self, key: &str) -> Result<Vec<(String, &'t Table)>, Error> {
        let mut tables = Vec::new();
        for (i, value) in self.list(key)?.iter().enumerate() {
            let at = format!("{}[{i}]", self.path(key));
            match value {
                Value::Table(table) => tables.push((at, table)),
                other => {
                    return Err(refuse(
                        &at,
                        format!("is {}; must be a table in {{ }}", type_of(other)),
                    ))
                }
            }
        }
        Ok(tables)
    }

    /// A table, if given, with its keys among `keys`.
    pub fn table(&self, key: &str, keys: &[&str]) -> Result<Option<Fields<'t>>, Error> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::Table(table)) => Fields::new(&self.path(key), table, keys).map(Some),
            Some(other) => Err(self.wrong_type(key, "a table in { }", other)),
        }
    }
}

/// What is said of a word that is not among `words`.
pub fn unknown(what: &str, word: &str, words: &[&str]) -> String {
    match nearest(word, words) {
        Some(near) => format!("unknown {what} '{word}'; did you mean '{near}'?"),
        None => format!("unknown {what} '{word}'; there are {}", words.join(", ")),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::String(text) if text.is_empty() => "an empty text",
        Value::String(_) => "a text",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}
