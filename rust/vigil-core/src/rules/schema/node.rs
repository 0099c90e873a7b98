//! Pieces of a JSON Schema. Only keywords that mean the same in draft 7 and in 2020-12: editors differ in what they know.

use serde_json::{json, Map, Value};

/// A number without a fraction where it has none: `60`, not `60.0`.
pub fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

/// A number, `min` to `max`.
pub fn number_in(min: f64, max: f64, text: &str) -> Value {
    json!({ "type": "number", "minimum": number(min), "maximum": number(max), "description": text })
}

/// A whole number, `min` to `max`; `3.0` is one.
pub fn whole_in(min: u32, max: u32, text: &str) -> Value {
    json!({ "type": "integer", "minimum": min, "maximum": max, "description": text })
}

/// Any number.
pub fn any_number(text: &str) -> Value {
    json!({ "type": "number", "description": text })
}

/// A number more than 0.
pub fn positive(text: &str) -> Value {
    json!({ "type": "number", "exclusiveMinimum": 0, "description": text })
}

/// A number that is not negative.
pub fn not_negative(text: &str) -> Value {
    json!({ "type": "number", "minimum": 0, "description": text })
}

/// true or false.
pub fn flag(text: &str) -> Value {
    json!({ "type": "boolean", "description": text })
}

/// One of `words`.
pub fn word(words: &[&str], text: &str) -> Value {
    json!({ "type": "string", "enum": words, "description": text })
}

/// This and nothing else.
pub fn constant(value: impl Into<Value>, text: &str) -> Value {
    json!({ "const": value.into(), "description": text })
}

/// A text as the regular expression says, which begins with `^` and ends with `$`.
pub fn pattern(pattern: &str, text: &str) -> Value {
    json!({ "type": "string", "pattern": pattern, "description": text })
}

/// A list of at least `min` items, of at most `max` where there is a bound.
pub fn list(items: Value, min: usize, max: Option<usize>, text: &str) -> Value {
    let mut node = json!({ "type": "array", "items": items, "description": text });
    if min > 0 {
        set(&mut node, "minItems", min);
    }
    if let Some(max) = max {
        set(&mut node, "maxItems", max);
    }
    node
}

/// `node` with what holds when the property is not given.
pub fn or_else(mut node: Value, default: impl Into<Value>) -> Value {
    set(&mut node, "default", default);
    node
}

/// A table with exactly these keys, each as `property` says.
pub fn table(
    keys: &[&str],
    required: &[&str],
    property: impl Fn(&str) -> Value,
    text: &str,
) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| ((*key).to_owned(), property(key)))
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        "description": text,
    })
}

/// Sets a keyword.
pub fn set(node: &mut Value, keyword: &str, value: impl Into<Value>) {
    if let Value::Object(map) = node {
        map.insert(keyword.to_owned(), value.into());
    }
}

/// `node`, and where `key` is given as `value`, also `then`; else `otherwise`.
pub fn when(
    mut node: Value,
    key: &str,
    value: impl Into<Value>,
    then: Value,
    otherwise: Value,
) -> Value {
    set(&mut node, "if", given(key, value));
    set(&mut node, "then", then);
    set(&mut node, "else", otherwise);
    node
}

/// `key` is given, as `value`.
pub fn given(key: &str, value: impl Into<Value>) -> Value {
    json!({ "properties": { key: { "const": value.into() } }, "required": [key] })
}

/// Further bounds of some properties.
pub fn bounds<const N: usize>(properties: [(&str, Value); N]) -> Value {
    let properties: Map<String, Value> = properties
        .into_iter()
        .map(|(key, node)| (key.to_owned(), node))
        .collect();
    json!({ "properties": properties })
}
