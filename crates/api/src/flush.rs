//! From a decision to its events in the log.

use std::time::Duration;

use relay_domain::ports::{AppendError, FlushError, LogAddress};

use crate::deps::Deps;
use crate::error::ApiError;
use crate::state::AppState;

/// Publishes what waits for these subjects: the conversation's own first, so that members learn of a conversation that
/// is there. When this fails the decision stands, and the outbox relay publishes it later.
pub(crate) async fn flush(app: &AppState, touched: &[LogAddress]) -> Result<(), ApiError> {
    flush_by(&app.deps, touched).await
}

/// The same, for what no request asked for.
pub(crate) async fn flush_by(deps: &Deps, touched: &[LogAddress]) -> Result<(), ApiError> {
    let (conversations, users): (Vec<_>, Vec<_>) =
        touched.iter().copied().partition(|address| matches!(address, LogAddress::Conversation { .. }));
    for addresses in [conversations, users] {
        if addresses.is_empty() {
            continue;
        }
        let flushed = deps.outbox.flush_all(&addresses, deps.log.as_ref()).await;
        let refused = |error: &FlushError| matches!(error, FlushError::Append(AppendError::Refused { .. }));
        let parked = flushed.failures.iter().filter(|(_, error)| refused(error)).count();
        metrics::counter!("relay_outbox_parked_total").increment(parked as u64);
        if let Some((_, error)) = flushed.failures.into_iter().next() {
            return Err(late(error));
        }
    }
    Ok(())
}

/// For what nobody has to wait for. Left behind, the outbox relay publishes it.
const SOON: Duration = Duration::from_millis(500);

/// As [`flush`], for what stands whether it is in the log or not: it is published now, or later.
pub(crate) async fn flush_soon(app: &AppState, touched: LogAddress) {
    if !matches!(tokio::time::timeout(SOON, flush(app, &[touched])).await, Ok(Ok(()))) {
        tracing::info!(shard = touched.shard().0, "an event of a user's is published later");
    }
}

fn late(error: FlushError) -> ApiError {
    let mut error = ApiError::from(error);
    error.detail = "the change is decided, but not in the log yet; it takes effect as soon as the log answers".into();
    error
}
