//! One question for all who ask at the same time.

use tokio::sync::Mutex;
use tokio::time::Instant;

/// An answer that is good for everybody who came before its question was put. Whoever comes while a question is under way
/// waits for the next one, which then serves all who came meanwhile: however many ask, one question is open at a time.
pub(crate) struct Shared<T> {
    last: Mutex<Option<(Instant, Option<T>)>>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { last: Mutex::const_new(None) }
    }
}

impl<T: Clone> Shared<T> {
    /// The answer to a question that was put after `earliest`, and when it was put. `None` when nobody could answer it.
    ///
    /// # Cancel safety
    /// Cancel safe: a question that was dropped is put again by the next who waits.
    pub(crate) async fn answer_after(&self, earliest: Instant, ask: impl AsyncFnOnce() -> Option<T>) -> (Instant, Option<T>) {
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = last.as_ref().filter(|(at, _)| *at > earliest) {
            return (*at, answer.clone());
        }
        let at = Instant::now();
        let answer = ask().await;
        *last = Some((at, answer.clone()));
        (at, answer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_cost_two_questions_and_nobody_gets_an_answer_from_before_they_came() {
        let (shared, questions) = (Shared::default(), AtomicU32::new(0));
        let ask = async || {
            let number = questions.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await;
            Some(number)
        };
        let began = Instant::now();
        let at = async |millis| {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            let arrived = Instant::now();
            let (asked, answer) = shared.answer_after(arrived, ask).await;
            assert!(asked >= arrived);
            answer
        };
        let first = at(0);
        let later = futures::future::join_all((0..1_000).map(|n| at(1 + n % 9)));
        let (first, later) = futures::future::join(first, later).await;
        assert_eq!(first, Some(0));
        assert!(later.iter().all(|answer| *answer == Some(1)), "{later:?}");
        assert_eq!((questions.load(Ordering::Relaxed), began.elapsed().as_millis()), (2, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_was_given_up_is_put_again() {
        let shared = Shared::<u32>::default();
        let gives_up = shared.answer_after(Instant::now(), async || std::future::pending().await);
        let waits = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            shared.answer_after(Instant::now(), async || Some(7)).await.1
        };
        let (given_up, answer) = futures::future::join(tokio::time::timeout(Duration::from_millis(50), gives_up), waits).await;
        assert!(given_up.is_err());
        assert_eq!(answer, Some(7));
    }
}
