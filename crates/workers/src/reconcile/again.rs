//! Consumers that did not answer: their users are looked at again and again, until they do or their server counts as gone.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use parking_lot::Mutex;
use relay_runtime::Task;
use relay_types::UserId;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{CONCURRENCY, Reconcile};

/// Between looks at all of them.
const EVERY: Duration = Duration::from_secs(5);
/// One look takes no longer; the rest comes first the next time.
const BUDGET: Duration = Duration::from_secs(30);
/// Users remembered. More are met by the next walk, which then begins at once.
const MOST: usize = 100_000;

/// Users whose consumers did not answer.
#[derive(Debug, Default)]
pub struct Again {
    users: Mutex<BTreeSet<UserId>>,
    some: Notify,
    too_many: AtomicBool,
}

impl Again {
    pub(super) fn note(&self, users: impl IntoIterator<Item = UserId>) {
        let mut noted = self.users.lock();
        for user in users {
            if noted.len() >= MOST {
                self.too_many.store(true, Ordering::Relaxed);
                break;
            }
            noted.insert(user);
        }
        if !noted.is_empty() {
            self.some.notify_one();
        }
    }

    /// Whether there were more than can be remembered, since this was last asked.
    pub(super) fn were_too_many(&self) -> bool {
        self.too_many.swap(false, Ordering::Relaxed)
    }
}

impl Reconcile {
    /// Looks again at users whose consumers did not answer, until told to stop.
    ///
    /// # Cancel safety
    /// Cancel safe: who is forgotten is met by the next walk.
    pub async fn again(&self, task: Task) -> anyhow::Result<()> {
        task.health.up();
        let mut after: Option<UserId> = None;
        loop {
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = self.again.some.notified() => {}
            }
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                error = self.look_again(&mut after) => match error {
                    None => task.health.up(),
                    Some(error) => task.health.degraded(error),
                },
            }
        }
    }

    /// Looks at those after `after`, then at the others. What the last failure was, if any.
    async fn look_again(&self, after: &mut Option<UserId>) -> Option<String> {
        let users: Vec<UserId> = {
            let noted = self.again.users.lock();
            let first = noted.iter().filter(|user| after.is_none_or(|after| **user > after));
            first.chain(noted.iter().filter(|user| after.is_some_and(|after| **user <= after))).copied().collect()
        };
        let until = Instant::now() + BUDGET;
        let mut failure = None;
        for users in users.chunks(CONCURRENCY) {
            if Instant::now() >= until {
                break;
            }
            let mut looks = futures::stream::iter(users.to_vec())
                .map(|user| async move { (user, self.user(user, None).await) })
                .buffer_unordered(CONCURRENCY);
            while let Some((user, looked)) = looks.next().await {
                match looked {
                    Ok(_) => drop(self.again.users.lock().remove(&user)),
                    Err(error) => failure = Some(error.to_string()),
                }
            }
            *after = users.last().copied();
        }
        if !self.again.users.lock().is_empty() {
            self.again.some.notify_one();
        }
        failure
    }
}
