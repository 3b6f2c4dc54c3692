//! From a decision to its events in the log.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use relay_domain::ports::{AppendError, FlushError, LogAddress};

use crate::deps::AppState;
use crate::refusal::Refusal;

/// Subjects flushed at once for one request; each takes a connection to the store while it waits for the log.
const CONCURRENT: usize = 4;

/// Publishes what waits for these subjects: the conversation's own first, so that members learn of a conversation that
/// is there. When this fails the decision stands, and the outbox relay publishes it later.
pub(crate) async fn flush(app: &AppState, touched: &[LogAddress]) -> Result<(), Refusal> {
    let (conversations, users): (Vec<_>, Vec<_>) =
        touched.iter().copied().partition(|address| matches!(address, LogAddress::Conversation { .. }));
    for addresses in [conversations, users] {
        stream::iter(addresses)
            .map(|address| async move { app.deps.outbox.flush(address, app.deps.log.as_ref()).await.map(|_| ()) })
            .buffer_unordered(CONCURRENT)
            .try_collect::<()>()
            .await
            .map_err(late)?;
    }
    Ok(())
}

fn late(error: FlushError) -> Refusal {
    if matches!(error, FlushError::Append(AppendError::Refused { .. })) {
        metrics::counter!("relay_outbox_parked_total").increment(1);
    }
    let mut refusal = Refusal::from(error);
    refusal.detail = "the change is decided, but not in the log yet; it takes effect as soon as the log answers".into();
    refusal
}
