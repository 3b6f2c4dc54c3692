//! HTTP without the SDK's help: what no client should send, and every header of the answer.

use std::sync::OnceLock;
use std::time::Duration;

use relay_client::ApiClient;
use relay_harness::Harness;
use relay_protocol::ErrorCode;
use relay_protocol::rest::Problem;
use reqwest::{Client, Method, RequestBuilder, Response};

/// One pool for the test binary; made after the SDK, which chooses the TLS implementation that both need.
pub fn client() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        ApiClient::new("http://127.0.0.1:1").expect("an address");
        Client::builder()
            .tls_certs_only(std::iter::empty())
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            // Tests have runtimes of their own, and a pooled connection belongs to one.
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client")
    })
}

/// A request to the api of this test.
pub fn api(harness: &Harness, method: Method, path_and_query: &str) -> RequestBuilder {
    client().request(method, format!("{}{path_and_query}", harness.api_url()))
}

/// A request anywhere.
pub fn get(url: &str) -> RequestBuilder {
    client().get(url)
}

/// What a refusal looks like from outside, checked in all its parts.
pub async fn refusal(response: Response, what: &str) -> anyhow::Result<Problem> {
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (content_type, request_id, retry_after) = (header("content-type"), header("x-request-id"), header("retry-after"));
    let body = response.text().await?;
    let problem: Problem = serde_json::from_str(&body).map_err(|error| anyhow::anyhow!("{what}: {status} {body:?}: {error}"))?;
    assert_eq!(content_type, "application/problem+json", "{what}");
    let code = problem.code.known().ok_or_else(|| anyhow::anyhow!("{what}: {} is not registered", problem.code))?;
    assert_eq!((problem.status, status), (code.http_status(), code.http_status()), "{what}");
    assert!(!request_id.is_empty() && problem.request_id == request_id, "{what}: the request's id is in the header and the body");
    assert_eq!(problem.retryable, code.retryable(), "{what}");
    if problem.code == ErrorCode::RateLimited {
        assert!(problem.retry_after_ms.is_some() && retry_after.parse::<u64>().is_ok(), "{what}: when to try again");
    }
    Ok(problem)
}
