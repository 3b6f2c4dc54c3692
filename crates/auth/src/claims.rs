//! What an access token holds.

use relay_types::{SessionId, UserId};
use serde::{Deserialize, Serialize};

/// The header's `typ`: a token of another kind has another one (RFC 9068).
pub(crate) const TYP: &str = "at+jwt";
/// Whom access tokens are for.
pub(crate) const AUDIENCE: &str = "relayhub";

/// Every claim is required, and `aud` is one string: tokens with another shape are not ours.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: UserId,
    pub sid: SessionId,
    pub iat: u64,
    pub exp: u64,
    pub jti: String,
}
