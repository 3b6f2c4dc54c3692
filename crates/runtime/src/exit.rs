//! What a process's exit status says.

/// The configuration is wrong (`EX_CONFIG`); the message names the key.
pub const EXIT_CONFIG: u8 = 78;
/// A server that the process needs does not answer (`EX_UNAVAILABLE`); the message says how to start it.
pub const EXIT_UNAVAILABLE: u8 = 69;
/// A failure of ours (`EX_SOFTWARE`).
pub const EXIT_INTERNAL: u8 = 70;

/// A server that has to run before this process can.
#[derive(Debug, thiserror::Error)]
#[error("{server} does not answer at {address}; {hint}")]
pub struct MissingServer {
    /// Which, by its usual name.
    pub server: &'static str,
    /// Where it was looked for, without credentials.
    pub address: String,
    /// How to start it.
    pub hint: &'static str,
    /// What the attempt said.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// The status for a failed run: the whole source chain is searched for the kinds that have their own.
pub(crate) fn status_of(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<crate::ConfigError>() {
            return EXIT_CONFIG;
        }
        if cause.is::<MissingServer>() {
            return EXIT_UNAVAILABLE;
        }
    }
    EXIT_INTERNAL
}
