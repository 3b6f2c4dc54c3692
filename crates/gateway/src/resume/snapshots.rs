//! What those who connect ask first: one question for all who ask at the same time.
//!
//! Somebody in very many conversations asks alone, so that nobody waits for their answer. Who that is shows in the answer before.
//! When a joint question fails or takes long, each who was in it asks alone: it is the fault of one of them at most.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use relay_domain::ports::{JoinQuestion, JoinSnapshot, ResumeStore, StoreError};
use relay_posting::Gather;
use relay_types::UserId;
use tokio::time::Instant;

/// People in one question at most.
const MOST: usize = 64;
/// Joint questions at once, and those of one person each.
const JOINT: usize = 2;
const ALONE: usize = 4;
/// A joint question takes milliseconds. One that takes so long is given up, while those in it have the time to ask alone.
const JOINT_LIMIT: Duration = Duration::from_millis(1_500);
/// A question that hangs is given up.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// Somebody in more conversations than these asks alone: about 10 ms of Postgres.
const MANY: usize = 2_000;
/// People of whom that is remembered. Those who are forgotten ask jointly once more.
const MOST_REMEMBERED: usize = 4_096;

type Questions = Gather<JoinQuestion, JoinSnapshot, StoreError>;

/// See the module.
pub(crate) struct Snapshots {
    jointly: Questions,
    alone: Questions,
    /// Those who ask alone.
    heavy: Mutex<HashSet<UserId>>,
}

impl Snapshots {
    pub(crate) fn new(store: Arc<dyn ResumeStore>) -> Self {
        let jointly = questions(Arc::clone(&store), MOST, JOINT, JOINT_LIMIT);
        Self { jointly, alone: questions(store, 1, ALONE, ANSWER_LIMIT), heavy: Mutex::default() }
    }

    /// The answer to one of them.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn answer(&self, question: JoinQuestion) -> Result<JoinSnapshot, StoreError> {
        let user = question.user;
        if !self.heavy.lock().contains(&user)
            && let Some(Ok(snapshot)) = self.jointly.ask(question.clone()).await
        {
            self.note(user, snapshot.memberships.len() > MANY);
            return Ok(snapshot);
        }
        // Until it shows that they are not: perhaps nobody waits for the answer any more when it comes.
        self.note(user, true);
        let began = Instant::now();
        let answered = self.alone.ask(question).await;
        let answered = answered.unwrap_or_else(|| Err(StoreError::new("nobody asks any more: the process ends".to_owned())));
        match &answered {
            Ok(snapshot) => self.note(user, snapshot.memberships.len() > MANY),
            // Refused at once, as by a database that is not there, it says nothing of who asks.
            Err(_) => self.note(user, began.elapsed() >= JOINT_LIMIT),
        }
        answered
    }

    fn note(&self, user: UserId, heavy: bool) {
        let mut known = self.heavy.lock();
        if !heavy {
            known.remove(&user);
        } else if !known.contains(&user) {
            if known.len() >= MOST_REMEMBERED {
                known.clear();
            }
            known.insert(user);
        }
    }
}

fn questions(store: Arc<dyn ResumeStore>, most: usize, under_way: usize, limit: Duration) -> Questions {
    Gather::new(most, under_way, move |questions: Vec<JoinQuestion>| {
        let store = Arc::clone(&store);
        Box::pin(async move {
            let late = |_| Err(StoreError::new("the projection does not answer".to_owned()));
            tokio::time::timeout(limit, store.join_snapshots(&questions)).await.unwrap_or_else(late)
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use relay_domain::ports::{
        EventPage, EventRange, FoundEvent, MembershipInterval, OriginalSend, Pinned, Reacted, SendKey, SnapshotMembership, Standing, Target,
    };
    use relay_protocol::log::StoredEvent;
    use relay_types::{ConversationId, MessageId, Seq, SessionId, ShardId};

    use super::*;

    /// A projection in which the first user is in very many conversations: their part of an answer takes `heavy_takes`.
    struct Projection {
        heavy_takes: Duration,
        /// Questions that somebody else shared with them.
        shared: AtomicUsize,
        /// Questions that named several people.
        joint: AtomicUsize,
    }

    fn heavy() -> UserId {
        id(1)
    }

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(n: u64) -> T {
        format!("{n:026}").parse().unwrap()
    }

    fn elsewhere<T>() -> Result<T, StoreError> {
        Err(StoreError::new("nobody asks for this here".to_owned()))
    }

    fn snapshot(user: UserId) -> JoinSnapshot {
        let interval = MembershipInterval { conversation: id::<ConversationId>(1), shard: ShardId(0), joined: Seq(1), left: None };
        let in_many = if user == heavy() { MANY + 1 } else { 1 };
        let memberships = vec![SnapshotMembership { interval, last: Seq(1) }; in_many];
        JoinSnapshot { session_live: true, watermarks: BTreeMap::new(), memberships, own: BTreeMap::new() }
    }

    #[async_trait]
    impl ResumeStore for Projection {
        async fn join_snapshots(&self, questions: &[JoinQuestion]) -> Result<Vec<JoinSnapshot>, StoreError> {
            let with_heavy = questions.iter().any(|question| question.user == heavy());
            if questions.len() > 1 {
                self.joint.fetch_add(1, Ordering::Relaxed);
                self.shared.fetch_add(usize::from(with_heavy), Ordering::Relaxed);
            }
            tokio::time::sleep(if with_heavy { self.heavy_takes } else { Duration::from_millis(1) }).await;
            Ok(questions.iter().map(|question| snapshot(question.user)).collect())
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

        async fn find_sends(&self, _: &[SendKey]) -> Result<Vec<Option<OriginalSend>>, StoreError> {
            elsewhere()
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
            elsewhere()
        }

        async fn reach(&self) -> Result<(), StoreError> {
            elsewhere()
        }
    }

    fn ask_of(user: UserId) -> JoinQuestion {
        JoinQuestion { user, session: id::<SessionId>(7), cursors: BTreeMap::new() }
    }

    /// Twenty people ask at once, the heavy one among them. What became of each, and how long each took.
    async fn storm(snapshots: &Snapshots) -> Vec<(UserId, bool, Duration)> {
        let asked = (1..=20).map(|n| async move {
            let (user, began) = (id(n), Instant::now());
            let answered = snapshots.answer(ask_of(user)).await;
            (user, answered.is_ok(), began.elapsed())
        });
        futures::future::join_all(asked).await
    }

    fn projection(heavy_takes: Duration) -> (Arc<Projection>, Snapshots) {
        let projection = Arc::new(Projection { heavy_takes, shared: AtomicUsize::new(0), joint: AtomicUsize::new(0) });
        (Arc::clone(&projection), Snapshots::new(projection))
    }

    /// Failed before: all of them got the error of the one.
    #[tokio::test(start_paused = true)]
    async fn one_whose_answer_takes_too_long_fails_nobody_else() {
        let (_, snapshots) = projection(Duration::from_secs(60));
        for (user, answered, took) in storm(&snapshots).await {
            assert_eq!(answered, user != heavy(), "{user}");
            assert!(user == heavy() || took < Duration::from_secs(2), "{user} waited {took:?}");
        }
        // Once is enough.
        for (user, answered, took) in storm(&snapshots).await {
            assert!(user == heavy() || (answered && took < Duration::from_millis(100)), "{user} waited {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn somebody_in_very_many_conversations_asks_alone_from_the_second_time_on() {
        let (projection, snapshots) = projection(Duration::from_millis(800));
        storm(&snapshots).await;
        let shared = projection.shared.swap(0, Ordering::Relaxed);
        for (user, answered, took) in storm(&snapshots).await {
            assert!(answered && (user == heavy() || took < Duration::from_millis(100)), "{user} waited {took:?}");
        }
        assert!(shared <= 1 && projection.shared.load(Ordering::Relaxed) == 0, "shared {shared} times");
        assert!(projection.joint.load(Ordering::Relaxed) > 1, "the others ask together");
        assert_eq!(*snapshots.heavy.lock(), HashSet::from([heavy()]));
    }

    #[test]
    fn who_is_remembered_is_bounded_and_forgotten_once_it_is_not_so() {
        let (_, snapshots) = projection(Duration::ZERO);
        for n in 1..=3 * MOST_REMEMBERED as u64 {
            snapshots.note(id(n), true);
        }
        assert!(snapshots.heavy.lock().len() <= MOST_REMEMBERED);
        snapshots.note(id(5), true);
        snapshots.note(id(5), false);
        assert!(!snapshots.heavy.lock().contains(&id(5)));
    }
}
