//! Which tokens are taken, and where from.

use relay_client::{Connection, HelloError, SocketOptions};
use relay_harness::{Harness, wait_for};
use relay_protocol::rest::{Secret, TokenResponse};
use relay_protocol::{CloseCode, ErrorCode};
use reqwest::Method;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error as WsError, http};

use super::forge::{ed25519, expired, forgeries, from_the_future, parts, signing_key};
use super::raw_http::{api, get, refusal};
use super::support::{LATE, SOON, Socket, TestResult, direct, ulid_key};
use super::witness::row_counts;

/// What the gateway says to a hello with this token: the error's code and the close's number.
async fn hello(h: &Harness, token: &str) -> anyhow::Result<Result<(), (ErrorCode, u16)>> {
    match Connection::hello(&h.gateway_url(0), token, None, &SocketOptions::default()).await {
        Ok(_) => Ok(Ok(())),
        Err(HelloError::Refused { error: Some(error), close }) => Ok(Err((error.code, close.code))),
        Err(other) => Err(other.into()),
    }
}

#[tokio::test]
async fn forged_tokens_are_refused_at_every_door_and_leave_no_trace() -> TestResult {
    let h = Harness::shared_alone().await?;
    let ann = h.user("ann").await?;
    let good = ann.device.access_token().0.clone();
    // The forging itself works: a token made with the right key and claims is taken.
    let (header, claims) = parts(&good);
    let (_, key) = signing_key(&h)?;
    let honest = ed25519(&key, &header, &claims);
    assert_eq!(hello(&h, &honest).await?, Ok(()));
    assert_eq!(api(&h, Method::GET, "/v1/users/me").bearer_auth(&honest).send().await?.status(), 200);

    let before = row_counts(&h).await?;
    for (name, token) in forgeries(&h, &good, &ann.device.tokens.refresh_token.0)? {
        assert_eq!(hello(&h, &token).await?, Err((ErrorCode::Unauthenticated, CloseCode::Unauthenticated.code())), "WebSocket: {name}");
        // Over HTTP a token beyond what headers may hold is refused before it is looked at.
        if token.len() < 8 * 1024 {
            let response = api(&h, Method::GET, "/v1/users/me").bearer_auth(&token).send().await?;
            assert_eq!(refusal(response, name).await?.code, ErrorCode::Unauthenticated, "REST: {name}");
        } else if let Ok(response) = api(&h, Method::GET, "/v1/users/me").bearer_auth(&token).send().await {
            assert!(response.status().is_client_error(), "REST: {name}: {}", response.status());
        }
    }
    // One that makes the frame too large is not even looked at.
    let mut connection = Connection::open(&h.gateway_url(0), &SocketOptions::default()).await?;
    connection.queue_text(relay_protocol::command::encode::hello(&"A".repeat(110 * 1024), None));
    assert_eq!(connection.closed_within(SOON).await.map(|close| close.code), Some(CloseCode::FrameTooLarge.code()));
    for (name, value) in [("basic", "Basic YW5uOmFubg=="), ("no scheme", good.as_str()), ("empty", "")] {
        let response = api(&h, Method::GET, "/v1/users/me").header("authorization", value).send().await?;
        assert_eq!(refusal(response, name).await?.code, ErrorCode::Unauthenticated, "{name}");
    }
    assert_eq!(row_counts(&h).await?, before);
    h.finish().await
}

#[tokio::test]
async fn an_expired_token_is_refused_as_such_and_an_access_token_does_not_refresh() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    let good = ann.device.access_token().0.clone();
    let old = expired(&h, &good)?;
    assert_eq!(hello(&h, &old).await?, Err((ErrorCode::TokenExpired, CloseCode::TokenExpired.code())));
    let response = api(&h, Method::GET, "/v1/users/me").bearer_auth(&old).send().await?;
    assert_eq!(refusal(response, "expired").await?.code, ErrorCode::TokenExpired);
    let refreshed = h.api_client()?.refresh(&Secret(good)).await;
    assert_eq!(super::support::code_of(refreshed), ErrorCode::Unauthenticated);
    h.finish().await
}

/// A clock that is wrong is no reason to log anybody out: another token, or another server, may do.
#[tokio::test]
async fn a_token_that_a_wrong_clock_takes_for_one_from_the_future_is_to_be_replaced() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    let early = from_the_future(&h, &ann.device.access_token().0)?;
    assert_eq!(hello(&h, &early).await?, Err((ErrorCode::TokenExpired, CloseCode::TokenExpired.code())));
    let response = api(&h, Method::GET, "/v1/users/me").bearer_auth(&early).send().await?;
    assert_eq!(refusal(response, "from the future").await?.code, ErrorCode::TokenExpired);
    h.finish().await
}

#[tokio::test]
async fn a_token_in_a_url_is_refused_at_both_doors_even_when_it_is_good() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    let good = ann.device.access_token().0.clone();
    for name in ["token", "access_token", "jwt", "Authorization"] {
        let query = format!("?{name}={good}");
        let response = api(&h, Method::GET, &format!("/v1/users/me{query}")).bearer_auth(&good).send().await?;
        assert_eq!(refusal(response, name).await?.code, ErrorCode::TokenInUrl, "REST: {name}");
        let url = format!("{}/v1/ws{query}", h.gateway_url(0));
        match tokio_tungstenite::connect_async(url).await {
            Err(WsError::Http(response)) => {
                let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
                assert!(response.status() == 400 && body.contains("token_in_url"), "WebSocket: {name}: {} {body}", response.status());
            }
            other => panic!("WebSocket: {name}: {other:?}"),
        }
    }
    assert!(!super::witness::logs(&h)?.contains(&good), "the token is in a log");
    h.finish().await
}

#[tokio::test]
async fn pages_of_other_origins_may_not_connect() -> TestResult {
    let h = Harness::builder().config("gateway", r#"allowed_origins = ["https://chat.example.org"]"#).start().await?;
    let authority = h.gateway(0).public().to_string();
    let own = format!("http://{authority}");
    let cases = [
        ("https://chat.example.org", true),
        (own.as_str(), true),
        ("https://evil.example.org", false),
        ("https://chat.example.org.evil.org", false),
        ("https://chat.example.org:8443", false),
        ("http://chat.example.org", false),
        ("null", false),
        ("", false),
    ];
    for (origin, allowed) in cases {
        let mut request = format!("{}/v1/ws", h.gateway_url(0)).into_client_request()?;
        request.headers_mut().insert(http::header::ORIGIN, origin.parse()?);
        match (tokio_tungstenite::connect_async(request).await, allowed) {
            (Ok(_), true) => {}
            (Err(WsError::Http(response)), false) => {
                let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
                assert!(response.status() == 403 && body.contains("origin_refused"), "{origin}: {} {body}", response.status());
            }
            (other, _) => panic!("{origin:?}: {other:?}"),
        }
    }
    h.finish().await
}

#[tokio::test]
async fn a_new_signing_key_takes_over_and_tokens_of_the_old_one_go_on() -> TestResult {
    let h = Harness::builder().config("tokens", "publish_delay_s = 0").start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut before = Socket::live(&h, 0, &bob.device, None).await?;
    let old_kid = parts(&ann.device.access_token().0).0["kid"].clone();
    h.relayctl(&["token", "rotate"]).await?;
    let kids = || async {
        let text = get(&format!("{}/.well-known/jwks.json", h.api_url())).send().await?.error_for_status()?.text().await?;
        let keys: serde_json::Value = serde_json::from_str(&text)?;
        anyhow::Ok(keys["keys"].as_array().map_or(0, Vec::len))
    };
    wait_for("two keys in the JWKS", LATE, || async {
        match kids().await {
            Ok(2) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let fresh: TokenResponse = wait_for("a token of the new key", LATE, || async {
        let device = ann.log_in("after").await.map_err(|error| format!("{error:#}"))?;
        let kid = parts(&device.access_token().0).0["kid"].clone();
        if kid == old_kid { Err(format!("still {kid}")) } else { Ok(device.tokens) }
    })
    .await;
    wait_for("the gateway to verify it", LATE, || async {
        match hello(&h, &fresh.access_token.0).await {
            Ok(Ok(())) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_eq!(api(&h, Method::GET, "/v1/users/me").bearer_auth(&fresh.access_token.0).send().await?.status(), 200);
    // Tokens of before, on both doors, and the socket of before.
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    assert_eq!(api(&h, Method::GET, "/v1/users/me").bearer_auth(&ann.device.access_token().0).send().await?.status(), 200);
    anns.post(chat, &ulid_key(0), "still talking").await?;
    before.message("still talking").await?;
    h.finish().await
}
