//! A pull reader of JSON over bytes: no tree, no recursion, no allocation for text without escapes.
//!
//! Strict RFC 8259, except that `NaN` and `Infinity` are recognised, so that the one value can be refused by
//! its path instead of the whole body.

use std::borrow::Cow;

use super::json_text::{plain_length, unescape};
use crate::error::ErrorCode;

/// Nesting that a value may have below the field it stands in.
const DEPTH_MAX: u32 = 32;

/// Why the body as a whole cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// `MalformedJson` or `TooDeep`.
    pub code: ErrorCode,
    /// At which byte.
    pub at: usize,
    /// What was expected.
    pub message: &'static str,
}

/// A string; `None` when it is not text (a lone surrogate).
pub type Text<'a> = Option<Cow<'a, str>>;

/// The next value. Of a container only its kind is told and nothing is consumed.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A string.
    Text(Text<'a>),
    /// A number's own text.
    Number(&'a str),
    /// `NaN`, `Infinity` or `-Infinity`, which JSON does not have.
    NotFinite,
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// At a `{`.
    Object,
    /// At a `[`.
    Array,
}

/// The reader: text and a position in it.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Reads `body`; a fault when it is not UTF-8.
    pub fn new(body: &'a [u8]) -> Result<Self, Fault> {
        match std::str::from_utf8(body) {
            Ok(text) => Ok(Self { text, at: 0 }),
            Err(error) => Err(malformed(error.valid_up_to(), "the body is not UTF-8")),
        }
    }

    /// The next byte that is not white space, not consumed.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// A fault when anything but white space is left.
    pub fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(malformed(self.at, "bytes after the end of the JSON value")),
        }
    }

    /// Reads an object and calls `each` with every key; `each` consumes the value.
    #[inline]
    pub fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, Text<'a>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.expect(b'{', "expected an object")?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let key = self.key()?;
            each(self, key)?;
            if self.separator(b'}')? {
                return Ok(());
            }
        }
    }

    /// Reads an array and calls `each` with every index; `each` consumes the value.
    #[inline]
    pub fn array(
        &mut self,
        mut each: impl FnMut(&mut Self, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.expect(b'[', "expected an array")?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        for index in 0.. {
            each(self, index)?;
            if self.separator(b']')? {
                break;
            }
        }
        Ok(())
    }

    /// Reads a scalar, or tells which container comes.
    #[inline]
    pub fn value(&mut self) -> Result<Value<'a>, Fault> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'0'..=b'9') => self.number().map(Value::Number),
            Some(b'-') => {
                if self.literal("-Infinity") {
                    return Ok(Value::NotFinite);
                }
                self.number().map(Value::Number)
            }
            Some(b'{') => Ok(Value::Object),
            Some(b'[') => Ok(Value::Array),
            Some(_) if self.literal("null") => Ok(Value::Null),
            Some(_) if self.literal("true") => Ok(Value::Bool(true)),
            Some(_) if self.literal("false") => Ok(Value::Bool(false)),
            Some(_) if self.literal("NaN") || self.literal("Infinity") => Ok(Value::NotFinite),
            Some(_) => Err(malformed(self.at, "expected a JSON value")),
            None => Err(malformed(self.at, "the JSON ends too early")),
        }
    }

    /// Whether an object comes next; a fault at the end of the body.
    #[inline]
    pub fn value_is_object(&mut self) -> Result<bool, Fault> {
        match self.peek() {
            Some(byte) => Ok(byte == b'{'),
            None => Err(malformed(self.at, "the JSON ends too early")),
        }
    }

    /// Consumes a value of any kind; the kinds of the open containers are bits of one word.
    pub fn skip(&mut self) -> Result<(), Fault> {
        let (mut objects, mut depth) = (0u64, 0u32);
        loop {
            let opened = match self.value()? {
                Value::Object => Some(b'}'),
                Value::Array => Some(b']'),
                _ => None,
            };
            if let Some(close) = opened {
                self.at += 1;
                if self.peek() == Some(close) {
                    self.at += 1;
                } else {
                    depth += 1;
                    if depth > DEPTH_MAX {
                        return Err(Fault {
                            code: ErrorCode::TooDeep,
                            at: self.at,
                            message: "nested too deeply",
                        });
                    }
                    objects = objects << 1 | u64::from(close == b'}');
                    if close == b'}' {
                        self.key()?;
                    }
                    continue;
                }
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let in_object = objects & 1 == 1;
                if !self.separator(if in_object { b'}' } else { b']' })? {
                    if in_object {
                        self.key()?;
                    }
                    break;
                }
                objects >>= 1;
                depth -= 1;
            }
        }
    }

    /// Consumes `,` (false) or `close` (true).
    #[inline]
    fn separator(&mut self, close: u8) -> Result<bool, Fault> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            Some(_) => Err(malformed(
                self.at,
                "expected a comma or the closing bracket",
            )),
            None => Err(malformed(self.at, "the JSON ends too early")),
        }
    }

    #[inline]
    fn key(&mut self) -> Result<Text<'a>, Fault> {
        if self.peek() != Some(b'"') {
            return Err(malformed(self.at, "expected a key in double quotes"));
        }
        let key = self.string()?;
        self.expect(b':', "expected a colon")?;
        Ok(key)
    }

    #[inline]
    fn expect(&mut self, byte: u8, message: &'static str) -> Result<(), Fault> {
        if self.peek() != Some(byte) {
            return Err(malformed(self.at, message));
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn literal(&mut self, word: &str) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let found = rest.starts_with(word.as_bytes())
            && !rest.get(word.len()).is_some_and(u8::is_ascii_alphanumeric);
        if found {
            self.at += word.len();
        }
        found
    }

    #[inline]
    fn string(&mut self) -> Result<Text<'a>, Fault> {
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let length = plain_length(rest);
        match rest.get(length) {
            Some(b'"') => {
                self.at = start + length + 1;
                Ok(self.text.get(start..start + length).map(Cow::Borrowed))
            }
            Some(b'\\') => {
                let (text, end) = unescape(self.text, start, start + length)?;
                self.at = end;
                Ok(text.map(Cow::Owned))
            }
            Some(_) => Err(malformed(
                start + length,
                "a control character inside a string",
            )),
            None => Err(malformed(start + length, "a string without its end")),
        }
    }

    #[inline]
    fn number(&mut self) -> Result<&'a str, Fault> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = start + usize::from(bytes.get(start) == Some(&b'-'));
        let whole = digits(bytes, at);
        if whole == 0 {
            return Err(malformed(at, "expected a digit"));
        }
        if whole > 1 && bytes.get(at) == Some(&b'0') {
            return Err(malformed(at, "a number does not start with 0"));
        }
        at += whole;
        if bytes.get(at) == Some(&b'.') {
            let fraction = digits(bytes, at + 1);
            if fraction == 0 {
                return Err(malformed(at + 1, "expected a digit"));
            }
            at += 1 + fraction;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let exponent = digits(bytes, at);
            if exponent == 0 {
                return Err(malformed(at, "expected a digit"));
            }
            at += exponent;
        }
        self.at = at;
        self.text
            .get(start..at)
            .ok_or(malformed(start, "expected a number"))
    }
}

#[inline]
fn digits(bytes: &[u8], at: usize) -> usize {
    bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count()
}

/// A fault of broken JSON.
pub(super) fn malformed(at: usize, message: &'static str) -> Fault {
    Fault {
        code: ErrorCode::MalformedJson,
        at,
        message,
    }
}
