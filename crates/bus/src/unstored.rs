//! Why a batch is not in the log.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};

use crate::publish::code_of;

/// Why a batch is not in the log, or not known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unstored {
    /// It was refused whole: the log has one of its ids.
    Duplicate,
    /// The stream takes no batches.
    Disabled,
    /// All processes together have too many open.
    TooMany,
    /// Nothing of it is stored, for another reason.
    Refused,
    /// Nobody answered: all of it may be stored, or nothing.
    Unknown,
}

impl Unstored {
    /// As a label.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Disabled => "disabled",
            Self::TooMany => "too_many",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    pub(crate) const ALL: [Self; 5] = [Self::Duplicate, Self::Disabled, Self::TooMany, Self::Refused, Self::Unknown];

    /// What the error of a batch's last publish says.
    pub(crate) fn of(error: &PublishError) -> Self {
        match (error.kind(), code_of(error)) {
            (_, Some((ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE, _))) => Self::Duplicate,
            (_, Some((ErrorCode::ATOMIC_PUBLISH_DISABLED, _))) => Self::Disabled,
            (_, Some((ErrorCode::ATOMIC_PUBLISH_TOO_MANY_INFLIGHT, _))) => Self::TooMany,
            (_, Some((_, status))) if status < 500 => Self::Refused,
            // Nobody was there to take the end of it, and without its end nothing is stored.
            (PublishErrorKind::StreamNotFound | PublishErrorKind::MaxAckPending | PublishErrorKind::MaxPayloadExceeded, _) => Self::Refused,
            _ => Self::Unknown,
        }
    }
}
