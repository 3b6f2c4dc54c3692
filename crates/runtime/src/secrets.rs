//! Secrets where they must not be: in a URL, which logs and histories keep.

use axum::extract::Query;
use axum::http::Uri;

/// Whether a query has a parameter of such a name (asked in lower case), or holds a JWT under any name or as one. It is
/// looked at as servers read it: percent-decoded.
pub fn query_holds_secret(uri: &Uri, is_secret_name: impl Fn(&str) -> bool) -> bool {
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else { return false };
    pairs.iter().any(|(name, value)| is_secret_name(&name.to_ascii_lowercase()) || is_jwt(name) || is_jwt(value))
}

/// A JWT's header is base64 of `{"`, and it has three parts.
fn is_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.matches('.').count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_seen_however_it_is_spelt() {
        let holds = |query: &str| query_holds_secret(&format!("/x?{query}").parse().unwrap(), |name| name == "token");
        let jwt = "eyJhbGciOiJFZERTQSJ9.e30.c2ln";
        for query in [
            "token=x".to_owned(),
            "%74oken=x".to_owned(),
            "TOKEN=".to_owned(),
            format!("x={jwt}"),
            format!("x={}", jwt.replace('.', "%2E")),
            format!("x={}", jwt.replace('.', "%2e")),
            format!("x=%65yJ{}", &jwt[3..]),
            format!("{jwt}=x"),
            jwt.replace('.', "%2E"),
        ] {
            assert!(holds(&query), "{query}");
        }
        for query in ["", "x=1", "v=1.2.3", "x=eyJ", "x=token", "%zz=%ff"] {
            assert!(!holds(query), "{query}");
        }
    }
}
