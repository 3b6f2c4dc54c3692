//! Secrets where they must not be: in a URL, which logs and histories keep.

use axum::extract::Query;
use axum::http::Uri;

/// What names of parameters that carry a secret hold.
const SECRET_WORDS: &[&str] = &["token", "bearer", "jwt", "password", "secret"];
/// Names of parameters that carry one, beside these.
const SECRET_NAMES: &[&str] = &["auth", "authorization"];

/// Whether a query has a parameter whose name says that it carries a secret, or holds a JWT under any name or as one. It is looked
/// at as servers read it: percent-decoded.
pub fn query_holds_secret(uri: &Uri) -> bool {
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else { return false };
    pairs.iter().any(|(name, value)| is_secret_name(&name.to_ascii_lowercase()) || is_jwt(name) || is_jwt(value))
}

fn is_secret_name(name: &str) -> bool {
    SECRET_NAMES.contains(&name) || SECRET_WORDS.iter().any(|word| name.contains(word))
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
        let holds = |query: &str| query_holds_secret(&format!("/x?{query}").parse().unwrap());
        let jwt = "eyJhbGciOiJFZERTQSJ9.e30.c2ln";
        for query in [
            "token=x".to_owned(),
            "access_token=a".to_owned(),
            "a=b&Refresh_Token=".to_owned(),
            "PASSWORD=p".to_owned(),
            "auth=x".to_owned(),
            "authorization=x".to_owned(),
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
        for query in ["", "x=1", "v=1.2.3", "x=eyJ", "x=token", "author=x", "cursor=eyJ", "%zz=%ff"] {
            assert!(!holds(query), "{query}");
        }
    }
}
