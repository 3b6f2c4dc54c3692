//! What an answer says of the limits that its request was counted by: `RateLimit` and `RateLimit-Policy`, as in
//! draft-ietf-httpapi-ratelimit-headers-11. Each limit that counts by the caller's own address or account is named; what counts by
//! another person, or by a handle, is not: it would tell what others do.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use relay_domain::ports::{RateDecision, RateLeft, RateRule};

pub(crate) static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// One limit, and what the request left of it.
#[derive(Debug, Clone, Copy)]
struct Counted {
    rule: RateRule,
    left: RateLeft,
    refused: bool,
}

tokio::task_local! {
    static COUNTED: RefCell<Vec<Counted>>;
}

/// Runs what answers a request; the headers it earned stand in the answer.
///
/// # Cancel safety
/// As cancel safe as what it runs.
pub(crate) async fn noting<T>(answer: impl Future<Output = T>, headers: impl FnOnce(&mut T) -> &mut HeaderMap) -> T {
    COUNTED
        .scope(RefCell::default(), async {
            let mut answer = answer.await;
            let counted = COUNTED.with(RefCell::take);
            write(&counted, headers(&mut answer));
            answer
        })
        .await
}

/// The request was counted by this rule.
pub(crate) fn note(rule: RateRule, (decision, left): (RateDecision, RateLeft)) {
    // Outside of a request there is no one to tell.
    let _ = COUNTED.try_with(|all| all.borrow_mut().push(Counted { rule, left, refused: decision != RateDecision::Allowed }));
}

fn write(counted: &[Counted], headers: &mut HeaderMap) {
    let refused = counted.iter().any(|one| one.refused);
    let (mut policies, mut limits) = (String::new(), String::new());
    for Counted { rule, left, refused: is_refused } in counted {
        item(&mut policies, rule.name, &[("q", u64::from(rule.limit)), ("w", rule.per.as_secs().max(1))]);
        // `Retry-After` must not be earlier than the end of a window that is told beside it.
        if *is_refused || !refused {
            item(&mut limits, rule.name, &[("r", u64::from(left.left)), ("t", seconds(left.within))]);
        }
    }
    for (name, text) in [(&RATE_LIMIT_POLICY, policies), (&RATE_LIMIT, limits)] {
        if let (false, Ok(value)) = (text.is_empty(), HeaderValue::from_str(&text)) {
            headers.insert(name.clone(), value);
        }
    }
}

/// One item of a list of structured fields (RFC 9651). Rules' names are plain words.
fn item(list: &mut String, name: &str, parameters: &[(&str, u64)]) {
    if !list.is_empty() {
        list.push_str(", ");
    }
    let _ = write!(list, "\"{name}\"");
    for (key, value) in parameters {
        let _ = write!(list, ";{key}={value}");
    }
}

/// As `Retry-After` rounds.
fn seconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}
