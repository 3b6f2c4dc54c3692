//! REST calls.

mod accounts;
mod conversations;
mod messages;
mod threads;

use std::sync::Arc;
use std::time::Duration;

use relay_protocol::ErrorCode;
use relay_protocol::rest::{Problem, Secret};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ClientError;
use crate::token_provider::{StaticToken, TokenProvider};

/// For a whole call. Longer than the server tries to have an event acknowledged.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of the largest page, with room to spare.
const MAX_ANSWER: usize = 32 * 1024 * 1024;
/// Bytes of a refusal, or a key set.
const MAX_PROBLEM: usize = 64 * 1024;
/// For reaching the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The REST API of one server. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    /// Without a trailing slash.
    base: Arc<str>,
    tokens: Option<Arc<dyn TokenProvider>>,
}

impl std::fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiClient").field("base", &self.base).field("logged_in", &self.tokens.is_some()).finish_non_exhaustive()
    }
}

/// What reaching this server takes.
pub(crate) fn reaching(mut builder: reqwest::ClientBuilder, base: &str) -> reqwest::ClientBuilder {
    if !base.starts_with("https:") {
        // Loading the machine's certificates takes milliseconds and fails where there are none.
        builder = builder.tls_certs_only(std::iter::empty());
    }
    if Url::parse(base).is_ok_and(|url| is_this_machine(&url)) {
        // A proxy of the environment cannot reach this machine's own addresses.
        builder = builder.no_proxy();
    }
    builder
}

impl ApiClient {
    /// A client of the API at `base`, such as `http://127.0.0.1:7090`, without a session.
    pub fn new(base: &str) -> Result<Self, ClientError> {
        let bad = |reason| ClientError::BadUrl { url: base.to_owned(), reason };
        let url = Url::parse(base).map_err(|_| bad("an http:// or https:// URL is expected"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("an http:// or https:// URL is expected"));
        }
        if url.host_str().is_none() || url.query().is_some() {
            return Err(bad("a host, and no query, is expected"));
        }
        crate::install_tls();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("relay-client/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT);
        let base: Arc<str> = base.trim_end_matches('/').into();
        let http =
            reaching(builder, &base).build().map_err(|error| ClientError::Transport { server: base.to_string(), source: error.into() })?;
        Ok(Self { http, base, tokens: None })
    }

    /// The same server, with tokens for the calls that need a session.
    #[must_use]
    pub fn with_tokens(&self, tokens: Arc<dyn TokenProvider>) -> Self {
        Self { tokens: Some(tokens), ..self.clone() }
    }

    /// The same server, with one token that is not renewed.
    #[must_use]
    pub fn with_token(&self, token: Secret) -> Self {
        self.with_tokens(Arc::new(StaticToken(token)))
    }

    /// The server's address.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// A call without a session.
    async fn call_open<B: Serialize + Sync, T: DeserializeOwned>(&self, method: Method, path: &str, body: &B) -> Result<T, ClientError> {
        let response = self.send(self.request(method, path).json(body)).await?;
        self.read(response).await
    }

    /// A call with a session and a JSON answer.
    async fn call<T: DeserializeOwned>(&self, build: impl Fn() -> RequestBuilder + Send) -> Result<T, ClientError> {
        let response = self.send_authorised(build).await?;
        self.read(response).await
    }

    /// A call with a session and no answer beyond success.
    async fn call_empty(&self, build: impl Fn() -> RequestBuilder + Send) -> Result<(), ClientError> {
        self.send_authorised(build).await.map(|_| ())
    }

    /// Sends with the current token, and once more with a fresh one when the server says that it has expired.
    async fn send_authorised(&self, build: impl Fn() -> RequestBuilder + Send) -> Result<Response, ClientError> {
        let tokens = self.tokens.as_ref().ok_or(ClientError::NoToken)?;
        let token = tokens.access_token(None).await?;
        let first = self.send(build().bearer_auth(&token.0)).await;
        match first {
            Err(ClientError::Refused(problem)) if problem.code == ErrorCode::TokenExpired => {
                let Ok(fresh) = tokens.access_token(Some(&token)).await else { return Err(ClientError::Refused(problem)) };
                self.send(build().bearer_auth(&fresh.0)).await
            }
            other => other,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|error| self.transport(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = self.body(response, MAX_PROBLEM).await?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
            Err(_) => Err(ClientError::Unexpected { server: self.base.to_string(), status }),
        }
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let status = response.status().as_u16();
        let body = self.body(response, MAX_ANSWER).await?;
        serde_json::from_slice(&body).map_err(|_| ClientError::Unexpected { server: self.base.to_string(), status })
    }

    /// The whole body, unless it is larger than any answer of this protocol.
    async fn body(&self, mut response: Response, limit: usize) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport(error))? {
            if body.len() + chunk.len() > limit {
                return Err(ClientError::Unexpected { server: self.base.to_string(), status: response.status().as_u16() });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn transport(&self, error: reqwest::Error) -> ClientError {
        ClientError::Transport { server: self.base.to_string(), source: error.without_url().into() }
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_addresses_are_taken() {
        for bad in ["", "localhost:7090", "ws://127.0.0.1", "http://", "http://host/?token=x", "not a url"] {
            assert!(matches!(ApiClient::new(bad), Err(ClientError::BadUrl { .. })), "{bad}");
        }
        assert_eq!(ApiClient::new("http://127.0.0.1:1/").unwrap().base(), "http://127.0.0.1:1");
    }

    #[test]
    fn this_machine_is_recognised() {
        let is = |url: &str| is_this_machine(&Url::parse(url).unwrap());
        assert!(is("http://127.0.0.1:7090") && is("http://[::1]:7090") && is("http://localhost"));
        assert!(!is("http://10.0.0.1") && !is("https://chat.example.org"));
    }

    #[tokio::test]
    async fn nobody_there_is_a_transport_error_and_a_missing_token_is_said() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let api = ApiClient::new(&format!("http://127.0.0.1:{port}")).unwrap();
        assert!(matches!(api.me().await, Err(ClientError::NoToken)));
        let error = api.with_token(Secret("t".to_owned())).me().await.unwrap_err();
        assert!(matches!(error, ClientError::Transport { .. }) && error.retryable(), "{error:?}");
    }

    #[tokio::test]
    async fn a_page_of_a_proxy_is_no_answer_and_may_be_gone_later() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = ApiClient::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap().with_token(Secret("t".to_owned()));
        let proxy = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
            stream.write_all(page.as_bytes()).await.unwrap();
        };
        let (answer, ()) = tokio::join!(api.me(), proxy);
        let error = answer.unwrap_err();
        assert!(matches!(error, ClientError::Unexpected { status: 200, .. }) && error.retryable(), "{error:?}");
    }
}
