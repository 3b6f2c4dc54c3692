//! Answers of some size: lists and histories. What one person has under way is bounded until it was taken.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use relay_protocol::ErrorCode;
use relay_runtime::permits::Permit;
use relay_types::UserId;

use crate::error::ApiError;
use crate::state::App;

/// For a permit to read.
const PERMIT_LIMIT: Duration = Duration::from_secs(10);

/// A page, and the permit it was read with.
pub(crate) struct Page<T> {
    body: T,
    permit: Permit<UserId>,
}

/// A permit to read a page.
pub(crate) struct Reading {
    permit: Permit<UserId>,
    /// One person asks the database one such question at a time.
    _asking: Permit<UserId>,
}

/// Waits until `user` reads fewer pages than they may.
pub(crate) async fn permit(app: &App, user: UserId) -> Result<Reading, ApiError> {
    let busy = || ApiError::new(ErrorCode::Busy, "as many pages as you may read at once are on their way to you");
    let permit = app.reads.acquire(user, PERMIT_LIMIT).await.ok_or_else(busy)?;
    Ok(Reading { permit, _asking: app.asking.acquire(user, PERMIT_LIMIT).await.ok_or_else(busy)? })
}

impl Reading {
    /// What was read.
    pub(crate) fn page<T>(self, body: T) -> Page<T> {
        Page { body, permit: self.permit }
    }
}

/// The permit goes with the bytes: it is given back when they were taken, or their connection ended.
struct Held {
    bytes: Vec<u8>,
    _permit: Permit<UserId>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: serde::Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let Ok(bytes) = serde_json::to_vec(&self.body) else { return ApiError::internal("an answer is not JSON").into_response() };
        let bytes = Bytes::from_owner(Held { bytes, _permit: self.permit });
        ([(header::CONTENT_TYPE, "application/json")], bytes).into_response()
    }
}
