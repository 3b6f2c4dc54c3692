//! Telling people's devices of read marks that moved, in conversations and threads, and drafts that changed, again soon after the last word about them: the newest,
//! once their time has come. The first word comes from the API itself.

use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::{DraftNews, LogAddress, MessageLog, Outbox, ReadMarkNews, StoreError, ThreadNews};
use relay_runtime::Task;

/// How often marks whose time has come are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// Marks told at once at most.
const ROUND: u32 = 500;

/// What the job works with.
#[derive(Clone)]
pub struct ReadMarks {
    /// The marks.
    pub news: Arc<dyn ReadMarkNews>,
    /// The drafts.
    pub drafts: Arc<dyn DraftNews>,
    /// The marks in threads.
    pub threads: Arc<dyn ThreadNews>,
    /// What is said of them.
    pub outbox: Arc<dyn Outbox>,
    /// Where it goes.
    pub log: Arc<dyn MessageLog>,
}

impl ReadMarks {
    /// Tells until told to stop.
    ///
    /// # Cancel safety
    /// Cancel safe: what was written to the outbox is published by its relay.
    pub async fn run(&self, task: Task) -> anyhow::Result<()> {
        task.health.up();
        loop {
            let told = tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                told = self.tell() => told,
            };
            let pause = match told {
                Ok((addresses, more)) => {
                    task.health.up();
                    if !addresses.is_empty() {
                        // What does not get through waits for the outbox relay, which says so.
                        self.outbox.flush_free(&addresses, self.log.as_ref()).await;
                    }
                    if more { Duration::ZERO } else { EVERY }
                }
                Err(error) => {
                    task.health.degraded(error.reason);
                    EVERY
                }
            };
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn tell(&self) -> Result<(Vec<LogAddress>, bool), StoreError> {
        let (mut addresses, more) = self.news.tell_due(ROUND).await?;
        metrics::counter!("relay_read_marks_told_later_total").increment(addresses.len() as u64);
        let (drafts, more_drafts) = self.drafts.tell_due_drafts(ROUND).await?;
        metrics::counter!("relay_drafts_told_later_total").increment(drafts.len() as u64);
        addresses.extend(drafts);
        let (threads, more_threads) = self.threads.tell_due_threads(ROUND).await?;
        metrics::counter!("relay_thread_marks_told_later_total").increment(threads.len() as u64);
        addresses.extend(threads);
        Ok((addresses, more || more_drafts || more_threads))
    }
}
