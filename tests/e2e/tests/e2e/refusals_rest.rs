//! Everything a REST call may not say: a registered code as a problem document, and no trace.

use relay_harness::Harness;
use relay_protocol::ErrorCode as E;
use relay_types::text::MAX_MESSAGE_BYTES;
use reqwest::Method;
use serde_json::{Value, json};

use super::raw_http::{api, refusal};
use super::support::{Socket, TestResult, direct, group, key, text, ulid_key};
use super::witness::{log_end, logs, persisted, row_counts};

const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

#[tokio::test]
async fn a_bad_body_is_refused_by_its_code_and_leaves_no_trace() -> TestResult {
    let h = Harness::shared_alone().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?.to_string();
    let crowd = group(&ann, &[&bob]).await?.to_string();
    persisted(&h).await?;
    let (end, before) = (log_end(&h).await?, row_counts(&h).await?);
    let token = ann.device.access_token().0.clone();

    let message =
        |client_id: &str, conversation: &str, body: Value| json!({ "client_id": client_id, "conversation_id": conversation, "body": body });
    let words = |text: &str| json!({ "type": "text", "text": text });
    let members = format!("/v1/conversations/{crowd}/members");
    let crowd_path = format!("/v1/conversations/{crowd}");
    let register = |handle: &str, name: &str, password: &str| json!({ "handle": handle, "display_name": name, "password": password });
    let (post, patch) = (Method::POST, Method::PATCH);
    let cases: Vec<(&Method, &str, Value, &[E])> = vec![
        (&post, "/v1/messages", message("k", ID, words("x")), &[E::NotMember]),
        (&post, "/v1/messages", message("k", &chat, words("")), &[E::EmptyMessage]),
        (&post, "/v1/messages", message("k", &chat, words(" ")), &[E::EmptyMessage]),
        (&post, "/v1/messages", message("k", &chat, words(&"x".repeat(MAX_MESSAGE_BYTES + 1))), &[E::MessageTooLong]),
        (&post, "/v1/messages", message("k", &chat, words("a\0b")), &[E::InvalidField]),
        (&post, "/v1/messages", message("k", &chat, json!({ "type": "hologram" })), &[E::UnsupportedBody]),
        (&post, "/v1/messages", message("k", &chat, json!({ "type": "text", "text": "x", "reply_to": ID })), &[E::MalformedFrame]),
        (&post, "/v1/messages", message("*", &chat, words("x")), &[E::BadClientId]),
        (&post, "/v1/messages", message("", &chat, words("x")), &[E::BadClientId]),
        (&post, "/v1/messages", message(&"k".repeat(65), &chat, words("x")), &[E::BadClientId]),
        (&post, "/v1/messages", message("k", ">", words("x")), &[E::BadId]),
        (&post, "/v1/messages", message("k", "a\r\nb", words("x")), &[E::BadId]),
        (&post, "/v1/messages", message("k", &"A".repeat(10_240), words("x")), &[E::BadId]),
        (
            &post,
            "/v1/messages",
            json!({ "client_id": "k", "conversation_id": chat, "body": words("x"), "extra": 1 }),
            &[E::InvalidField, E::MalformedFrame],
        ),
        (&post, "/v1/messages", json!({ "client_id": "k" }), &[E::MalformedFrame]),
        (&post, "/v1/messages", json!([]), &[E::MalformedFrame]),
        (&post, "/v1/conversations", json!({ "kind": "direct", "user_id": ID }), &[E::UnknownUser]),
        (&post, "/v1/conversations", json!({ "kind": "direct", "user_id": "*" }), &[E::BadId]),
        (&post, "/v1/conversations", json!({ "kind": "party" }), &[E::MalformedFrame, E::InvalidField]),
        (&post, "/v1/conversations", json!({ "kind": "group", "title": "" }), &[E::InvalidField]),
        (&post, "/v1/conversations", json!({ "kind": "group", "title": "a\r\nb" }), &[E::InvalidField]),
        (&post, "/v1/conversations", json!({ "kind": "group", "title": "x".repeat(101) }), &[E::InvalidField]),
        (&post, "/v1/conversations", json!({ "kind": "group", "title": "t", "member_ids": [ID] }), &[E::UnknownUser]),
        (&patch, &crowd_path, json!({ "title": " " }), &[E::InvalidField]),
        (&patch, &crowd_path, json!({ "titel": "t" }), &[E::InvalidField, E::MalformedFrame]),
        (&post, &members, json!({ "user_ids": [ID] }), &[E::UnknownUser]),
        (&post, &members, json!({ "user_ids": ["."] }), &[E::BadId]),
        (&post, &members, json!({ "user_ids": [] }), &[E::InvalidField]),
        (&post, &members, json!({ "user_ids": vec![ID; 501] }), &[E::InvalidField]),
        (&post, "/v1/users/lookup", json!({ "user_ids": [] }), &[E::InvalidField]),
        (&post, "/v1/auth/register", register(ann.profile.handle.as_str(), "another ann", "some other password"), &[E::HandleTaken]),
        (&post, "/v1/auth/register", register("A B", "x", "some other password"), &[E::InvalidField]),
        (&post, "/v1/auth/register", register("x".repeat(40).as_str(), "x", "some other password"), &[E::InvalidField]),
        (&post, "/v1/auth/register", register("carol", "x\u{202E}y", "some other password"), &[E::InvalidField]),
        (&post, "/v1/auth/register", register("carol", "\u{200B}", "some other password"), &[E::InvalidField]),
        (&post, "/v1/auth/register", register("carol", "\u{301}carol", "some other password"), &[E::InvalidField]),
        (&post, "/v1/auth/register", register("carol", "x\u{2028}y", "some other password"), &[E::InvalidField]),
        (&post, "/v1/auth/register", register("system", "Carol", "some other password"), &[E::HandleReserved]),
        (&post, "/v1/auth/register", register("carol", "Carol", "password1"), &[E::PasswordTooGuessable]),
        (&post, "/v1/auth/register", register("carol_lee", "Carol", "carol_lee1"), &[E::PasswordTooGuessable]),
        (&post, "/v1/auth/register", register("carol", "x", "short"), &[E::InvalidField]),
        (&post, "/v1/auth/register", register("carol", "x", &"p".repeat(257)), &[E::InvalidField]),
        (&post, "/v1/auth/refresh", json!({ "refresh_token": "nonsense" }), &[E::Unauthenticated]),
    ];
    for (method, path, body, codes) in cases {
        let what = format!("{method} {path} {}", body.to_string().chars().take(120).collect::<String>());
        let response = api(&h, method.clone(), path).bearer_auth(&token).json(&body).send().await?;
        let problem = refusal(response, &what).await?;
        assert!(codes.iter().any(|code| problem.code == *code), "{what}: {} {}", problem.code, problem.detail);
    }
    let not_json = api(&h, Method::POST, "/v1/messages").bearer_auth(&token).header("content-type", "application/json").body("{").send();
    assert_eq!(refusal(not_json.await?, "not JSON").await?.code, E::MalformedFrame);
    let large =
        api(&h, Method::POST, "/v1/messages").bearer_auth(&token).header("content-type", "application/json").body("x".repeat(1 << 20));
    assert_eq!(refusal(large.send().await?, "a body of 1 MiB").await?.code, E::FrameTooLarge);
    assert_eq!(log_end(&h).await?, end, "the log is as before");
    assert_eq!(row_counts(&h).await?, before, "the database is as before");
    h.finish().await
}

#[tokio::test]
async fn bad_paths_queries_and_methods_are_refused_by_their_code() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let token = ann.device.access_token().0.clone();
    let (get, delete, put) = (Method::GET, Method::DELETE, Method::PUT);
    let mut cases: Vec<(Method, String, &[E])> = vec![
        (get.clone(), "/".to_owned(), &[E::NotFound]),
        (get.clone(), "/v1/nothing".to_owned(), &[E::NotFound]),
        (delete.clone(), "/v1/messages".to_owned(), &[E::MethodNotAllowed]),
        (put.clone(), "/v1/auth/login".to_owned(), &[E::MethodNotAllowed]),
        (get.clone(), "/v1/messages".to_owned(), &[E::MalformedFrame, E::InvalidField]),
        (get.clone(), "/v1/messages?conversation_id=*".to_owned(), &[E::BadId]),
        (get.clone(), format!("/v1/messages?conversation_id={ID}"), &[E::NotMember]),
        (get.clone(), format!("/v1/messages?conversation_id={chat}&limit=0"), &[E::InvalidField]),
        (get.clone(), format!("/v1/messages?conversation_id={chat}&limit=201"), &[E::InvalidField]),
        (get.clone(), format!("/v1/messages?conversation_id={chat}&limit=many"), &[E::InvalidField, E::MalformedFrame]),
        (get.clone(), format!("/v1/messages?conversation_id={chat}&befour=3"), &[E::InvalidField, E::MalformedFrame]),
        (get.clone(), "/v1/users?handle=A%20B".to_owned(), &[E::InvalidField]),
        (get.clone(), "/v1/users?handle=nobody_here".to_owned(), &[E::UnknownUser]),
        (get.clone(), "/v1/users/me/conversations?cursor=garbage".to_owned(), &[E::InvalidField, E::BadPosition, E::MalformedFrame]),
        (get.clone(), format!("/v1/users/me/conversations?cursor={}-{ID}", i64::MAX), &[E::InvalidField]),
        (get.clone(), format!("/v1/users/{}/conversations", bob.id()), &[E::Forbidden]),
        (get.clone(), format!("/v1/conversations/{ID}"), &[E::NotMember]),
        (delete.clone(), format!("/v1/auth/sessions/{ID}"), &[E::UnknownSession]),
        (delete.clone(), format!("/v1/conversations/{chat}/members/*"), &[E::BadId]),
        (get.clone(), format!("/v1/conversations/{ID}/members"), &[E::NotMember]),
        (get.clone(), format!("/v1/conversations/{chat}/members?limit=501"), &[E::InvalidField]),
        (put.clone(), format!("/v1/conversations/{ID}/hidden"), &[E::NotMember]),
        (get.clone(), format!("/v1/users/{ID}"), &[E::UnknownUser]),
        (Method::POST, format!("/v1/invitations/{ID}/accept"), &[E::UnknownInvitation]),
        (Method::POST, format!("/v1/invitations/{chat}/decline"), &[E::UnknownInvitation]),
    ];
    for id in ["*", "%3E", "a.b", "%0d%0aPUB", "%00", "%C3%A4", "%ff", &ID.to_lowercase(), &"A".repeat(4_000)] {
        cases.push((get.clone(), format!("/v1/conversations/{id}"), &[E::BadId]));
        cases.push((delete.clone(), format!("/v1/auth/sessions/{id}"), &[E::BadId]));
    }
    for (method, path, codes) in cases {
        let what = format!("{method} {}", path.chars().take(100).collect::<String>());
        let response = api(&h, method, &path).bearer_auth(&token).send().await?;
        if codes == [E::MethodNotAllowed] {
            assert!(response.headers().contains_key("allow"), "{what} names what is allowed");
        }
        let problem = refusal(response, &what).await?;
        assert!(codes.iter().any(|code| problem.code == *code), "{what}: {} {}", problem.code, problem.detail);
    }
    let open = api(&h, Method::GET, "/v1/users/me").send().await?;
    assert!(open.headers().contains_key("www-authenticate"));
    assert_eq!(refusal(open, "no token").await?.code, E::Unauthenticated);
    h.finish().await
}

#[tokio::test]
async fn no_message_token_or_password_is_in_any_log() -> TestResult {
    let h = Harness::builder().config("log", r#"filter = "debug,async_nats=info,hyper=info,fred=info""#).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let canary = "xylophone-canary-4711";
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    anns.post(chat, &ulid_key(0), canary).await?;
    bobs.message(canary).await?;
    bob.api.post_message(chat, &ulid_key(0), &text(canary)).await?;
    // Refusals log too.
    anns.error_to(&format!(r#"{{"type":"{canary}"}}"#)).await?;
    anns.error_to(&format!(r#"{{"type":"send_message","client_id":"{canary} {canary}"}}"#)).await?;
    anns.refused(ID.parse()?, &key("k"), canary).await?;
    let token = ann.device.access_token().0.clone();
    for body in [
        json!({ "client_id": "k", "text": canary }),
        json!({ "client_id": canary.repeat(9), "conversation_id": chat, "body": { "type": canary } }),
    ] {
        refusal(api(&h, Method::POST, "/v1/messages").bearer_auth(&token).json(&body).send().await?, "canary").await?;
    }
    let login = json!({ "handle": "ann", "password": canary, "device_name": "d" });
    refusal(api(&h, Method::POST, "/v1/auth/login").json(&login).send().await?, "canary").await?;
    refusal(api(&h, Method::POST, "/v1/auth/refresh").json(&json!({ "refresh_token": canary })).send().await?, "canary").await?;
    refusal(api(&h, Method::GET, "/v1/users/me").bearer_auth(canary).send().await?, "canary").await?;
    h.api_client()?.refresh(&ann.device.tokens.refresh_token).await?;
    persisted(&h).await?;
    let logs = logs(&h)?;
    assert!(logs.contains("\"DEBUG\""), "the logs are as talkative as asked");
    let secrets = [canary, &ann.password.0, &token, &ann.device.tokens.refresh_token.0, &bob.device.access_token().0, h.nats().password()];
    for (index, secret) in secrets.iter().enumerate() {
        let line = logs.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "secret {index} is in a log: {}", line.unwrap_or_default().chars().take(160).collect::<String>());
    }
    h.finish().await
}
