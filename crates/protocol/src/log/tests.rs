use super::*;
use crate::{ConversationKind, Role};

const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const OTHER: &str = "01BX5ZZKBKACTAV9WEVGEMMVRZ";

#[test]
fn event_of_a_newer_version_is_carried_as_it_came() {
    let json =
        format!(r#"{{"v":2,"type":"MESSAGE_STARRED","event_id":"{ID}","actor_id":"{OTHER}","at_ms":7,"conversation_id":"{ID}","x":1.0}}"#);
    let event: LogEvent = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&event).unwrap(), json);
    assert_eq!(event.name(), "MESSAGE_STARRED");
    assert!(event.belongs_to(EventOwner::Conversation(ID.parse().unwrap())));
    assert!(!event.belongs_to(EventOwner::Conversation(OTHER.parse().unwrap())));
    assert!(event.belongs_to(EventOwner::User(OTHER.parse().unwrap())));
    let LogEvent::Unknown(unknown) = event else { panic!("a known type") };
    assert_eq!((unknown.event_id, unknown.actor_id, unknown.at_ms), (ID.parse().ok(), OTHER.parse().ok(), Some(7)));
}

#[test]
fn event_of_a_newer_version_cannot_choose_its_place() {
    let event = LogEvent::decode(r#"{"type":"X","seq":9,"prev":1,"chain":"c:x","y":{"seq":2}}"#).unwrap();
    assert_eq!(serde_json::to_string(&event).unwrap(), r#"{"type":"X","y":{"seq":2}}"#);
}

#[test]
fn what_is_no_event_is_refused() {
    for json in
        [r#"{"x":1}"#, r#"{"type":"A B"}"#, r#"{"type":""}"#, r#"{"type":"X","event_id":7}"#, r#"{"type":"MESSAGE_SENT"}"#, "[]", "{"]
    {
        assert!(LogEvent::decode(json).is_err(), "{json}");
    }
}

#[test]
fn known_event_with_an_unknown_role_kind_or_body_is_carried_as_it_came() {
    let added = format!(
        r#"{{"v":1,"type":"MEMBER_ADDED","event_id":"{ID}","actor_id":"{ID}","at_ms":1,"conversation_id":"{ID}","user_id":"{ID}","role":"moderator","kind":"channel"}}"#
    );
    let sent = format!(
        r#"{{"v":1,"type":"MESSAGE_SENT","message_id":"{ID}","actor_id":"{ID}","at_ms":1,"conversation_id":"{ID}","client_id":"k","body":{{"type":"poll","n":1.0}}}}"#
    );
    for json in [added, sent] {
        assert_eq!(serde_json::to_string(&LogEvent::decode(&json).unwrap()).unwrap(), json);
    }
}

#[test]
fn user_event_belongs_to_its_user_alone() {
    let json = format!(r#"{{"type":"CONVERSATION_JOINED","event_id":"{ID}","user_id":"{ID}","conversation_id":"{OTHER}","at_ms":1}}"#);
    let event = LogEvent::decode(&json).unwrap();
    assert!(event.belongs_to(EventOwner::User(ID.parse().unwrap())));
    assert!(!event.belongs_to(EventOwner::User(OTHER.parse().unwrap())));
    assert!(!event.belongs_to(EventOwner::Conversation(OTHER.parse().unwrap())));
}

#[test]
fn the_largest_events_of_members_fit_into_the_log() {
    let user: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    let conversation_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    let (event_id, title) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "x".parse().unwrap());
    let members = vec![InitialMember { user_id: user, role: Role::Member }; MOST_MEMBERS_AT_ONCE];
    let created = ConversationCreated {
        event_id,
        conversation_id,
        kind: ConversationKind::Group,
        title: Some(title),
        actor_id: user,
        members,
        at_ms: 0,
    };
    let event = LogEvent::ConversationCreated(created);
    assert_eq!(event.joining().len(), MOST_MEMBERS_AT_ONCE);
    let bytes = serde_json::to_string(&event).unwrap().len();
    assert!(bytes < 64 * 1024, "{bytes}");
}

/// Each type, as builds of before version 1 wrote it, and as it is written now.
#[test]
fn event_of_before_version_1_is_read_and_written_in_the_new_shape() {
    let cases = [
        (
            r#""type":"MESSAGE_SENT","message_id":"A","conversation_id":"A","sender_id":"B","client_id":"k","sent_at_ms":1,"body":{"type":"text","text":"x"}"#,
            r#""type":"MESSAGE_SENT","message_id":"A","actor_id":"B","at_ms":1,"conversation_id":"A","client_id":"k","body":{"type":"text","text":"x"}"#,
        ),
        (
            r#""type":"CONVERSATION_CREATED","event_id":"A","conversation_id":"A","kind":"group","title":"t","created_by":"B","members":[{"user_id":"B","role":"owner"}],"at_ms":1"#,
            r#""type":"CONVERSATION_CREATED","event_id":"A","actor_id":"B","at_ms":1,"conversation_id":"A","kind":"group","title":"t","members":[{"user_id":"B","role":"owner"}]"#,
        ),
        (
            r#""type":"MEMBER_ADDED","event_id":"A","conversation_id":"A","user_id":"A","role":"member","added_by":"B","kind":"group","at_ms":1"#,
            r#""type":"MEMBER_ADDED","event_id":"A","actor_id":"B","at_ms":1,"conversation_id":"A","user_id":"A","role":"member","kind":"group""#,
        ),
        (
            r#""type":"MEMBER_REMOVED","event_id":"A","conversation_id":"A","user_id":"A","removed_by":"B","at_ms":1"#,
            r#""type":"MEMBER_REMOVED","event_id":"A","actor_id":"B","at_ms":1,"conversation_id":"A","user_id":"A""#,
        ),
        (
            r#""type":"MEMBERS_ADDED","event_id":"A","conversation_id":"A","user_ids":["A"],"role":"member","added_by":"B","kind":"group","at_ms":1"#,
            r#""type":"MEMBERS_ADDED","event_id":"A","actor_id":"B","at_ms":1,"conversation_id":"A","user_ids":["A"],"role":"member","kind":"group""#,
        ),
        (
            r#""type":"MEMBERS_REMOVED","event_id":"A","conversation_id":"A","user_ids":["A"],"removed_by":"B","at_ms":1"#,
            r#""type":"MEMBERS_REMOVED","event_id":"A","actor_id":"B","at_ms":1,"conversation_id":"A","user_ids":["A"]"#,
        ),
        (
            r#""type":"CONVERSATION_RENAMED","event_id":"A","conversation_id":"A","title":"t","renamed_by":"B","at_ms":1"#,
            r#""type":"CONVERSATION_RENAMED","event_id":"A","actor_id":"B","at_ms":1,"conversation_id":"A","title":"t""#,
        ),
        (
            r#""type":"ROLE_CHANGED","event_id":"A","conversation_id":"A","user_id":"A","role":"admin","changed_by":"B","at_ms":1"#,
            r#""type":"ROLE_CHANGED","event_id":"A","actor_id":"B","at_ms":1,"conversation_id":"A","user_id":"A","role":"admin""#,
        ),
        (
            r#""type":"MESSAGE_ERASED","event_id":"A","conversation_id":"A","message_id":"A","message_seq":7,"message_prev":6,"sender_id":"B","client_id":"k","sent_at_ms":1,"stored_at_ms":2,"at_ms":3"#,
            r#""type":"MESSAGE_ERASED","event_id":"A","at_ms":3,"conversation_id":"A","message_id":"A","message_seq":7,"message_prev":6,"sender_id":"B","client_id":"k","sent_at_ms":1,"stored_at_ms":2"#,
        ),
        (
            r#""type":"USER_REGISTERED","event_id":"A","user_id":"A","at_ms":1"#,
            r#""type":"USER_REGISTERED","event_id":"A","at_ms":1,"user_id":"A""#,
        ),
        (r#""type":"USER_SEEN","event_id":"A","user_id":"A","at_ms":1"#, r#""type":"USER_SEEN","event_id":"A","at_ms":1,"user_id":"A""#),
        (
            r#""type":"CONVERSATION_JOINED","event_id":"A","user_id":"A","conversation_id":"A","at_ms":1"#,
            r#""type":"CONVERSATION_JOINED","event_id":"A","at_ms":1,"user_id":"A","conversation_id":"A""#,
        ),
        (
            r#""type":"CONVERSATION_LEFT","event_id":"A","user_id":"A","conversation_id":"A","at_ms":1"#,
            r#""type":"CONVERSATION_LEFT","event_id":"A","at_ms":1,"user_id":"A","conversation_id":"A""#,
        ),
        (
            r#""type":"CONVERSATION_INVITED","event_id":"A","user_id":"A","conversation_id":"A","invited_by":"B","at_ms":1"#,
            r#""type":"CONVERSATION_INVITED","event_id":"A","actor_id":"B","at_ms":1,"user_id":"A","conversation_id":"A""#,
        ),
        (
            r#""type":"INVITATION_ENDED","event_id":"A","user_id":"A","conversation_id":"A","at_ms":1"#,
            r#""type":"INVITATION_ENDED","event_id":"A","at_ms":1,"user_id":"A","conversation_id":"A""#,
        ),
        (
            r#""type":"SESSION_REVOKED","event_id":"A","user_id":"A","session_id":"A","at_ms":1"#,
            r#""type":"SESSION_REVOKED","event_id":"A","at_ms":1,"user_id":"A","session_id":"A""#,
        ),
    ];
    let of = |fields: &str| fields.replace(r#""A""#, &format!("{ID:?}")).replace(r#""B""#, &format!("{OTHER:?}"));
    for (old, new) in cases {
        let (event, text) = LogEvent::decode_with_text(&format!("{{{}}}", of(old))).unwrap();
        assert_eq!((text, event.encode()), (None, format!(r#"{{"v":1,{}}}"#, of(new))));
        let (again, text) = LogEvent::decode_with_text(&event.encode()).unwrap();
        assert_eq!((&again, text.unwrap().get()), (&event, event.encode().as_str()));
        let envelope = event.envelope();
        assert!(envelope.event_id == ID.parse().ok() && envelope.at_ms == Some(if event.name() == "MESSAGE_ERASED" { 3 } else { 1 }));
        assert_eq!(envelope.actor_id, old.contains("_by").then(|| OTHER.parse().unwrap()).or(event.message().map(|sent| sent.actor_id)));
    }
    // A session started, a profile changed, a read mark moved, settings changed, also for a conversation, a draft changed, a message edited,
    // hidden, scheduled, reacted to or pinned, a mark in a thread: younger than version 1.
    assert_eq!(cases.len() + 12, LogEvent::TYPES.len(), "a new type: its old shape, if it had one, and the new one");
}

#[test]
fn known_event_keeps_fields_that_this_version_does_not_know() {
    let json = format!(
        r#"{{"v":2,"type":"MEMBER_REMOVED","event_id":"{ID}","actor_id":"{ID}","at_ms":1,"conversation_id":"{ID}","user_id":"{ID}","why":[1.0]}}"#
    );
    let (event, text) = LogEvent::decode_with_text(&json).unwrap();
    assert_eq!((event.name(), text.unwrap().get()), ("MEMBER_REMOVED", json.as_str()));
    for unfit in [r#""\u0000""#, r#"{"\u0000":1}"#, "1e999", r#""\ud800""#] {
        assert!(LogEvent::decode(&json.replace("[1.0]", unfit)).is_err(), "{unfit}");
    }
}
