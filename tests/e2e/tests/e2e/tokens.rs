//! Which tokens are taken, and where from.

use relay_client::{Connection, HelloError, SocketOptions};
use relay_harness::{Harness, wait_for};
use relay_protocol::rest::{Secret, TokenResponse};
use relay_protocol::{CloseCode, ErrorCode};
use reqwest::Method;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error as WsError, http};

use super::forge::{ed25519, expired, forgeries, from_the_future, of_an_unknown_key, parts, signing_key};
use super::raw_http::{api, get, refusal};
use super::support::{LATE, SOON, Socket, TestResult, direct, ulid_key};
use super::witness::row_counts;

/// What the gateway says to a hello with this token: the error's code and the close's number.
async fn hello(h: &Harness, token: &str) -> anyhow::Result<Result<(), (ErrorCode, u16)>> {
    match Connection::hello(&h.gateway_url(0), token, None, &SocketOptions::default()).await {
        Ok(_) => Ok(Ok(())),
        Err(HelloError::Refused { error: Some(error), close }) => Ok(Err((error.code.known().expect("registered"), close.code))),
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

/// A key that has not come yet, or has gone, is no reason to log anybody out: a fresh token is signed with another.
#[tokio::test]
async fn a_token_of_an_unknown_key_is_to_be_replaced() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    let unknown = of_an_unknown_key(&ann.device.access_token().0);
    assert_eq!(hello(&h, &unknown).await?, Err((ErrorCode::TokenExpired, CloseCode::TokenExpired.code())));
    let response = api(&h, Method::GET, "/v1/users/me").bearer_auth(&unknown).send().await?;
    assert_eq!(refusal(response, "an unknown key").await?.code, ErrorCode::TokenExpired);
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
    let spelt = good.replace('.', "%2E");
    let named = ["token", "access_token", "jwt", "Authorization", "%74oken"].map(|name| format!("?{name}={good}"));
    for query in named.into_iter().chain([format!("?x={good}"), format!("?x={spelt}"), format!("?{spelt}")]) {
        let name = query.split('=').next().unwrap_or_default();
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
async fn pages_of_other_origins_are_refused_at_both_doors() -> TestResult {
    let h = Harness::builder().config("web", r#"public_origins = ["https://chat.example.org"]"#).start().await?;
    let ann = h.user("ann").await?;
    let (gateway, rest) = (h.gateway(0).public().to_string(), h.api().public().to_string());
    // Origins, the Host header unless it is the address, and whether the page is let in.
    let cases = [
        (vec!["https://chat.example.org"], None, true),
        (vec!["own"], None, true),
        (vec![], None, true),
        (vec!["https://evil.example.org"], None, false),
        (vec!["https://chat.example.org.evil.org"], None, false),
        (vec!["https://chat.example.org:8443"], None, false),
        (vec!["http://chat.example.org"], None, false),
        (vec!["null"], None, false),
        (vec![""], None, false),
        // A name that somebody made resolve to our address.
        (vec!["http://evil.example.org"], Some("evil.example.org"), false),
        // Which of two is meant?
        (vec!["https://chat.example.org", "https://evil.example.org"], None, false),
    ];
    for (origins, host, allowed) in cases {
        let what = format!("{origins:?} at {host:?}");
        let mut request = format!("{}/v1/ws", h.gateway_url(0)).into_client_request()?;
        let mut me = api(&h, Method::GET, "/v1/users/me").bearer_auth(&ann.device.access_token().0);
        for origin in &origins {
            let at = |address: &str| if *origin == "own" { format!("http://{address}") } else { (*origin).to_owned() };
            request.headers_mut().append(http::header::ORIGIN, at(&gateway).parse()?);
            me = me.header("origin", at(&rest));
        }
        if let Some(host) = host {
            request.headers_mut().insert(http::header::HOST, host.parse()?);
            me = me.header("host", host);
        }
        match (tokio_tungstenite::connect_async(request).await, allowed) {
            (Ok(_), true) => {}
            (Err(WsError::Http(response)), false) => {
                let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
                assert!(response.status() == 403 && body.contains("origin_refused"), "{what}: {} {body}", response.status());
            }
            (other, _) => panic!("{what}: {other:?}"),
        }
        let response = me.send().await?;
        let readable = response.headers().contains_key("access-control-allow-origin");
        if allowed {
            assert!(response.status() == 200 && readable != origins.is_empty(), "{what}: {response:?}");
        } else {
            assert!(!readable, "{what}: {response:?}");
            assert_eq!(refusal(response, &what).await?.code, ErrorCode::OriginRefused, "{what}");
        }
    }
    // What a browser asks before it sends a token from another origin, and a refusal that the page may read.
    let preflight = api(&h, Method::OPTIONS, "/v1/messages")
        .header("origin", "https://chat.example.org")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let answer = preflight.send().await?;
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_lowercase();
    assert_eq!(answer.status(), 200);
    assert_eq!(header("access-control-allow-origin"), "https://chat.example.org");
    assert!(header("access-control-allow-methods").contains("post") && header("access-control-allow-headers").contains("authorization"));
    assert_eq!((header("access-control-allow-credentials").as_str(), header("access-control-max-age").as_str()), ("", "600"));
    let refused = api(&h, Method::GET, "/v1/users/me").header("origin", "https://chat.example.org").send().await?;
    assert_eq!(refused.status(), 401);
    assert!(refused.headers().contains_key("access-control-allow-origin"));
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
