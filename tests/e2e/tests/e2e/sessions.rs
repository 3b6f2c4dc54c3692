//! People's devices: log-in, refresh, log-out, revocation.

use std::time::Duration;

use relay_client::{Connection, HelloError, SocketOptions};
use relay_harness::{Device, Harness, wait_for};
use relay_protocol::rest::Password;
use relay_protocol::{CloseCode, ErrorCode, ServerFrame};
use reqwest::Method;

use super::raw_http::{api, refusal};
use super::support::{LATE, Socket, TestResult, code_of, direct, ulid_key};

/// What a person is promised.
const WITHIN: Duration = Duration::from_secs(5);

/// The socket closes as revoked in time, and the session cannot come back anywhere.
async fn is_over(h: &Harness, socket: &mut Socket, device: &Device) -> TestResult {
    let close = socket.connection.closed_within(WITHIN).await.expect("the socket closes within 5 s");
    assert_eq!(close.code, CloseCode::SessionRevoked.code());
    match Connection::hello(&h.gateway_url(0), &device.access_token().0, None, &SocketOptions::default()).await {
        // A fresh gateway learns it while catching up, after the welcome.
        Ok((mut connection, _)) => {
            let close = connection.closed_within(WITHIN).await.expect("the socket closes");
            assert_eq!(close.code, CloseCode::SessionRevoked.code());
        }
        Err(HelloError::Refused { close, .. }) => assert_eq!(close.code, CloseCode::SessionRevoked.code()),
        Err(other) => return Err(other.into()),
    }
    let response = api(h, Method::GET, "/v1/users/me").bearer_auth(&device.access_token().0).send().await?;
    assert_eq!(refusal(response, "an ended session").await?.code, ErrorCode::SessionRevoked);
    Ok(())
}

#[tokio::test]
async fn refresh_tokens_rotate_and_using_one_twice_ends_the_session_and_its_sockets() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    let other = ann.log_in("other").await?;
    let mut socket = Socket::live(&h, 0, &ann.device, None).await?;
    let mut others = Socket::live(&h, 0, &other, None).await?;
    let api = h.api_client()?;
    let first = ann.device.tokens.refresh_token.clone();
    let second = api.refresh(&first).await?;
    assert_ne!(second.refresh_token, first);
    assert_eq!((second.user_id, second.session_id), (ann.id(), ann.device.session_id()));
    let third = api.refresh(&second.refresh_token).await?;
    assert_eq!(code_of(api.refresh(&first).await), ErrorCode::RefreshReused);
    // The thief's and the owner's newest are void alike.
    let newest = code_of(api.refresh(&third.refresh_token).await);
    assert!(matches!(newest, ErrorCode::SessionRevoked | ErrorCode::RefreshReused | ErrorCode::Unauthenticated), "{newest}");
    is_over(&h, &mut socket, &ann.device).await?;
    others.passed(relay_types::Seq::ZERO).await?;
    h.finish().await
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_is_repeated_and_two_tabs_at_once_are_one_session() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    let mut socket = Socket::live(&h, 0, &ann.device, None).await?;
    let api = h.api_client()?;
    let first = ann.device.tokens.refresh_token.clone();
    // Many at once, and one more as if nobody had answered.
    let answers = futures::future::try_join_all((0..10).map(|_| api.refresh(&first))).await?;
    let again = api.refresh(&first).await?;
    for answer in answers.iter().chain([&again]) {
        assert_eq!((answer.session_id, &answer.refresh_token), (ann.device.session_id(), &again.refresh_token));
        api.with_token(answer.access_token.clone()).me().await?;
    }
    socket.passed(relay_types::Seq::ZERO).await?;
    let newest = api.refresh(&again.refresh_token).await?;
    assert_eq!(api.refresh(&again.refresh_token).await?.refresh_token, newest.refresh_token);
    // Whoever comes with what is older than that holds a copy.
    assert_eq!(code_of(api.refresh(&first).await), ErrorCode::RefreshReused);
    assert!(api.refresh(&newest.refresh_token).await.is_err());
    is_over(&h, &mut socket, &ann.device).await?;
    h.finish().await
}

#[tokio::test]
async fn logging_out_ends_this_device_only() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let other = ann.log_in("other").await?;
    let chat = direct(&ann, &bob).await?;
    let mut socket = Socket::live(&h, 0, &ann.device, None).await?;
    let mut others = Socket::live(&h, 0, &other, None).await?;
    ann.api.logout().await?;
    is_over(&h, &mut socket, &ann.device).await?;
    let refreshed = h.api_client()?.refresh(&ann.device.tokens.refresh_token).await;
    assert!(matches!(code_of(refreshed), ErrorCode::SessionRevoked | ErrorCode::Unauthenticated));
    others.post(chat, &ulid_key(0), "the other device talks on").await?;
    other.api.me().await?;
    h.finish().await
}

#[tokio::test]
async fn a_revoked_device_is_closed_on_every_gateway_and_the_other_devices_are_not() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let lost = ann.log_in("lost phone").await?;
    let mut here = Socket::live(&h, 0, &lost, None).await?;
    let mut there = Socket::live(&h, 1, &lost, None).await?;
    let mut kept = Socket::live(&h, 0, &ann.device, None).await?;
    let sessions = ann.api.sessions().await?.sessions;
    let names: Vec<_> = sessions.iter().map(|session| (session.device_name.to_string(), session.current)).collect();
    assert_eq!(names, [("lost phone".to_owned(), false), ("first".to_owned(), true)]);
    // Nobody else can end it.
    assert_eq!(code_of(bob.api.revoke(lost.session_id()).await), ErrorCode::UnknownSession);
    ann.api.revoke(lost.session_id()).await?;
    let close = there.connection.closed_within(WITHIN).await.expect("closes on the other gateway within 5 s");
    assert_eq!(close.code, CloseCode::SessionRevoked.code());
    is_over(&h, &mut here, &lost).await?;
    kept.passed(relay_types::Seq::ZERO).await?;
    assert!(!kept.frames.iter().any(|frame| matches!(frame, ServerFrame::Error(_))));
    assert_eq!(ann.api.sessions().await?.sessions.len(), 1);
    ann.api.revoke(lost.session_id()).await?;
    h.finish().await
}

#[tokio::test]
async fn a_session_that_ended_while_a_gateway_was_down_does_not_get_in_afterwards() -> TestResult {
    let h = Harness::builder().config("gateway", "ring_warmup_ms = 0").start().await?;
    let ann = h.user("ann").await?;
    let lost = ann.log_in("lost").await?;
    h.gateway(0).kill();
    ann.api.revoke(lost.session_id()).await?;
    // The gateway's tail begins with the newest event, which is now another one.
    h.user("bob").await?;
    h.gateway(0).restart().await?;
    // With the other device here, this gateway knows the user and asks no database: only the log can have told it.
    let _kept = Socket::live(&h, 0, &ann.device, None).await?;
    let socket = Socket::live(&h, 0, &lost, None).await;
    assert!(socket.is_err(), "the ended session is live");
    Socket::live(&h, 0, &ann.device, None).await?;
    h.finish().await
}

#[tokio::test]
async fn unknown_handle_and_wrong_password_get_the_same_answer() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    let attempt = |handle: &str, password: &str| {
        let body = serde_json::json!({ "handle": handle, "password": password, "device_name": "d" });
        api(&h, Method::POST, "/v1/auth/login").json(&body).send()
    };
    let unknown = refusal(attempt("nobody", "a password").await?, "unknown").await?;
    let wrong = refusal(attempt(ann.profile.handle.as_str(), "a password").await?, "wrong").await?;
    assert_eq!((unknown.code.known(), &unknown.detail, &unknown.title), (Some(ErrorCode::BadCredentials), &wrong.detail, &wrong.title));
    assert_eq!(unknown.code, wrong.code);
    let taken = h.api_client()?.register(&ann.profile.handle, &"another".parse()?, &Password("another password".to_owned())).await;
    assert_eq!(code_of(taken), ErrorCode::HandleTaken);
    assert_eq!(attempt(ann.profile.handle.as_str(), &ann.password.0).await?.status(), 200);
    h.finish().await
}

/// The api believes the proxy in front of it, so each guesser may come from an address of their own.
#[tokio::test]
async fn guesses_slow_down_who_guesses_and_not_the_owner() -> TestResult {
    let settings =
        "trusted_proxies = 1\n[limits]\nlogin_failures = { free = 3, first_ms = 60000 }\nlogins_per_handle = { limit = 10, per_s = 3600 }";
    let h = Harness::builder().config("api", settings).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let log_in = async |from: &str, handle: &str, password: &str| -> anyhow::Result<Option<ErrorCode>> {
        let body = serde_json::json!({ "handle": handle, "password": password, "device_name": "d" });
        let response = api(&h, Method::POST, "/v1/auth/login").header("x-forwarded-for", from).json(&body).send().await?;
        Ok(if response.status() == 200 { None } else { refusal(response, "a log-in").await?.code.known() })
    };
    assert_eq!(log_in("192.0.2.1", "ann", &ann.password.0).await?, None, "the owner's address is known from now on");
    // One guesser, whose IPv6 addresses are one network: three guesses are free, a fourth begins the wait.
    let mut codes = Vec::new();
    for n in 0..10 {
        codes.extend(log_in(&format!("2001:db8::{n}"), "ann", "a wrong guess").await?);
    }
    let judged = codes.iter().filter(|code| **code == ErrorCode::BadCredentials).count();
    assert_eq!((judged, codes.len()), (4, 10), "{codes:?}");
    assert_eq!(codes.last(), Some(&ErrorCode::RateLimited), "not the right password either would get in now");
    assert_eq!(log_in("2001:db8::77", "ann", &ann.password.0).await?, Some(ErrorCode::RateLimited));
    assert_eq!(log_in("198.51.100.1", "ann", &ann.password.0).await?, None, "the owner from another network, while few guess");
    // Many guessers: strangers' networks are used up, the owner's are not.
    let mut limited = 0;
    for n in 0..20 {
        limited += usize::from(log_in(&format!("203.0.113.{n}"), "ann", "a wrong guess").await? == Some(ErrorCode::RateLimited));
    }
    assert!(limited >= 10, "{limited} of 20");
    assert_eq!(log_in("203.0.113.99", "ann", &ann.password.0).await?, Some(ErrorCode::RateLimited), "a stranger's network");
    assert_eq!(log_in("192.0.2.1", "ann", &ann.password.0).await?, None, "the owner's");
    assert_eq!(log_in("2001:db8::1", "bob", &bob.password.0).await?, None, "another handle");
    // Nobody learns which handles exist: the same waits for one that does not.
    let mut unknown = Vec::new();
    for _ in 0..5 {
        unknown.extend(log_in("192.0.2.9", "nobody_here", "a wrong guess").await?);
    }
    assert_eq!(unknown, codes[..5]);
    h.finish().await
}

#[tokio::test]
async fn a_socket_ends_with_its_session_and_a_connected_device_is_not_put_out_by_log_ins() -> TestResult {
    let h = Harness::builder().config("api", "max_sessions = 3").start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut database = h.database().await?;
    sqlx::query("UPDATE sessions SET ends_at = now() + interval '8 seconds' WHERE session_id = $1")
        .bind(bob.device.session_id().to_uuid())
        .execute(&mut database)
        .await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let mut phone = Socket::live(&h, 0, &ann.device, None).await?;
    let database = tokio::sync::Mutex::new(database);
    wait_for("the phone to count as in use", LATE, || async {
        let known: bool = sqlx::query_scalar("SELECT in_use_until > now() IS TRUE FROM sessions WHERE session_id = $1")
            .bind(ann.device.session_id().to_uuid())
            .fetch_one(&mut *database.lock().await)
            .await
            .map_err(|error| error.to_string())?;
        if known { Ok(()) } else { Err("not yet".to_owned()) }
    })
    .await;
    for n in 0..4 {
        ann.log_in(&format!("another {n}")).await?;
    }
    phone.post(chat, &ulid_key(0), "still here").await?;
    let listed = ann.api.sessions().await?;
    assert!(listed.sessions.iter().any(|session| session.session_id == ann.device.session_id()), "{listed:?}");

    // It told nobody that it ends, and the access token is good for longer.
    assert_eq!(bobs.close_code().await?, CloseCode::SessionRevoked.code());
    let (mut again, _) = Connection::hello(&h.gateway_url(0), &bob.device.access_token().0, None, &SocketOptions::default()).await?;
    let close = again.closed_within(WITHIN).await.expect("the socket closes");
    assert_eq!(close.code, CloseCode::SessionRevoked.code());
    h.finish().await
}
