//! How a request is refused: the one place where a domain error becomes a public code.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use relay_domain::ports::{
    AppendError, ConversationError, ConversationSettingsError, CreateError, DraftError, FlushError, HashError, HideError, HistoryError,
    MintError, OpenError, RegisterError, RevokeError, RotateError, ScheduleError, SearchError, StoreError, ThreadError, TokenError,
};
use relay_posting::PostError;
use relay_protocol::rest::Problem;
use relay_protocol::{ErrorCode, RETRY_AFTER};

/// An error on its way out. Handlers return it; the middleware renders it, because only the middleware knows the request's id.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub code: ErrorCode,
    pub detail: Cow<'static, str>,
    pub retry_after: Option<Duration>,
    /// For the log line only; never leaves the process.
    pub cause: Option<String>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), retry_after: None, cause: None }
    }

    /// With the registry's own words.
    pub(crate) fn plain(code: ErrorCode) -> Self {
        Self::new(code, code.row().meaning)
    }

    pub(crate) fn limited(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::plain(ErrorCode::RateLimited) }
    }

    pub(crate) fn unavailable(cause: &dyn std::error::Error) -> Self {
        Self { retry_after: Some(RETRY_AFTER), cause: Some(chain(cause)), ..Self::plain(ErrorCode::Unavailable) }
    }

    /// It may have happened, or may happen yet.
    pub(crate) fn outcome_unknown(cause: &dyn std::error::Error) -> Self {
        Self { code: ErrorCode::OutcomeUnknown, detail: ErrorCode::OutcomeUnknown.row().meaning.into(), ..Self::unavailable(cause) }
    }

    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..Self::plain(ErrorCode::Internal) }
    }

    /// What was begun was given up by the time limit.
    pub(crate) fn interrupted() -> Self {
        Self { retry_after: Some(RETRY_AFTER), ..Self::plain(ErrorCode::OutcomeUnknown) }
    }

    /// The error for a response that is not ours: axum's own, a timeout's, a panic's.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        match status.as_u16() {
            404 => Self::plain(ErrorCode::NotFound),
            405 => Self::plain(ErrorCode::MethodNotAllowed),
            413 => Self::plain(ErrorCode::FrameTooLarge),
            503 => Self { retry_after: Some(RETRY_AFTER), ..Self::plain(ErrorCode::Unavailable) },
            400..=499 => Self::plain(ErrorCode::MalformedFrame),
            _ => Self::plain(ErrorCode::Internal),
        }
    }

    pub(crate) fn problem(&self, request_id: &str) -> Problem {
        Problem::new(self.code, self.detail.clone(), self.retry_after, request_id)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.may_stand { Self::outcome_unknown(&error) } else { Self::unavailable(&error) }
    }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::OutcomeUnknown { .. } => Self::outcome_unknown(&error),
            AppendError::NotStored { .. } => Self::unavailable(&error),
            AppendError::Refused { .. } => Self::internal(chain(&error)),
        }
    }
}

impl From<FlushError> for ApiError {
    fn from(error: FlushError) -> Self {
        match error {
            // What is flushed was decided before: it stands, and is published later.
            FlushError::Store(error) => Self::outcome_unknown(&error),
            FlushError::Append(error @ (AppendError::OutcomeUnknown { .. } | AppendError::NotStored { .. })) => {
                Self::outcome_unknown(&error)
            }
            FlushError::Append(error) => error.into(),
            FlushError::Parked => Self::outcome_unknown(&error),
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid => Self::plain(ErrorCode::Unauthenticated),
            TokenError::Expired => Self::plain(ErrorCode::TokenExpired),
        }
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self { retry_after: Some(RETRY_AFTER), ..Self::plain(ErrorCode::Busy) },
            HashError::Guessable => Self::plain(ErrorCode::PasswordTooGuessable),
            HashError::Failed => Self::internal(error.to_string()),
        }
    }
}

impl From<MintError> for ApiError {
    fn from(error: MintError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::HandleTaken => Self::plain(ErrorCode::HandleTaken),
            RegisterError::Store(error) => error.into(),
        }
    }
}

impl From<RotateError> for ApiError {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::Invalid => Self::new(ErrorCode::Unauthenticated, "the refresh token is not valid"),
            RotateError::Revoked => Self::plain(ErrorCode::SessionRevoked),
            RotateError::Reused { .. } => Self::plain(ErrorCode::RefreshReused),
            RotateError::Store(error) => error.into(),
        }
    }
}

impl From<OpenError> for ApiError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Outdated => Self::plain(ErrorCode::BadCredentials),
            OpenError::Store(error) => error.into(),
        }
    }
}

impl From<RevokeError> for ApiError {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::UnknownSession => Self::plain(ErrorCode::UnknownSession),
            RevokeError::Store(error) => error.into(),
        }
    }
}

impl From<CreateError> for ApiError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::UnknownUser(_) => Self::new(ErrorCode::UnknownUser, error.to_string()),
            CreateError::NotMember => Self::plain(ErrorCode::NotMember),
            CreateError::TooManyConversations(_) => Self::new(ErrorCode::TooManyConversations, error.to_string()),
            CreateError::TooManyInvitations(_) => Self::new(ErrorCode::TooManyInvitations, error.to_string()),
            CreateError::GroupFull => Self::plain(ErrorCode::GroupFull),
            CreateError::Store(error) => error.into(),
        }
    }
}

impl From<ConversationError> for ApiError {
    fn from(error: ConversationError) -> Self {
        match error {
            ConversationError::NotMember => Self::plain(ErrorCode::NotMember),
            ConversationError::UnknownUser(_) => Self::new(ErrorCode::UnknownUser, error.to_string()),
            ConversationError::UnknownInvitation => Self::plain(ErrorCode::UnknownInvitation),
            ConversationError::TooManyConversations(_) => Self::new(ErrorCode::TooManyConversations, error.to_string()),
            ConversationError::TooManyInvitations(_) => Self::new(ErrorCode::TooManyInvitations, error.to_string()),
            ConversationError::Denied(denied) => Self::new(denied.into(), denied.to_string()),
            ConversationError::Store(error) => error.into(),
        }
    }
}

impl From<HideError> for ApiError {
    fn from(error: HideError) -> Self {
        match error {
            HideError::NotMember => Self::plain(ErrorCode::NotMember),
            HideError::UnknownMessage => Self::plain(ErrorCode::UnknownMessage),
            HideError::TooMany => Self::plain(ErrorCode::TooManyHidden),
            HideError::Store(error) => error.into(),
        }
    }
}

impl From<ConversationSettingsError> for ApiError {
    fn from(error: ConversationSettingsError) -> Self {
        match error {
            ConversationSettingsError::NotMember => Self::plain(ErrorCode::NotMember),
            ConversationSettingsError::TooManyPinned => Self::plain(ErrorCode::TooManyPinned),
            ConversationSettingsError::TooManyArchived => Self::plain(ErrorCode::TooManyArchived),
            ConversationSettingsError::Store(error) => error.into(),
        }
    }
}

impl From<DraftError> for ApiError {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::NotMember => Self::plain(ErrorCode::NotMember),
            DraftError::TooMany => Self::plain(ErrorCode::TooManyDrafts),
            DraftError::Store(error) => error.into(),
        }
    }
}

impl From<ScheduleError> for ApiError {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::TooMany => Self::plain(ErrorCode::TooManyScheduled),
            ScheduleError::Sending => Self::plain(ErrorCode::AlreadySent),
            ScheduleError::Unknown => Self::plain(ErrorCode::UnknownScheduled),
            ScheduleError::UnknownUser => Self::plain(ErrorCode::UnknownUser),
            ScheduleError::Store(error) => error.into(),
        }
    }
}

impl From<HistoryError> for ApiError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::NotMember => Self::plain(ErrorCode::NotMember),
            HistoryError::UnknownMessage => Self::plain(ErrorCode::UnknownMessage),
            HistoryError::Store(error) => error.into(),
        }
    }
}

impl From<ThreadError> for ApiError {
    fn from(error: ThreadError) -> Self {
        match error {
            ThreadError::NotMember => Self::plain(ErrorCode::NotMember),
            ThreadError::UnknownMessage => Self::plain(ErrorCode::UnknownMessage),
            ThreadError::NotARoot => Self::plain(ErrorCode::NotAThreadRoot),
            ThreadError::Store(error) => error.into(),
        }
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::NotMember => Self::plain(ErrorCode::NotMember),
            SearchError::Store(error) => error.into(),
        }
    }
}

impl From<PostError> for ApiError {
    fn from(error: PostError) -> Self {
        match error.code() {
            ErrorCode::Unavailable => Self::unavailable(&error),
            ErrorCode::OutcomeUnknown => Self::outcome_unknown(&error),
            ErrorCode::Internal => Self::internal(chain(&error)),
            code => Self { retry_after: error.retry_after(), ..Self::new(code, error.to_string()) },
        }
    }
}
