//! JSON without empty members.

use serde_json::Value;

/// The text of a document, without the members that are `null`.
pub(super) fn text(mut document: Value) -> Vec<u8> {
    remove_nulls(&mut document);
    format!("{document:#}").into_bytes()
}

fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(remove_nulls);
        }
        Value::Array(elements) => elements.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

/// An array, or `null` if it would be empty.
pub(super) fn unless_empty(elements: impl Iterator<Item = Value>) -> Value {
    let elements: Vec<Value> = elements.collect();
    if elements.is_empty() {
        Value::Null
    } else {
        elements.into()
    }
}
