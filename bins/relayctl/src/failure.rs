//! Exit statuses and last words.

use std::process::ExitCode;

use relay_client::ClientError;
use relay_runtime::{ConfigError, EXIT_CONFIG, EXIT_INTERNAL, EXIT_UNAVAILABLE, MissingServer};

/// The command did its work, and what it checked does not hold: drift, a warning, a refusal. The text was printed already.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CheckFailed(pub String);

/// What was asked for may still happen: the server was not reached, and the messages wait for the next time.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotReached(pub String);

/// Ctrl-C, or a signal that asks to end, before there was anything to end well.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// As shells number the end by Ctrl-C.
const EXIT_INTERRUPTED: u8 = 130;

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
        if cause.is::<Interrupted>() {
            return EXIT_INTERRUPTED;
        }
        if cause.is::<MissingServer>() || cause.is::<NotReached>() {
            return EXIT_UNAVAILABLE;
        }
        match cause.downcast_ref::<ClientError>() {
            Some(ClientError::Transport { .. } | ClientError::Unexpected { .. }) => return EXIT_UNAVAILABLE,
            Some(ClientError::BadUrl { .. }) => return EXIT_CONFIG,
            Some(ClientError::Refused(_) | ClientError::NoToken) => return 1,
            Some(ClientError::Store(_)) | None => {}
        }
        if cause.is::<CheckFailed>() {
            return 1;
        }
    }
    EXIT_INTERNAL
}
