//! The socket's protocol as an AsyncAPI 3.0 document. Server frames, bodies, codes and limits come from
//! `relay-protocol` itself; a frame that is added there appears here.

use relay_protocol::frame::{EventFrame, ServerFrame};
use relay_protocol::log::LogEvent;
use relay_protocol::message::MessageBody;
use relay_protocol::{Actor, CloseCode, ErrorCode, MAX_CLIENT_FRAME_BYTES};
use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(
    ServerFrame,
    EventFrame,
    MessageBody,
    relay_protocol::SendMessage,
    relay_protocol::EditMessage,
    relay_protocol::DeleteMessage,
    relay_protocol::React,
    relay_protocol::PinMessage,
    relay_protocol::ReceivedUpto,
    relay_protocol::SayPresence,
    relay_protocol::WatchPresence,
    relay_protocol::activity::ActivityEvent
)))]
struct Schemas;

/// The document.
pub fn document() -> Value {
    let mut schemas = json!(Schemas::openapi().components).get("schemas").cloned().unwrap_or_default();
    let mut messages = Map::new();
    let mut frames = Vec::new();
    for variant in variants(&schemas) {
        let Some(name) = variant_name(&variant).map(str::to_owned) else { continue };
        if name == "unknown" || name == "event" {
            // The one cannot be described, the other is described by its types.
            continue;
        }
        let summary = variant.get("description").cloned().unwrap_or_default();
        messages.insert(name.clone(), json!({ "name": name, "summary": summary, "payload": variant }));
        frames.push(name);
    }
    for (name, fields) in LogEvent::TYPES {
        let summary = schemas.pointer(&format!("/{fields}/description")).cloned().unwrap_or_default();
        messages.insert((*name).to_owned(), json!({ "name": name, "summary": summary, "payload": event(name, fields) }));
        frames.push((*name).to_owned());
    }
    let mut commands = Vec::new();
    for (name, summary, payload) in client_commands() {
        messages.insert(name.to_owned(), json!({ "name": name, "summary": summary, "payload": payload }));
        commands.push(name.to_owned());
    }
    let mut activities = Vec::new();
    for (name, summary, payload) in activity_events(&schemas) {
        messages.insert(name.clone(), json!({ "name": name, "summary": summary, "payload": payload }));
        activities.push(name);
    }
    let all_activities: Map<String, Value> =
        activities.iter().map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }))).collect();
    // Each frame is its own message; the union would say everything twice.
    if let Some(schemas) = schemas.as_object_mut() {
        for union in ["ServerFrame", "EventFrame", "LogEvent", "Deed", "ActivityEvent"] {
            schemas.remove(union);
        }
    }
    let by_reference =
        |names: &[String], prefix: &str| -> Vec<Value> { names.iter().map(|name| json!({ "$ref": format!("{prefix}{name}") })).collect() };
    let all: Map<String, Value> =
        commands.iter().chain(&frames).map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }))).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "RelayHub realtime",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0" },
            "description": "JSON text frames over one WebSocket, or over a stream of Server-Sent Events with commands by POST. The first client frame is hello; the server answers welcome, \
                then what was missed, with progress in between, then caught_up (after reset, where something has to be reloaded), then live events. Clients ignore frames and fields they do not know, except that a frame with chain and seq counts in its chain. Types of control frames are in lower \
                case. Types of events are in upper case: their frames are the events as they are stored, with chain, seq and prev in front.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "gateway": { "host": "localhost:7080", "protocol": "ws", "description": "A gateway; wss behind TLS." },
            "nats": { "host": "localhost:4222", "protocol": "nats", "description": "nats-server, which only the operator's own programs reach." },
            "gatewayByHttp": { "host": "localhost:7080", "protocol": "http", "description": "The same gateway, for those whom sockets do not reach." },
        },
        "channels": {
            "activity": {
                "address": "activity.{kind}.{bucket}",
                "description": "For the operator's own programs, not for clients: what people do, on the JetStream stream ACTIVITY, for seven days at \
                    most. At most once, at most one event of a kind for a person, a place and a minute from each process, and no contents.",
                "servers": [{ "$ref": "#/servers/nats" }],
                "parameters": {
                    "kind": { "enum": relay_subjects::ActivityKind::ALL.map(relay_subjects::ActivityKind::as_str) },
                    "bucket": { "description": "0 to 63, by the person's id: all events of a person have the same one." },
                },
                "messages": all_activities,
            },
            "socket": {
                "address": "/v1/ws",
                "description": format!("Client frames have at most {MAX_CLIENT_FRAME_BYTES} bytes. Tokens never travel in the URL."),
                "messages": all,
                "servers": [{ "$ref": "#/servers/gateway" }],
                "bindings": { "ws": { "method": "GET" } },
            },
            "events": {
                "address": "/v1/events",
                "description": "A POST with hello as its body. The answer is text/event-stream: each frame is the data of a message, with an id \
                    if it brings a position. A last message named close says why the stream ends: code, close_code and perhaps retry_after_ms.",
                "servers": [{ "$ref": "#/servers/gatewayByHttp" }],
                "messages": all,
            },
            "commands": {
                "address": "/v1/commands",
                "description": "A POST with one command as its body, other than hello, and the access token in Authorization: Bearer. Any \
                    gateway takes it. The answer is the frame that a socket would have had, 204 where there is none, or problem+json.",
                "servers": [{ "$ref": "#/servers/gatewayByHttp" }],
                "messages": all,
            },
        },
        "operations": {
            "receiveCommand": {
                "action": "receive",
                "summary": "What a client may say.",
                "channel": { "$ref": "#/channels/socket" },
                "messages": by_reference(&commands, "#/channels/socket/messages/"),
            },
            "sendFrame": {
                "action": "send",
                "summary": "What the server says.",
                "channel": { "$ref": "#/channels/socket" },
                "messages": by_reference(&frames, "#/channels/socket/messages/"),
            },
            "tellActivity": {
                "action": "send",
                "summary": "What the operator's own programs are told.",
                "channel": { "$ref": "#/channels/activity" },
                "messages": by_reference(&activities, "#/channels/activity/messages/"),
            },
            "streamFrames": {
                "action": "send",
                "summary": "What the server says on a stream of events.",
                "channel": { "$ref": "#/channels/events" },
                "messages": by_reference(&frames, "#/channels/events/messages/"),
                "bindings": { "http": { "method": "POST" } },
            },
            "postCommand": {
                "action": "receive",
                "summary": "What a client may say without a socket.",
                "channel": { "$ref": "#/channels/commands" },
                "messages": by_reference(&commands, "#/channels/commands/messages/"),
                "bindings": { "http": { "method": "POST" } },
            },
        },
        "components": { "messages": messages, "schemas": schemas },
        "x-close-codes": close_codes(),
        "x-error-codes": error_codes(),
    })
}

/// Each type of event of activity, with the fields that all of them have.
fn activity_events(schemas: &Value) -> Vec<(String, Value, Value)> {
    let common = schemas.pointer("/ActivityEvent/allOf").and_then(Value::as_array).into_iter().flatten();
    let common: Vec<Value> = common.filter(|part| part.get("properties").is_some()).cloned().collect();
    let variants = schemas.pointer("/Deed/oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
    let event = |variant: Value| {
        let name = variant_name(&variant)?.to_owned();
        let summary = variant.get("description").cloned().unwrap_or_default();
        let parts: Vec<Value> = common.iter().cloned().chain([variant]).collect();
        Some((name, summary, json!({ "allOf": parts })))
    };
    variants.into_iter().filter_map(event).collect()
}

fn variants(schemas: &Value) -> Vec<Value> {
    schemas.pointer("/ServerFrame/oneOf").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The value of the `type` tag, wherever the variant's schema keeps it.
fn variant_name(variant: &Value) -> Option<&str> {
    let direct = variant.pointer("/properties/type/enum/0").or_else(|| variant.pointer("/properties/type/const"));
    let nested = || variant.get("allOf")?.as_array()?.iter().find_map(variant_name);
    direct.and_then(Value::as_str).or_else(nested)
}

/// An event's frame.
fn event(name: &str, fields: &str) -> Value {
    let tag = json!({ "type": "object", "required": ["type"], "properties": { "type": { "type": "string", "const": name } } });
    json!({
        "allOf": [{ "$ref": "#/components/schemas/EventPlace" }, { "$ref": format!("#/components/schemas/{fields}") }, tag],
    })
}

fn client_commands() -> Vec<(&'static str, &'static str, Value)> {
    let position = json!({ "type": "string", "description": "The newest position the client has stored; opaque." });
    let tag = |name: &str| json!({ "type": "string", "const": name });
    let typing = |name: &str| {
        json!({
            "type": "object",
            "required": ["type", "conversation_id"],
            "properties": { "type": tag(name), "conversation_id": { "$ref": "#/components/schemas/ConversationId" } },
        })
    };
    vec![
        (
            "hello",
            "Authenticates the socket and resumes. The first frame.",
            json!({
                "type": "object",
                "required": ["type", "token"],
                "properties": {
                    "type": tag("hello"),
                    "token": { "type": "string", "maxLength": 4096, "description": "An access token." },
                    "position": position,
                },
            }),
        ),
        (
            "send_message",
            "Sends a message; answered by message_ack or by an error with the same client_id.",
            json!({
                "allOf": [
                    { "$ref": "#/components/schemas/SendMessage" },
                    { "type": "object", "required": ["type"], "properties": { "type": tag("send_message") } },
                ],
            }),
        ),
        (
            "edit_message",
            "Says a message of one's own anew; answered by message_ack or by an error with the same client_id.",
            json!({
                "allOf": [
                    { "$ref": "#/components/schemas/EditMessage" },
                    { "type": "object", "required": ["type"], "properties": { "type": tag("edit_message") } },
                ],
            }),
        ),
        (
            "delete_message",
            "Deletes a message for everyone; answered by message_ack or by an error with the same client_id.",
            json!({
                "allOf": [
                    { "$ref": "#/components/schemas/DeleteMessage" },
                    { "type": "object", "required": ["type"], "properties": { "type": tag("delete_message") } },
                ],
            }),
        ),
        (
            "react",
            "Reacts to a message, or takes that back; answered by message_ack or by an error with the same client_id.",
            json!({
                "allOf": [
                    { "$ref": "#/components/schemas/React" },
                    { "type": "object", "required": ["type"], "properties": { "type": tag("react") } },
                ],
            }),
        ),
        (
            "pin_message",
            "Pins a message, or takes that back; answered by message_ack or by an error with the same client_id.",
            json!({
                "allOf": [
                    { "$ref": "#/components/schemas/PinMessage" },
                    { "type": "object", "required": ["type"], "properties": { "type": tag("pin_message") } },
                ],
            }),
        ),
        (
            "received",
            "What this device has now, said once a second at most while messages come. No answer.",
            json!({
                "type": "object",
                "required": ["type", "conversations"],
                "properties": {
                    "type": tag("received"),
                    "conversations": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": relay_protocol::command::MOST_RECEIVED,
                        "items": { "$ref": "#/components/schemas/ReceivedUpto" },
                    },
                },
            }),
        ),
        (
            "presence",
            "How the person before the device is there. Said at a change and every 25 s; after a minute of silence the device counts as gone. No answer.",
            json!({
                "allOf": [
                    { "$ref": "#/components/schemas/SayPresence" },
                    { "type": "object", "required": ["type"], "properties": { "type": tag("presence") } },
                ],
            }),
        ),
        (
            "watch_presence",
            "Whom the device shows, at most 200, in place of those named before. The frame user_presence tells of each of them at once, and when it changes.",
            json!({
                "allOf": [
                    { "$ref": "#/components/schemas/WatchPresence" },
                    { "type": "object", "required": ["type"], "properties": { "type": tag("watch_presence") } },
                ],
            }),
        ),
        (
            "typing_start",
            "The person types in this conversation. Repeated every two seconds at most while they do. No answer; perhaps nobody is told.",
            typing("typing_start"),
        ),
        ("typing_stop", "The person types there no more, and has not sent anything. No answer.", typing("typing_stop")),
        (
            "ping",
            "A sign of life; may report the newest position stored.",
            json!({ "type": "object", "required": ["type"], "properties": { "type": tag("ping"), "position": position } }),
        ),
    ]
}

fn close_codes() -> Value {
    let row = |code: &CloseCode| json!({ "code": code.code(), "name": code.as_str(), "reconnect": CloseCode::number_allows_reconnect(code.code()) });
    CloseCode::ALL.iter().map(row).collect()
}

fn error_codes() -> Value {
    let actor = |actor| match actor {
        Actor::Caller => "caller",
        Actor::Time => "time",
        Actor::Operator => "operator",
    };
    let row = |code: &ErrorCode| {
        let row = code.row();
        json!({
            "name": row.name, "http_status": row.http_status, "retryable": row.retryable, "who_acts": actor(row.actor), "meaning": row.meaning,
        })
    };
    ErrorCode::ALL.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_a_message_and_every_reference_resolves() {
        let document = document();
        let messages = document.pointer("/components/messages").unwrap().as_object().unwrap();
        for name in [
            "hello",
            "send_message",
            "edit_message",
            "delete_message",
            "received",
            "watch_presence",
            "presence",
            "user_presence",
            "typing_start",
            "typing_stop",
            "ping",
            "welcome",
            "message_ack",
            "MESSAGE_SENT",
            "MESSAGE_EDITED",
            "MESSAGE_HIDDEN",
            "CONVERSATION_SETTINGS_CHANGED",
            "DRAFT_CHANGED",
            "THREAD_MARK_MOVED",
            "SCHEDULED_MESSAGE_CHANGED",
            "CONVERSATION_CREATED",
            "MEMBER_ADDED",
            "MEMBER_REMOVED",
            "MEMBERS_ADDED",
            "MEMBERS_REMOVED",
            "CONVERSATION_RENAMED",
            "ROLE_CHANGED",
            "MESSAGE_ERASED",
            "USER_REGISTERED",
            "USER_SEEN",
            "CONVERSATION_JOINED",
            "CONVERSATION_LEFT",
            "CONVERSATION_INVITED",
            "INVITATION_ENDED",
            "SESSION_REVOKED",
            "SESSION_STARTED",
            "PROFILE_CHANGED",
            "READ_MARK_MOVED",
            "SETTINGS_CHANGED",
            "user_typing",
            "receipts",
            "progress",
            "caught_up",
            "reset",
            "pong",
            "error",
            "USER_CONNECTED",
            "USER_DISCONNECTED",
            "MESSAGE_DELIVERED",
            "MESSAGE_READ",
        ] {
            assert!(messages.contains_key(name), "{name}");
        }
        assert_eq!(messages.len(), 54, "a new frame: name it here");
        let mut references = Vec::new();
        collect_references(&document, &mut references);
        assert!(references.len() > 30);
        for reference in references {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    fn collect_references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| collect_references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| collect_references(value, found)),
            _ => {}
        }
    }
}
