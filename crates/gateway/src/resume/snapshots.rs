//! What those who connect ask first: one question for all who ask at the same time.

use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::{JoinQuestion, JoinSnapshot, ResumeStore, StoreError};
use relay_posting::Gather;

/// People in one question at most.
const MOST: usize = 64;
/// Questions at once.
const QUESTIONS: usize = 2;
/// A question that hangs is given up.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// See the module.
pub(crate) struct Snapshots(Gather<JoinQuestion, JoinSnapshot, StoreError>);

impl Snapshots {
    pub(crate) fn new(store: Arc<dyn ResumeStore>) -> Self {
        Self(Gather::new(MOST, QUESTIONS, move |questions: Vec<JoinQuestion>| {
            let store = Arc::clone(&store);
            Box::pin(async move {
                let late = |_| Err(StoreError::new("the projection does not answer".to_owned()));
                tokio::time::timeout(ANSWER_LIMIT, store.join_snapshots(&questions)).await.unwrap_or_else(late)
            })
        }))
    }

    /// The answer to one of them.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn answer(&self, question: JoinQuestion) -> Result<JoinSnapshot, StoreError> {
        let answered = self.0.ask(question).await;
        answered.unwrap_or_else(|| Err(StoreError::new("nobody asks any more: the process ends".to_owned())))
    }
}
