//! The JSON reader against `serde_json`.

use super::json::{Fault, Lexer, Value};
use crate::error::ErrorCode;
use proptest::prelude::*;

fn skip_all(body: &[u8]) -> Result<(), Fault> {
    let mut lexer = Lexer::new(body)?;
    lexer.skip()?;
    lexer.end()
}

#[test]
fn text_with_and_without_escapes() {
    let mut lexer =
        Lexer::new(br#""plain text, long" "a\u00e9\ud83d\ude00\n\"" "\ud800" "\ud800\u0041""#)
            .unwrap();
    assert_eq!(
        lexer.value().unwrap(),
        Value::Text(Some("plain text, long".into()))
    );
    assert_eq!(lexer.value().unwrap(), Value::Text(Some("aé😀\n\"".into())));
    assert_eq!(lexer.value().unwrap(), Value::Text(None));
    assert_eq!(lexer.value().unwrap(), Value::Text(None));
}

#[test]
fn deep_nesting_is_a_fault_and_not_a_crash() {
    let deep = "[".repeat(100_000);
    assert_eq!(
        skip_all(deep.as_bytes()).unwrap_err().code,
        ErrorCode::TooDeep
    );
    let deep = "{\"a\":".repeat(100_000);
    assert_eq!(
        skip_all(deep.as_bytes()).unwrap_err().code,
        ErrorCode::TooDeep
    );
    let fair = format!("{}{}", "[".repeat(30), "]".repeat(30));
    assert_eq!(skip_all(fair.as_bytes()), Ok(()));
}

proptest! {
    /// serde_json is the oracle: both take or both refuse (depth and our two literals apart).
    #[test]
    fn the_same_bodies_are_json(body in r#"[\[\]{}",:0-9eE+.\-truefalsn\\u \x01é]{0,24}"#) {
        prop_assume!(!body.contains("NaN") && !body.contains("Inf"));
        let oracle = serde_json::from_str::<serde_json::Value>(&body);
        let lone = matches!(&oracle, Err(e) if e.to_string().contains("surrogate") || e.to_string().contains("hex escape"));
        let overflow = matches!(&oracle, Err(e) if e.to_string().contains("out of range"));
        prop_assume!(!lone && !overflow);
        prop_assert_eq!(skip_all(body.as_bytes()).is_ok(), oracle.is_ok(), "{:?}", oracle);
    }
}
