//! The web client's files, and the public document that tells it where to connect.
//!
//! The files are whatever the client's build left in `api.web_root`. Every name under `assets/` holds a hash of its content and
//! is kept for ever by browsers and proxies; everything else is sent anew each time: it is small, a file's time and size do not
//! tell one build from another, and the page's policy follows the configuration. Paths that only the client knows
//! (`/c/…`) get the start page. A missing file, or a path of the API's, is never answered with it.

use std::path::Path;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

use crate::config::Config;
use crate::state::App;

/// Paths that are never the client's own.
const NOT_PAGES: [&str; 3] = ["/v1", "/assets", "/.well-known"];
/// Names change with the content.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// Serves the built files.
#[derive(Clone)]
pub(crate) struct WebClient {
    files: ServeDir,
    policy: HeaderValue,
}

impl WebClient {
    /// `None` where no client is served.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let root = &config.web_root;
        if root.as_os_str().is_empty() {
            return None;
        }
        if !root.join("index.html").is_file() {
            tracing::warn!(directory = %root.display(), "api.web_root holds no index.html: the web client is not served");
            return None;
        }
        Some(Self { files: files(root), policy: policy(&config.gateway_urls) })
    }

    async fn answer(&self, request: Request) -> Response {
        let (path, wants_page) = (request.uri().path().to_owned(), wants_page(&request));
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return self.not_to_be_changed(request, &path).await;
        }
        let of_the_api = under(&path, "/v1") || under(&path, "/.well-known");
        if !of_the_api && path != "/" && may_be_a_file(&path) {
            let file = self.file(copy(&request, request.uri().clone())).await;
            if file.status() != StatusCode::NOT_FOUND {
                return self.finished(file, &path);
            }
        }
        if path == "/" || (wants_page && is_page(&path)) {
            let page = self.file(copy(&request, Uri::from_static("/index.html"))).await;
            return self.finished(page, "/");
        }
        StatusCode::NOT_FOUND.into_response()
    }

    /// What can be read takes no other method.
    async fn not_to_be_changed(&self, request: Request, path: &str) -> Response {
        let mut read = copy(&request, request.uri().clone());
        *read.method_mut() = Method::HEAD;
        let of_the_api = under(path, "/v1") || under(path, "/.well-known");
        let is_there = path == "/" || (!of_the_api && may_be_a_file(path) && self.file(read).await.status() != StatusCode::NOT_FOUND);
        if is_there {
            return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
        }
        StatusCode::NOT_FOUND.into_response()
    }

    async fn file(&self, request: Request<Body>) -> Response {
        match self.files.clone().oneshot(request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    }

    fn finished(&self, mut response: Response, path: &str) -> Response {
        let headers = response.headers_mut();
        // A worker goes by the policy of its own file, and a file that is opened by itself is a page.
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if under(path, "/assets") {
            headers.insert(header::CACHE_CONTROL, FOR_EVER);
            return response;
        }
        headers.insert(header::CACHE_CONTROL, ASK_AGAIN);
        headers.remove(header::LAST_MODIFIED);
        headers.remove(header::ETAG);
        if path == "/" || Path::new(path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("html")) {
            headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
            headers.insert("permissions-policy", HeaderValue::from_static("camera=(self), microphone=(self), geolocation=(self)"));
        }
        response
    }
}

/// Whatever no operation answers.
pub(crate) async fn fallback(State(app): State<App>, request: Request) -> Response {
    match &app.web_client {
        Some(client) => client.answer(request).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What the client reads first.
#[derive(serde::Serialize)]
struct Configuration<'a> {
    /// Before every path of the API; empty: the origin of this document.
    api: &'static str,
    /// Gateways, in no order; empty: `/v1/ws` on the origin of this document.
    gateways: &'a [String],
    /// Of the server.
    version: &'static str,
}

/// `GET /config.json`
pub(crate) async fn configuration(State(app): State<App>) -> Response {
    let body = Configuration { api: "", gateways: &app.config.gateway_urls, version: env!("CARGO_PKG_VERSION") };
    ([(header::CACHE_CONTROL, ASK_AGAIN)], Json(body)).into_response()
}

fn files(root: &Path) -> ServeDir {
    // Compressed when it is built, not for each request.
    ServeDir::new(root).append_index_html_on_directories(false).precompressed_br().precompressed_gzip()
}

/// Scripts, styles and connections are ours alone. Scripts' addresses go through the client's one policy for Trusted Types.
fn policy(gateways: &[String]) -> HeaderValue {
    // For sockets, and for streams of events: not every browser takes the one for the other.
    let both = gateways.iter().filter_map(|url| origin_of(url)).map(|ws| format!(" {ws} {}", ws.replacen("ws", "http", 1)));
    let connect = format!("'self'{}", both.collect::<String>());
    let text = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; \
         connect-src {connect}; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types relayhub"
    );
    // The configuration's check lets nothing through that cannot stand in a header.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

/// Scheme, host and port.
fn origin_of(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url.get(host..)?.find('/').map_or(url.len(), |at| host + at);
    url.get(..end)
}

/// `path` is `directory` or below it.
fn under(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// No file system takes longer names, and to ask it is an error of ours. With room for what compressed files are called.
fn may_be_a_file(path: &str) -> bool {
    path.len() <= 1_024 && path.split('/').all(|name| name.len() <= 240)
}

/// Paths without an extension may be places in the client.
fn is_page(path: &str) -> bool {
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    !is_file && !NOT_PAGES.iter().any(|directory| under(path, directory))
}

fn wants_page(request: &Request) -> bool {
    let accepts = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("text/html"));
    request.headers().get_all(header::ACCEPT).iter().any(accepts)
}

/// The request without its body, for another path. Only what never changes is answered with "as you have it".
fn copy(request: &Request, uri: Uri) -> Request<Body> {
    let mut copy = Request::new(Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.headers_mut() = request.headers().clone();
    if !under(uri.path(), "/assets") {
        for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_MATCH, header::IF_UNMODIFIED_SINCE, header::RANGE] {
            copy.headers_mut().remove(name);
        }
    }
    *copy.uri_mut() = uri;
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("assets")).unwrap();
        for (name, text) in [
            ("index.html", "<!doctype html><title>RelayHub</title>"),
            ("sw.js", "self.skipWaiting()"),
            ("assets/app-1a2b.js", "console.log(1)"),
            ("assets/app-1a2b.js.br", "compressed"),
        ] {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        std::fs::write(directory.path().parent().unwrap().join("relayhub-outside.txt"), "secret").unwrap();
        directory
    }

    async fn get(client: &WebClient, path: &str, accept: &str) -> (u16, String, axum::http::HeaderMap) {
        let request = Request::get(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap();
        let response = client.answer(request).await;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 16).await.unwrap();
        (parts.status.as_u16(), String::from_utf8_lossy(&body).into_owned(), parts.headers)
    }

    #[tokio::test]
    async fn pages_get_the_start_page_and_missing_files_do_not() {
        let directory = built();
        let config = Config {
            web_root: directory.path().to_owned(),
            gateway_urls: vec!["wss://gateway.example.org:8443/v1/ws".to_owned()],
            ..Config::default()
        };
        let client = WebClient::new(&config).unwrap();
        for path in ["/", "/c/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/settings"] {
            let (status, body, headers) = get(&client, path, "text/html,*/*").await;
            assert_eq!((status, body.contains("RelayHub")), (200, true), "{path}");
            assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("connect-src 'self' wss://gateway.example.org:8443 https://gateway.example.org:8443;"), "{policy}");
        }
        for path in [
            "/v1/nothing",
            "/v1",
            "/assets/gone.js",
            "/assets",
            "/old-worker.js",
            "/.well-known/x",
            "/../relayhub-outside.txt",
            "/..%2frelayhub-outside.txt",
            "/assets/%2e%2e/%2e%2e/relayhub-outside.txt",
            &format!("/assets/{}.js", "a".repeat(300)),
            &format!("{}x.js", "/a".repeat(5_000)),
        ] {
            let (status, body, _) = get(&client, path, "text/html,*/*").await;
            assert!(status == 404 && body.is_empty(), "{path}: {status} {body}");
        }
        assert_eq!(get(&client, "/settings", "application/json").await.0, 404, "who asks for no page gets none");
    }

    #[tokio::test]
    async fn the_page_comes_anew_with_its_policy_whatever_the_browser_has() {
        let directory = built();
        let client = WebClient::new(&Config { web_root: directory.path().to_owned(), ..Config::default() }).unwrap();
        for path in ["/", "/index.html", "/c/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/sw.js"] {
            let request = Request::get(path)
                .header(header::ACCEPT, "text/html")
                .header(header::IF_MODIFIED_SINCE, "Fri, 01 Jan 2100 00:00:00 GMT")
                .header(header::IF_NONE_MATCH, "*")
                .header(header::RANGE, "bytes=0-3")
                .body(Body::empty())
                .unwrap();
            let response = client.answer(request).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let headers = response.headers();
            assert!(headers.contains_key(header::CONTENT_SECURITY_POLICY), "{path}");
            assert_eq!(headers.contains_key("cross-origin-opener-policy"), path != "/sw.js", "{path}");
            assert!(!headers.contains_key(header::ETAG) && !headers.contains_key(header::LAST_MODIFIED), "{path}: {headers:?}");
        }
        // What has a hash in its name is what the browser has.
        let request = Request::get("/assets/app-1a2b.js")
            .header(header::IF_MODIFIED_SINCE, "Fri, 01 Jan 2100 00:00:00 GMT")
            .body(Body::empty())
            .unwrap();
        assert_eq!(client.answer(request).await.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn assets_are_kept_for_ever_and_come_compressed() {
        let directory = built();
        let client = WebClient::new(&Config { web_root: directory.path().to_owned(), ..Config::default() }).unwrap();
        let (status, _, headers) = get(&client, "/assets/app-1a2b.js", "*/*").await;
        assert_eq!((status, headers[header::CACHE_CONTROL].to_str().unwrap()), (200, "public, max-age=31536000, immutable"));
        assert_eq!(get(&client, "/sw.js", "*/*").await.2[header::CACHE_CONTROL], "no-cache");
        let request = Request::get("/assets/app-1a2b.js").header(header::ACCEPT_ENCODING, "gzip, br").body(Body::empty()).unwrap();
        let response = client.answer(request).await;
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "br");
        for (path, status) in [("/", 405), ("/sw.js", 405), ("/assets/app-1a2b.js", 405), ("/assets/gone.js", 404), ("/v1/nothing", 404)] {
            let posted = client.answer(Request::post(path).body(Body::empty()).unwrap()).await;
            assert_eq!(posted.status().as_u16(), status, "{path}");
            assert_eq!(posted.headers().get(header::ALLOW).is_some_and(|allow| allow == "GET, HEAD"), status == 405, "{path}");
        }
    }

    #[test]
    fn without_a_built_client_none_is_served() {
        assert!(WebClient::new(&Config::default()).is_none());
        let empty = tempfile::tempdir().unwrap();
        assert!(WebClient::new(&Config { web_root: empty.path().to_owned(), ..Config::default() }).is_none());
    }
}
