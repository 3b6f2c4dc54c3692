//! Looking keys up together: while one question to the projection is under way, the next keys gather, and go out as one.
//!
//! Alone, each send that may be a retry would cost two questions of its own. After a lost log, when every send may be one, that
//! is more than a small database answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::{OriginalSend, ResumeStore, SendKey, StoreError};
use relay_types::{Seq, ShardId};

use crate::gather::Gather;

/// Keys in one question at most.
const MAX_KEYS: usize = 500;
/// Questions at once: a second one, so that a connection that hangs does not hold up everybody.
const QUESTIONS: usize = 2;
/// A projection that hangs is as good as away.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// What the projection says of one key.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) original: Option<OriginalSend>,
    /// How far the projection was before it was asked for the key: what was not found is not below that.
    pub(crate) watermarks: Arc<BTreeMap<ShardId, Seq>>,
}

type Answer = Result<Found, StoreError>;

pub(crate) struct Lookups {
    keys: Gather<SendKey, Found, StoreError>,
}

impl Lookups {
    pub(crate) fn new(store: Arc<dyn ResumeStore>) -> Self {
        let keys = Gather::new(MAX_KEYS, QUESTIONS, move |keys| Box::pin(answers(Arc::clone(&store), keys)));
        Self { keys }
    }

    /// Looks the key up.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn find(&self, key: &SendKey) -> Answer {
        let answered = self.keys.ask(key.clone()).await;
        answered.unwrap_or_else(|| Err(StoreError::new("nobody asks any more: the process ends".to_owned())))
    }
}

async fn answers(store: Arc<dyn ResumeStore>, keys: Vec<SendKey>) -> Result<Vec<Found>, StoreError> {
    // Watermarks first: rows only appear, so what is absent afterwards was not below them.
    let watermarks = Arc::new(within(store.watermarks()).await?);
    let originals = within(store.find_sends(&keys)).await?;
    Ok(originals.into_iter().map(|original| Found { original, watermarks: Arc::clone(&watermarks) }).collect())
}

async fn within<T>(question: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = || StoreError::new("the projection does not answer".to_owned());
    tokio::time::timeout(ANSWER_LIMIT, question).await.unwrap_or_else(|_elapsed| Err(late()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use relay_domain::ports::{EventPage, EventRange, FoundEvent, JoinQuestion, JoinSnapshot, Pinned, Reacted, Standing, Target};
    use relay_protocol::log::StoredEvent;
    use relay_types::{ConversationId, MessageId, UserId};
    use tokio::sync::Semaphore;

    use super::*;

    /// Each key's answer tells which key it is of.
    #[derive(Default)]
    struct Projection {
        questions: AtomicUsize,
        largest: AtomicUsize,
        /// Each answer takes one from here, if there is anything to take from.
        answers: Option<Semaphore>,
    }

    fn elsewhere<T>() -> Result<T, StoreError> {
        Err(StoreError::new("nobody asks for this here".to_owned()))
    }

    #[async_trait]
    impl ResumeStore for Projection {
        async fn join_snapshots(&self, _: &[JoinQuestion]) -> Result<Vec<JoinSnapshot>, StoreError> {
            elsewhere()
        }

        async fn find_events(&self, _: ShardId, _: &[EventRange], _: u32) -> Result<Option<Vec<FoundEvent>>, StoreError> {
            elsewhere()
        }

        async fn events(&self, _: ShardId, _: &[EventRange], _: u32, _: u32) -> Result<EventPage, StoreError> {
            elsewhere()
        }

        async fn erased(&self, _: ShardId, _: Seq, _: u32) -> Result<Vec<StoredEvent>, StoreError> {
            elsewhere()
        }

        async fn find_sends(&self, keys: &[SendKey]) -> Result<Vec<Option<OriginalSend>>, StoreError> {
            self.questions.fetch_add(1, Ordering::Relaxed);
            self.largest.fetch_max(keys.len(), Ordering::Relaxed);
            match &self.answers {
                Some(answers) => answers.acquire().await.unwrap().forget(),
                None => tokio::task::yield_now().await,
            }
            Ok(keys.iter().map(|key| Some(original(key))).collect())
        }

        async fn target(&self, _: UserId, _: ConversationId, _: MessageId) -> Result<Option<Target>, StoreError> {
            elsewhere()
        }

        async fn reacted(&self, _: UserId, _: ConversationId, _: Seq) -> Result<Reacted, StoreError> {
            elsewhere()
        }

        async fn pinned(&self, _: UserId, _: ConversationId, _: Seq) -> Result<Option<Pinned>, StoreError> {
            elsewhere()
        }

        async fn standing(&self, _: UserId, _: UserId, _: ConversationId) -> Result<Option<Standing>, StoreError> {
            elsewhere()
        }

        async fn watermarks(&self) -> Result<BTreeMap<ShardId, Seq>, StoreError> {
            Ok([(ShardId(0), Seq(7))].into())
        }

        async fn reach(&self) -> Result<(), StoreError> {
            elsewhere()
        }
    }

    fn key(n: usize) -> SendKey {
        SendKey {
            conversation: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            sender: "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap(),
            client_id: format!("key-{n}").parse().unwrap(),
        }
    }

    fn original(key: &SendKey) -> OriginalSend {
        let n = key.client_id.as_str().trim_start_matches("key-").parse().unwrap();
        OriginalSend { message_id: MessageId::new(ulid::Ulid(1)), seq: Seq(n), sent_at_ms: 0 }
    }

    #[tokio::test]
    async fn many_keys_cost_few_questions_and_each_gets_its_own_answer() {
        let projection = Arc::new(Projection::default());
        let lookups = Lookups::new(Arc::clone(&projection) as _);
        let finds = (0..2_000).map(|n| {
            let lookups = &lookups;
            async move { (n, lookups.find(&key(n)).await.unwrap()) }
        });
        for (n, found) in futures::future::join_all(finds).await {
            assert_eq!(found.original, Some(original(&key(n))));
            assert_eq!(found.watermarks.get(&ShardId(0)), Some(&Seq(7)));
        }
        assert!(projection.questions.load(Ordering::Relaxed) < 20, "{:?}", projection.questions);
        assert_eq!(projection.largest.load(Ordering::Relaxed), MAX_KEYS);
    }

    #[tokio::test]
    async fn a_caller_that_stalls_or_goes_holds_nobody_up() {
        let projection = Arc::new(Projection { answers: Some(Semaphore::new(0)), ..Projection::default() });
        let lookups = Lookups::new(Arc::clone(&projection) as _);
        let keys: Vec<SendKey> = (0..4).map(key).collect();
        let mut finds: Vec<_> = keys.iter().map(|key| Box::pin(lookups.find(key))).collect();
        for find in &mut finds {
            assert!(futures::poll!(find).is_pending());
        }
        let (last, third, _stalls, first) = (finds.pop().unwrap(), finds.pop().unwrap(), finds.pop().unwrap(), finds.pop().unwrap());
        drop(first);
        projection.answers.as_ref().unwrap().add_permits(10);
        assert_eq!(last.await.unwrap().original, Some(original(&keys[3])));
        assert_eq!(third.await.unwrap().original, Some(original(&keys[2])));
    }
}
