//! What the OpenAPI document promises about requests.

use std::collections::BTreeSet;

use serde_json::Value;

fn document() -> Value {
    serde_json::from_str(relay_api::documents().openapi).unwrap()
}

/// Every schema reachable from here that is a string without an end, by where it stands.
fn endless(document: &Value, schema: &Value, at: &str, seen: &mut BTreeSet<String>, found: &mut Vec<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        if seen.insert(reference.to_owned()) {
            let target = document.pointer(reference.trim_start_matches('#')).unwrap();
            endless(document, target, reference, seen, found);
        }
        return;
    }
    let is_string = schema["type"] == "string" || schema["type"].as_array().is_some_and(|types| types.contains(&"string".into()));
    let has_end = ["maxLength", "enum", "const"].iter().any(|key| schema.get(key).is_some())
        || schema["pattern"].as_str().is_some_and(|pattern| pattern.ends_with("}$"));
    if is_string && !has_end {
        found.push(at.to_owned());
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        endless(document, property, &format!("{at}.{name}"), seen, found);
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        for part in schema[key].as_array().into_iter().flatten() {
            endless(document, part, at, seen, found);
        }
    }
    if schema.get("items").is_some() {
        endless(document, &schema["items"], &format!("{at}[]"), seen, found);
    }
}

#[test]
fn every_string_that_a_caller_sends_has_a_limit() {
    let document = document();
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            endless(&document, body, &format!("{method} {path}"), &mut seen, &mut found);
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let at = format!("{method} {path} {}", parameter["name"]);
                endless(&document, &parameter["schema"], &at, &mut seen, &mut found);
            }
        }
    }
    assert!(seen.len() > 10, "{seen:?}");
    assert_eq!(found, Vec::<String>::new(), "strings without a limit");
}

#[test]
fn every_operation_lists_its_refusals_by_status() {
    let document = document();
    let of = |path: &str, method: &str, status: &str| {
        let described = &document["paths"][path][method]["responses"][status];
        described["description"].as_str().unwrap_or_default().to_owned()
    };
    assert!(of("/v1/messages", "post", "413").contains("`message_too_long`"));
    assert!(of("/v1/messages", "post", "401").contains("`token_expired`"));
    assert!(of("/v1/conversations/{id}/members", "post", "409").contains("`group_full`"));
    assert!(of("/v1/auth/register", "post", "401").is_empty(), "nobody is asked for a token there");
    assert!(!of("/v1/auth/login", "post", "default").is_empty(), "for what a later version adds");
}
