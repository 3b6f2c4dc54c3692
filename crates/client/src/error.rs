//! What can go wrong, by who can do something about it.

use relay_protocol::ErrorCode;
use relay_protocol::frame::ErrorFrame;
use relay_protocol::rest::Problem;
use relay_types::ClientId;

/// The cause of a failure, kept as `source`.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server answered with a registered refusal.
    #[error("{}: {}", .0.code, .0.detail)]
    Refused(Box<Problem>),
    /// Nobody answered, or the answer did not arrive whole. A change may have happened.
    #[error("no answer from {server}")]
    Transport {
        /// Scheme, host and port.
        server: String,
        /// What the attempt said.
        #[source]
        source: BoxError,
    },
    /// An answer that is not this protocol's, as from a proxy or another service.
    #[error("{server} answered with status {status} in a form that is not RelayHub's")]
    Unexpected {
        /// Scheme, host and port.
        server: String,
        /// The HTTP status.
        status: u16,
    },
    /// The address cannot be used.
    #[error("{url} is not an address of this kind: {reason}")]
    BadUrl {
        /// As given.
        url: String,
        /// What is expected.
        reason: &'static str,
    },
    /// The call needs a token and the client was given none.
    #[error("not logged in")]
    NoToken,
    /// The device's own files cannot be used.
    #[error("could not use the client's store")]
    Store(#[from] StoreError),
}

impl ClientError {
    /// The registered code, when the server refused with one that this version knows.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(problem) => problem.code.known(),
            Self::Transport { .. } | Self::Unexpected { .. } | Self::BadUrl { .. } | Self::NoToken | Self::Store(_) => None,
        }
    }

    /// Whether the same call may succeed later without any change.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.retryable,
            // Something between here and the server, such as a network that asks for a log-in, may be gone later.
            Self::Transport { .. } | Self::Unexpected { .. } => true,
            Self::BadUrl { .. } | Self::NoToken | Self::Store(_) => false,
        }
    }
}

/// A send that will not be acknowledged in this run.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The server refused the message for good; it left the outbox.
    #[error("{}: {}", .0.code, .0.message)]
    Refused(Box<ErrorFrame>),
    /// The client was closed first. The message is still in a persistent outbox and goes out in the next run.
    #[error("the client was closed before the message was acknowledged")]
    Closed,
    /// As many messages wait as the configuration allows.
    #[error("{limit} messages wait to be acknowledged")]
    OutboxFull {
        /// The limit.
        limit: usize,
    },
    /// The outbox could not be written, so the message was not sent.
    #[error("could not write the outbox")]
    Store(#[from] StoreError),
    /// A pending send has the same key.
    #[error("{client_id} is in use by a message that waits")]
    KeyInUse {
        /// The key.
        client_id: ClientId,
    },
}

/// The device's own files failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("could not {action} {path}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: String,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// Another process has the profile open.
    #[error("{path} is in use by another process")]
    InUse {
        /// The profile's directory.
        path: String,
    },
}
