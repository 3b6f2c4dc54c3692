//! Calls of the REST API as each caller makes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context as _, bail, ensure};
use relay_harness::Harness;
use relay_protocol::rest::Problem;
use relay_types::{Clock as _, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::raw_http::api;
use super::super::support::ulid_key;
use super::scene::Scene;
use super::table::{COLUMNS, Row};

/// Operations whose answers hold what is said in the group, or its title, for those who are in it: the words are looked for where they are.
const TELL: [&str; 9] = [
    "getConversation",
    "listConversations",
    "sync",
    "listMessages",
    "getMessage",
    "getThread",
    "listRevisions",
    "searchMessages",
    "listPins",
];

/// The key of what each caller schedules.
const LATER: &str = "later";
/// Each caller's own.
pub const EMOJIS: [&str; 7] = ["👍", "🎉", "❤️", "😂", "😮", "🙏", "🔥"];

/// What ends sessions has one of its own.
const END_SESSIONS: [&str; 3] = ["logout", "changePassword", "logoutEverywhere"];

/// Each operation's method and path.
pub struct Operations(BTreeMap<String, (Method, String)>);

/// What is said besides the operation itself.
#[derive(Default)]
struct Call {
    /// `{id}`, `{message_id}`, `{user_id}`.
    places: [String; 3],
    query: String,
    body: Option<Value>,
}

impl Operations {
    /// As the document names them.
    pub fn of(document: &Value) -> Self {
        let mut all = BTreeMap::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if let (Some(id), Ok(method)) = (operation["operationId"].as_str(), method.to_uppercase().parse()) {
                    all.insert(id.to_owned(), (method, path.clone()));
                }
            }
        }
        Self(all)
    }

    pub fn names(&self) -> BTreeSet<String> {
        self.0.keys().cloned().collect()
    }

    /// Calls it and says what came of it: `yes`, or the code. Keeps every byte of the answer.
    pub async fn call(&self, h: &Harness, scene: &mut Scene, row: &Row, column: usize) -> anyhow::Result<String> {
        let (method, path) = self.0.get(&row.name).with_context(|| format!("{} is no operation", row.name))?;
        let call = call(h, scene, row, column)?;
        let [id, message, user] = &call.places;
        let path = path.replace("{id}", id).replace("{message_id}", message).replace("{user_id}", user).replace("{client_id}", LATER);
        let mut request = api(h, method.clone(), &format!("{path}{}", call.query));
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        if let Some(person) = &scene.people[column].user {
            let token = if END_SESSIONS.contains(&row.name.as_str()) {
                person.log_in("to be ended").await?.access_token().0.clone()
            } else {
                person.device.access_token().0.clone()
            };
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let status = response.status();
        let mut answer = format!("{} {} as {}: {status} {:?}\n", row.name, row.variant, COLUMNS[column], response.headers());
        let body = response.text().await?;
        let _ = writeln!(answer, "{body}");
        scene.answers[column].push_str(&answer);
        if status.is_success() {
            let is_in = column < 3 && row.cells[column] == "yes" && TELL.contains(&row.name.as_str());
            let tells = body.contains(&scene.secrets.word) || body.contains(&scene.secrets.title);
            ensure!(!is_in || tells, "{answer}\nshows nothing of what is said");
            return Ok("yes".to_owned());
        }
        let problem: Problem = serde_json::from_str(&body).with_context(|| answer.clone())?;
        Ok(problem.code.as_str().to_owned())
    }
}

/// What this caller says. Those in the group say its words; the others must not send what is looked for in what they are sent.
fn call(h: &Harness, scene: &Scene, row: &Row, column: usize) -> anyhow::Result<Call> {
    let person = &scene.people[column];
    let (variant, key) = (row.variant.as_str(), ulid_key(0));
    let said = if column < 3 { format!("{} over REST", scene.secrets.word) } else { "nothing".to_owned() };
    let words = json!({ "type": "text", "text": said });
    let of_group = || Call { places: [scene.group.to_string(), scene.message.to_string(), String::new()], ..Call::default() };
    let about = |user: String| Call { places: [scene.group.to_string(), String::new(), user], ..Call::default() };
    let with = |body: Value| Call { body: Some(body), ..of_group() };
    let changing = |message: String, body: Value| Call {
        places: [scene.group.to_string(), message, String::new()],
        body: Some(body),
        ..Call::default()
    };
    let messages = &person.messages[0];
    let owner = scene.people[0].user();
    Ok(match (row.name.as_str(), variant) {
        (
            "me" | "logout" | "listSessions" | "logoutEverywhere" | "getSettings" | "listInvitations" | "listDrafts" | "listScheduled"
            | "listThreads" | "sync",
            "",
        ) => Call::default(),
        ("register" | "login" | "refresh" | "changePassword" | "revokeSession" | "changeProfile" | "changeSettings", _) => {
            own(h, scene, row, column)?
        }
        ("findUser", "") => Call { query: format!("?handle={}", owner.profile.handle), ..Call::default() },
        ("getUser", "") => Call { places: [owner.id().to_string(), String::new(), String::new()], ..Call::default() },
        ("lookUpUsers", "") => with(json!({ "user_ids": [owner.id()] })),
        ("listConversations", "") => Call { places: ["me".to_owned(), String::new(), String::new()], ..Call::default() },
        ("listConversations", "of another's") => {
            Call { places: [scene.writer.id().to_string(), String::new(), String::new()], ..Call::default() }
        }
        ("createConversation", "") => with(json!({ "kind": "group", "title": "a group of one" })),
        ("renameConversation", "") => with(json!({ "title": if column < 3 { &scene.secrets.title } else { "nothing" } })),
        ("addMembers", "") => with(json!({ "user_ids": [scene.newcomer.id()] })),
        ("removeMember", "of another") => about(scene.leaving.get(column).unwrap_or(&scene.writer).id().to_string()),
        ("removeMember", "of the owner") => about(owner.id().to_string()),
        ("setRole", "") => Call { body: Some(json!({ "role": "member" })), ..about(scene.writer.id().to_string()) },
        ("acceptInvitation", "") => Call { places: [scene.second.to_string(), String::new(), String::new()], ..Call::default() },
        ("postMessage", "") => with(json!({ "client_id": key, "conversation_id": scene.group, "body": words })),
        ("scheduleMessage", "") => with(json!({ "body": words, "send_at_ms": in_an_hour() })),
        ("editMessage", "of one's own") => changing(messages.own_edited.to_string(), json!({ "client_id": key, "body": words })),
        ("editMessage", "of another's") => changing(messages.others.to_string(), json!({ "client_id": key, "body": words })),
        ("deleteMessage", "of one's own") => changing(messages.own_deleted.to_string(), json!({ "client_id": key })),
        ("deleteMessage", "of another's") => changing(messages.others.to_string(), json!({ "client_id": key })),
        ("react", "") => changing(messages.others.to_string(), json!({ "client_id": key, "emoji": EMOJIS[column], "on": true })),
        ("pinMessage", "") => changing(messages.others.to_string(), json!({ "client_id": key, "on": true })),
        ("hideMessage", "") => changing(scene.people[6].messages[0].others.to_string(), Value::Null).without_body(),
        ("listMessages", "") => Call { query: format!("?conversation_id={}&limit=200", scene.group), ..Call::default() },
        ("searchMessages", "") => Call { query: format!("?q={}", scene.secrets.word), ..Call::default() },
        ("searchMessages", "in the conversation") => {
            Call { query: format!("?q={}&conversation_id={}", scene.secrets.word, scene.group), ..Call::default() }
        }
        ("putDraft", "") => with(json!({ "text": said })),
        ("changeConversationSettings", "") => with(json!({ "level": "mentions" })),
        ("followThread", "") => with(json!({ "following": true })),
        ("markRead" | "markUnread" | "markThreadRead", "") => with(json!({ "seq": scene.seq })),
        (
            "getConversation" | "getDraft" | "listMembers" | "hideConversation" | "unhideConversation" | "declineInvitation" | "getMessage"
            | "listRevisions" | "getReceipts" | "getMessageReceipts" | "listReaders" | "cancelScheduled" | "listReactions" | "getThread"
            | "listPins",
            "",
        ) => of_group(),
        (name, variant) => bail!("this test does not know how to call {name} {variant:?}: say it here"),
    })
}

/// Not while the test runs, in milliseconds.
fn in_an_hour() -> i64 {
    SystemClock.now_ms() + 3_600_000
}

impl Call {
    fn without_body(self) -> Self {
        Self { body: None, ..self }
    }
}

/// About the caller's own account.
fn own(h: &Harness, scene: &Scene, row: &Row, column: usize) -> anyhow::Result<Call> {
    let user = &scene.people[column].user;
    // The anonymous one tries somebody's handle, and what is no token.
    let handle = user.as_ref().unwrap_or(&scene.writer).profile.handle.clone();
    let password = user.as_ref().map_or("a guess of mine", |user| &user.password.0);
    let with = |body: Value| Call { body: Some(body), ..Call::default() };
    Ok(match (row.name.as_str(), row.variant.as_str()) {
        ("register", "") => {
            let new = h.handle(&format!("new{column}"));
            with(json!({ "handle": new, "display_name": "New", "password": "an unusual phrase of mine" }))
        }
        ("login", "") => with(json!({ "handle": handle, "password": password, "device_name": "another" })),
        ("refresh", "") => with(json!({ "refresh_token": user.as_ref().map_or("nonsense", |user| &user.device.tokens.refresh_token.0) })),
        ("changePassword", "") => with(json!({ "current_password": password, "new_password": password })),
        ("revokeSession", variant) => {
            let own = scene.people[column].spare.filter(|_| variant == "of one's own");
            let session = own.unwrap_or(scene.writer.device.session_id());
            Call { places: [session.to_string(), String::new(), String::new()], ..Call::default() }
        }
        ("changeProfile", "") => with(json!({ "display_name": handle })),
        ("changeSettings", "") => with(json!({ "read_receipts": true })),
        (name, variant) => bail!("this test does not know how to call {name} {variant:?}: say it here"),
    })
}
