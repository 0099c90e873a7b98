//! A JSON Schema of rule files, for editors: made of the constants that the parser reads with, so they cannot differ.
//!
//! What a schema cannot say (the order of steps, ids of other rules, counts over the whole file) only the parser refuses.

mod common;
mod file;
mod kinds;
pub mod node;
mod scores;

use serde_json::{json, Map, Value};

use super::parse::KINDS;

/// The schema as JSON text, for `rules/schema.json`.
pub fn rules_schema() -> Vec<u8> {
    // A tree of strings and finite numbers always has a text.
    let mut text = serde_json::to_vec_pretty(&schema()).unwrap_or_default();
    text.push(b'\n');
    text
}

fn schema() -> Value {
    let mut node = file::of_file(any_rule());
    node::set(
        &mut node,
        "$schema",
        "https://json-schema.org/draft/2020-12/schema",
    );
    node::set(&mut node, "title", "Vigil alarm rules");
    let kinds: Map<String, Value> = KINDS
        .iter()
        .map(|kind| ((*kind).to_owned(), of_kind(kind)))
        .collect();
    node::set(&mut node, "$defs", kinds);
    node
}

fn of_kind(kind: &str) -> Value {
    match kind {
        "limit" => kinds::of_limit(),
        "trend" => kinds::of_trend(),
        "score" => scores::of_score(),
        "combination" => scores::of_combination(),
        "missing" => kinds::of_missing(),
        "anomaly" => kinds::of_anomaly(),
        "technical" => kinds::of_technical(),
        _ => json!(false),
    }
}

/// A rule: `kind` says which of them. The chain of `if` finds what is wrong by name; the list of kinds, which refuses
/// nothing, is where editors look for the keys to offer.
fn any_rule() -> Value {
    let definition = |kind: &str| json!({ "$ref": format!("#/$defs/{kind}") });
    let mut chain = json!({
        "required": ["kind"],
        "properties": { "kind": node::word(&KINDS, "What the rule tests.") },
    });
    for kind in KINDS.iter().rev() {
        chain =
            json!({ "if": node::given("kind", *kind), "then": definition(kind), "else": chain });
    }
    let mut offered: Vec<Value> = KINDS.iter().map(|kind| definition(kind)).collect();
    offered.push(json!(true));
    node::set(&mut chain, "type", "object");
    node::set(&mut chain, "anyOf", offered);
    node::set(&mut chain, "description", "A rule.");
    chain
}

#[cfg(test)]
mod tests;
