//! Exit statuses and last words.

use std::process::ExitCode;

use relay_client::ClientError;
use relay_runtime::{ConfigError, EXIT_CONFIG, EXIT_INTERNAL, EXIT_UNAVAILABLE, MissingServer};

/// The command did its work, and the answer is "no": drift, a warning, a refusal. The text was printed already.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AnswerIsNo(pub String);

/// Prints the error and picks the status.
pub fn report(error: &anyhow::Error) -> ExitCode {
    crate::output::error(format_args!("relayctl: {error:#}"));
    ExitCode::from(status_of(error))
}

fn status_of(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<ConfigError>() {
            return EXIT_CONFIG;
        }
        if cause.is::<MissingServer>() {
            return EXIT_UNAVAILABLE;
        }
        match cause.downcast_ref::<ClientError>() {
            Some(ClientError::Transport { .. } | ClientError::Unexpected { .. }) => return EXIT_UNAVAILABLE,
            Some(ClientError::BadUrl { .. }) => return EXIT_CONFIG,
            Some(ClientError::Refused(_) | ClientError::NoToken) => return 1,
            Some(ClientError::Store(_)) | None => {}
        }
        if cause.is::<AnswerIsNo>() {
            return 1;
        }
    }
    EXIT_INTERNAL
}
