//! Configuration keys: names, defaults and limits from the running code, meanings from the doc comments.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{root, source, table};

type Refusal = (String, String);

/// Every table, by the section's name.
pub fn tables() -> BTreeMap<String, String> {
    let required_nats = json!({ "servers": ["nats://127.0.0.1:4222"], "user": "u", "password": "p" });
    let required_postgres = json!({ "url": "postgres://u:p@127.0.0.1/relay" });
    let named = |(key, reason): (&str, String)| (key.to_owned(), reason);
    BTreeMap::from([
        section("log", ("crates/runtime/src/config.rs", "LogConfig"), &json!({}), |_: &relay_runtime::LogConfig| Ok(())),
        section("nats", ("crates/bus/src/config.rs", "NatsConfig"), &required_nats, |c: &relay_bus::NatsConfig| c.check().map_err(named)),
        section("nats.batches", ("crates/bus/src/config.rs", "BatchConfig"), &json!({}), |batches: &relay_bus::BatchConfig| {
            relay_bus::NatsConfig { batches: *batches, ..serde_json::from_value(required_nats.clone()).unwrap() }.check().map_err(named)
        }),
        section("topology", ("crates/bus/src/config.rs", "TopologyConfig"), &json!({}), |c: &relay_bus::TopologyConfig| {
            c.check().map_err(named)
        }),
        section("postgres", ("crates/store/src/config.rs", "PostgresConfig"), &required_postgres, |c: &relay_store::PostgresConfig| {
            c.check().map_err(named)
        }),
        section("valkey", ("crates/hot-state/src/config.rs", "ValkeyConfig"), &json!({}), |c: &relay_hot_state::ValkeyConfig| {
            c.check().map_err(named)
        }),
        section("tokens", ("crates/auth/src/config.rs", "TokenConfig"), &json!({}), |c: &relay_auth::TokenConfig| c.check().map_err(named)),
        section("web", ("crates/runtime/src/origins.rs", "WebConfig"), &json!({}), |c: &relay_runtime::WebConfig| c.check().map_err(named)),
        section("gateway", ("crates/gateway/src/config.rs", "GatewayConfig"), &json!({}), |c: &relay_gateway::GatewayConfig| {
            c.check().map_err(named)
        }),
        section("api", ("crates/api/src/config.rs", "Config"), &json!({}), |c: &relay_api::Config| c.check().map_err(named)),
        section("api.limits", ("crates/api/src/config.rs", "LimitsConfig"), &json!({}), |limits: &relay_api::LimitsConfig| {
            relay_api::Config { limits: limits.clone(), ..relay_api::Config::default() }.check().map_err(named)
        }),
        section("quota", ("crates/posting/src/quota.rs", "QuotaConfig"), &json!({}), |c: &relay_posting::QuotaConfig| {
            c.check().map_err(named)
        }),
        section("worker", ("crates/workers/src/config.rs", "WorkerConfig"), &json!({}), |c: &relay_workers::WorkerConfig| {
            c.check().map_err(named)
        }),
    ])
}

/// One section. `required` has a value for each key without a default.
fn section<C: Serialize + DeserializeOwned>(
    name: &str,
    (file, type_name): (&str, &str),
    required: &Value,
    check: impl Fn(&C) -> Result<(), Refusal>,
) -> (String, String) {
    let read = |value: &Value| serde_json::from_value::<C>(value.clone());
    let mut defaults = serde_json::to_value(read(required).unwrap()).unwrap().as_object().unwrap().clone();
    let required = required.as_object().unwrap();
    defaults.extend(required.clone());
    let fields = source::fields(&root().join(file), type_name);
    let mut named: Vec<&String> = fields.iter().map(|(key, _)| key).collect();
    let mut found: Vec<&String> = defaults.keys().collect();
    named.sort();
    found.sort();
    assert_eq!(named, found, "[{name}]: the keys of the source and those of the running code");
    let rows = fields.iter().filter(|(key, _)| !is_table(name, &defaults[key])).map(|(key, meaning)| {
        assert!(!meaning.is_empty(), "{name}.{key} has no doc comment");
        let default = if required.contains_key(key) { "required".to_owned() } else { format!("`{}`", toml(&defaults[key])) };
        let limits = limits(name, key, &defaults, |value| read(value).ok().map(|config| check(&config)));
        vec![format!("`{key}`"), if defaults[key].is_null() { "none".to_owned() } else { default }, limits, meaning.clone()]
    });
    (name.to_owned(), table(&["key", "default", "limits", "meaning"], rows))
}

/// A section within this one has a table of its own. Rules of rates are values.
fn is_table(section: &str, default: &Value) -> bool {
    default.is_object() && section != "api.limits"
}

/// What the section's own check says of values at the ends of the key's type: everything else is within its limits.
fn limits(section: &str, key: &str, defaults: &Map<String, Value>, check: impl Fn(&Value) -> Option<Result<(), Refusal>>) -> String {
    let mut said: Vec<String> = Vec::new();
    for value in extremes(&defaults[key]) {
        let mut config = defaults.clone();
        config.insert(key.to_owned(), value);
        let Some(Err((refused, reason))) = check(&Value::Object(config)) else { continue };
        let concerned = format!("{section}.{key}");
        if !(refused == concerned || refused == section || concerned.starts_with(&format!("{refused}."))) {
            continue;
        }
        let limit = grouped(reason.strip_prefix("has to be ").unwrap_or(&reason));
        if !said.contains(&limit) {
            said.push(limit);
        }
    }
    said.join("; ")
}

fn extremes(default: &Value) -> Vec<Value> {
    match default {
        // The greatest of each width: those that do not fit the key's type are not read, and say nothing.
        Value::Number(_) => {
            let widths = [u64::from(u8::MAX), u64::from(u16::MAX), u64::from(u32::MAX), i64::MAX.unsigned_abs(), u64::MAX];
            std::iter::once(0).chain(widths).map(Value::from).collect()
        }
        Value::String(_) => vec![json!("")],
        Value::Array(_) => vec![json!([]), json!([""])],
        Value::Object(rule) => {
            let changed = |key: &String, value| {
                let mut rule = rule.clone();
                rule.insert(key.clone(), value);
                Value::Object(rule)
            };
            rule.iter().flat_map(|(key, value)| extremes(value).into_iter().map(move |value| changed(key, value))).collect()
        }
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

/// A value as it stands in the file.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(rule) => {
            let entries: Vec<String> = rule.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(values) => format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Long numbers in groups of three.
fn grouped(text: &str) -> String {
    let mut out = String::new();
    let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = text;
    while !rest.is_empty() {
        let length = digits(rest);
        if length >= 4 {
            for (at, digit) in rest[..length].chars().enumerate() {
                if at > 0 && (length - at) % 3 == 0 {
                    out.push(',');
                }
                out.push(digit);
            }
            rest = &rest[length..];
        } else {
            let next = rest.char_indices().nth(length.max(1)).map_or(rest.len(), |(at, _)| at);
            out += &rest[..next];
            rest = &rest[next..];
        }
    }
    out
}
