//! Asking together: while one question is under way, what is wanted next gathers, and goes out as one question.
//!
//! Alone, each of many who ask at the same time would cost a question of its own, and most of a small question's price is its
//! journey.

use std::sync::Arc;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

/// What a question becomes: an answer for each who asked, in their order, or what went wrong for all of them.
pub type Answers<A, E> = BoxFuture<'static, Result<Vec<A>, E>>;

/// Gathers questions `Q`, and gives each its answer `A`.
pub struct Gather<Q, A, E> {
    inner: Arc<Inner<Q, A, E>>,
}

struct Inner<Q, A, E> {
    ask: Box<dyn Fn(Vec<Q>) -> Answers<A, E> + Send + Sync>,
    most: usize,
    /// What nobody has asked for yet.
    gathered: Mutex<Vec<Gathered<Q, A, E>>>,
    permits: Arc<Semaphore>,
}

struct Gathered<Q, A, E> {
    question: Q,
    answer: oneshot::Sender<Result<A, E>>,
}

impl<Q, A, E> Gather<Q, A, E>
where
    Q: Send + 'static,
    A: Send + 'static,
    E: Clone + Send + 'static,
{
    /// Asks by `ask`, for `most` at once at most, with so many questions under way: more than one, so that a question that hangs
    /// does not hold up everybody. `ask` has to end by itself, within its own limits.
    pub fn new(most: usize, under_way: usize, ask: impl Fn(Vec<Q>) -> Answers<A, E> + Send + Sync + 'static) -> Self {
        let permits = Arc::new(Semaphore::new(under_way));
        Self { inner: Arc::new(Inner { ask: Box::new(ask), most: most.max(1), gathered: Mutex::default(), permits }) }
    }

    /// The answer; `None` when nobody answers any more, because the process ends.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn ask(&self, question: Q) -> Option<Result<A, E>> {
        let (answer, answered) = oneshot::channel();
        self.inner.gathered.lock().push(Gathered { question, answer });
        self.inner.ask_if_free();
        answered.await.ok()
    }
}

/// It asks in tasks of its own: a caller may not be polled for a long time, as while its socket's peer takes no bytes, and must
/// not hold up those for whom it would be asking.
impl<Q, A, E> Inner<Q, A, E>
where
    Q: Send + 'static,
    A: Send + 'static,
    E: Clone + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "ends by itself as each question does; never more than there are permits")]
    fn ask_if_free(self: &Arc<Self>) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { return };
        let this = Arc::clone(self);
        tokio::spawn(async move {
            while this.ask_once().await {}
            drop(permit);
            // One that came after the last look, and found no permit free.
            if !this.gathered.lock().is_empty() {
                this.ask_if_free();
            }
        });
    }

    /// Asks for what has gathered, the oldest first; `false` when nothing has.
    async fn ask_once(&self) -> bool {
        let (questions, waiting): (Vec<Q>, Vec<oneshot::Sender<Result<A, E>>>) = {
            let mut gathered = self.gathered.lock();
            gathered.retain(|one| !one.answer.is_closed());
            let some = gathered.len().min(self.most);
            gathered.drain(..some).map(|one| (one.question, one.answer)).unzip()
        };
        if questions.is_empty() {
            return false;
        }
        match (self.ask)(questions).await {
            Ok(answers) => {
                for (waiting, answer) in waiting.into_iter().zip(answers) {
                    // Nobody waits for it any more, if so.
                    let _ = waiting.send(Ok(answer));
                }
            }
            Err(error) => {
                for waiting in waiting {
                    let _ = waiting.send(Err(error.clone()));
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    type Doubling = Arc<Gather<usize, usize, String>>;

    /// Answers each number with its double, and notes how often it was asked, and for how many at once.
    fn doubling(answers: Option<Arc<Semaphore>>) -> (Doubling, Arc<[AtomicUsize; 2]>) {
        let seen: Arc<[AtomicUsize; 2]> = Arc::default();
        let noted = Arc::clone(&seen);
        let gather = Gather::new(500, 2, move |numbers: Vec<usize>| {
            let [questions, largest] = &*noted;
            questions.fetch_add(1, Ordering::Relaxed);
            largest.fetch_max(numbers.len(), Ordering::Relaxed);
            let answers = answers.clone();
            Box::pin(async move {
                match answers {
                    Some(answers) => answers.acquire().await.unwrap().forget(),
                    None => tokio::task::yield_now().await,
                }
                if numbers.contains(&13) { Err("no".to_owned()) } else { Ok(numbers.iter().map(|number| 2 * number).collect()) }
            })
        });
        (Arc::new(gather), seen)
    }

    #[tokio::test]
    async fn many_cost_few_questions_and_each_gets_its_own_answer() {
        let (gather, seen) = doubling(None);
        let mut asking = tokio::task::JoinSet::new();
        for number in 100..2_100 {
            let gather = Arc::clone(&gather);
            asking.spawn(async move { (number, gather.ask(number).await) });
        }
        while let Some(answered) = asking.join_next().await {
            let (number, answer) = answered.unwrap();
            assert_eq!(answer, Some(Ok(2 * number)));
        }
        let [questions, largest] = &*seen;
        assert!(questions.load(Ordering::Relaxed) < 20, "{questions:?}");
        assert_eq!(largest.load(Ordering::Relaxed), 500);
        assert_eq!(gather.ask(13).await, Some(Err("no".to_owned())), "what goes wrong is told");
    }

    #[tokio::test]
    async fn whoever_stalls_or_goes_holds_nobody_up() {
        let answers = Arc::new(Semaphore::new(0));
        let (gather, _) = doubling(Some(Arc::clone(&answers)));
        let (first, mut stalls, last) = (gather.ask(1), Box::pin(gather.ask(2)), gather.ask(3));
        let first = tokio::time::timeout(std::time::Duration::from_millis(1), first).await;
        assert!(first.is_err(), "it goes");
        assert!(tokio::time::timeout(std::time::Duration::from_millis(1), &mut stalls).await.is_err());
        answers.add_permits(10);
        assert_eq!(last.await, Some(Ok(6)));
        assert_eq!(stalls.await, Some(Ok(4)));
    }
}
