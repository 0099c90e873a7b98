//! What the schema says of every key of the language.

use serde_json::Value;

use super::{rules_schema, schema};
use crate::rules::parse::KINDS;

/// Every node that stands for a property or an item, with its path.
fn described(node: &Value, path: &str, missing: &mut Vec<String>) {
    if node.as_object().is_none() {
        return;
    }
    if node.get("$ref").is_none()
        && node.get("description").is_none()
        && node.get("oneOf").is_none()
    {
        missing.push(path.to_owned());
    }
    let properties = node.get("properties").and_then(Value::as_object);
    for (key, property) in properties.into_iter().flatten() {
        described(property, &format!("{path}.{key}"), missing);
    }
    if let Some(items) = node.get("items") {
        described(items, &format!("{path}[]"), missing);
    }
    for (i, one) in node
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        described(one, &format!("{path}<{i}>"), missing);
    }
}

#[test]
fn every_key_of_the_language_is_described() {
    let schema = schema();
    let mut missing = Vec::new();
    described(&schema, "file", &mut missing);
    for kind in KINDS {
        let definition = &schema["$defs"][kind];
        assert!(definition.is_object(), "{kind}");
        described(definition, kind, &mut missing);
    }
    assert!(missing.is_empty(), "without a description: {missing:?}");
}

#[test]
fn defaults_are_those_of_the_parser() {
    let schema = schema();
    let of = |pointer: &str| {
        schema
            .pointer(pointer)
            .and_then(|node| node.get("default"))
            .cloned()
    };
    assert_eq!(
        of("/properties/order/properties/hold"),
        Some("on_gap".into())
    );
    assert_eq!(of("/properties/order/properties/window_s"), Some(2.into()));
    assert_eq!(of("/properties/late_after_s"), Some(300.into()));
    assert_eq!(of("/properties/spot_check_after_s"), Some(0.into()));
    assert_eq!(
        of("/properties/alarm/properties/re_alarm_s/properties/high"),
        Some(180.into())
    );
}

#[test]
fn it_is_the_same_text_every_time() {
    assert_eq!(rules_schema(), rules_schema());
    assert!(rules_schema().ends_with(b"}\n"));
}
