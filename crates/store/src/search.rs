//! Searching: stretch after stretch of time, the newest first, until there are enough hits, everything was searched, or the time is
//! over.
//!
//! `index.rs` fills the index. A stretch is a month or more; `plan.rs` says how it is looked through, `candidates.rs` does it, and
//! `shown.rs` reads what the reader may see of that from `messages`. See ADR 0026.

mod candidates;
mod index;
mod plan;
mod reach;
mod shown;
mod vocabulary;

use std::time::Duration;

use async_trait::async_trait;
use relay_domain::ports::{Found, Hit, ListCursor, Search, SearchCursor, SearchError, SearchQuestion, StoreError};
use relay_types::{ConversationId, Seq};
use sqlx::types::Uuid;
use sqlx::{PgConnection, PgTransaction};
use time::OffsetDateTime;
use tokio::time::Instant;

use self::candidates::{Candidate, Looking};
use self::index::Waiting;
pub(crate) use self::index::again;
use self::plan::Stretch;
use self::reach::Reach;
pub(crate) use self::vocabulary::Vocabulary;
use crate::Store;
use crate::convert::{micros, timestamp_us};
use crate::error::unavailable;

/// Candidates that are read beyond those that are needed: some show nothing.
const SPARE: usize = 4;
/// A statement that gets less time than this cannot show anything.
const LEAST_TIME: Duration = Duration::from_millis(20);
/// The shortest stretch. One that takes too long, however short, is a fault of the database.
const SHORTEST_S: u32 = 60;

/// A statement's end.
pub(crate) enum Cut {
    /// The time was over.
    Late,
    Store(StoreError),
}

impl From<sqlx::Error> for Cut {
    fn from(error: sqlx::Error) -> Self {
        // query_canceled: the statement's own limit.
        let late = error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "57014");
        if late { Self::Late } else { Self::Store(unavailable(error)) }
    }
}

impl From<StoreError> for Cut {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Up to where was searched.
#[derive(Clone, Copy)]
struct Place {
    /// What is at this time or later was searched, but for what stands behind `after`.
    at_us: i64,
    after: Option<(ConversationId, Seq)>,
}

impl Place {
    /// Before this, in microseconds.
    fn upto_us(self) -> i64 {
        if self.after.is_some() { self.at_us + 1 } else { self.at_us }
    }

    /// What stands behind this one is asked for.
    fn behind(self) -> Result<(OffsetDateTime, Uuid, i64), StoreError> {
        match self.after {
            Some((conversation, seq)) => Ok((timestamp_us(self.at_us)?, conversation.to_uuid(), seq.to_i64())),
            None => Ok((timestamp_us(ListCursor::MAX_TIME_US)?, Uuid::max(), i64::MAX)),
        }
    }

    fn cursor(self, stretch_s: Option<u32>) -> SearchCursor {
        SearchCursor { at_us: self.at_us, after: self.after, stretch_s }
    }
}

#[async_trait]
impl Search for Store {
    #[tracing::instrument(name = "db.search", skip_all)]
    async fn search(&self, question: &SearchQuestion) -> Result<Found, SearchError> {
        self.limited(async {
            let _turn = self.searching().await?;
            let (reach, senders) = (self.reach(question).await?, self.senders(question).await?);
            let Waiting { lag: index_lag, now_us } = self.waiting().await?;
            let oldest_us = oldest_us(question);
            let partial_before_ms = |searched_us| reach.partial_before_us(searched_us).map(|us| us.div_euclid(1_000));
            let Some(senders) = senders.filter(|_| !reach.is_empty()) else {
                let partial_before_ms = partial_before_ms(oldest_us);
                return Ok(Found { hits: Vec::new(), next: None, searched_back_to_ms: None, partial_before_ms, index_lag });
            };
            let vocabulary = self.vocabulary().await?;
            // From here on: what a wait for one's turn has cost says nothing about how long a stretch takes.
            let deadline = Instant::now() + question.budget;
            let mut searching =
                Searching { store: self, question, reach: &reach, vocabulary: &vocabulary, deadline, now_us, hits: Vec::new() };
            let text = candidates::tsquery(&question.query, &senders);
            let (place, ended) = searching.run(&text, vocabulary.frequency(&question.query, &senders)).await?;
            let mut hits = searching.hits;
            let (next, searched_back_to_ms, searched_us) = match ended {
                Ended::Everything => (None, None, oldest_us),
                Ended::Enough => {
                    hits.truncate(usize::from(question.limit));
                    let last = hits.last().map(|(_, place)| place);
                    (last.map(|place| place.cursor(None)), None, last.map_or(oldest_us, |place| place.at_us))
                }
                Ended::Late { stretch_s } => (Some(place.cursor(stretch_s)), Some(place.at_us.min(now_us).div_euclid(1_000)), place.at_us),
            };
            let partial_before_ms = partial_before_ms(searched_us);
            Ok(Found { hits: hits.into_iter().map(|(hit, _)| hit).collect(), next, searched_back_to_ms, partial_before_ms, index_lag })
        })
        .await
    }
}

/// Nothing older is asked for.
fn oldest_us(question: &SearchQuestion) -> i64 {
    question.query.after_ms.map_or(0, |ms| ms.saturating_mul(1_000)).clamp(0, ListCursor::MAX_TIME_US)
}

enum Ended {
    Everything,
    Enough,
    Late { stretch_s: Option<u32> },
}

struct Searching<'a> {
    store: &'a Store,
    question: &'a SearchQuestion,
    reach: &'a Reach,
    vocabulary: &'a Vocabulary,
    deadline: Instant,
    /// By the database's clock.
    now_us: i64,
    hits: Vec<(Hit, Place)>,
}

impl Searching<'_> {
    async fn run(&mut self, text: &str, frequency: f64) -> Result<(Place, Ended), StoreError> {
        let query = &self.question.query;
        let oldest_us = oldest_us(self.question);
        let newest_us = query.before_ms.map_or(ListCursor::MAX_TIME_US, |ms| ms.saturating_mul(1_000)).clamp(0, ListCursor::MAX_TIME_US);
        let cursor = self.question.cursor.unwrap_or(SearchCursor { at_us: newest_us, after: None, stretch_s: None });
        let begin = Place { at_us: cursor.at_us.min(newest_us), after: cursor.after.filter(|_| cursor.at_us < newest_us) };
        let (mut place, mut longest_s) = (begin, cursor.stretch_s);
        let mut fruitless = 0;
        let wanted = usize::from(self.question.limit) + 1;
        let mut transaction = self.store.pool.begin().await.map_err(unavailable)?;
        loop {
            if self.hits.len() >= wanted {
                return Ok((place, Ended::Enough));
            }
            if place.upto_us() <= oldest_us {
                return Ok((place, Ended::Everything));
            }
            let reach_share = self.reach.share(self.vocabulary.conversations);
            let month = self.vocabulary.stretch(place.upto_us(), oldest_us, self.now_us);
            let stretch = plan::stretch(month, frequency, self.reach.len(), reach_share, wanted, fruitless);
            let stretch = longest_s.map_or(stretch, |longest| stretch.within(longest));
            let ask = wanted - self.hits.len() + SPARE;
            let step = Step { place, stretch, ask, text };
            let (candidates, shown) = match self.step(&mut transaction, &step).await {
                Ok(step) => step,
                Err(Cut::Store(error)) => return Err(error),
                Err(Cut::Late) => {
                    let stuck = place.at_us == begin.at_us && place.after == begin.after;
                    return Ok((place, Ended::Late { stretch_s: shorter(stuck, stretch, longest_s)? }));
                }
            };
            let before = self.hits.len();
            self.hits.extend(shown.into_iter().take(wanted - before));
            let last = candidates.last().filter(|_| candidates.len() == ask);
            place = last.map_or(Place { at_us: stretch.from_us, after: None }, Candidate::place);
            fruitless = if self.hits.len() == before { fruitless + 1 } else { 0 };
            // It was short for a moment that was slow.
            longest_s = longest_s.map(|longest| longest.saturating_mul(2));
        }
    }

    /// One stretch, or as much of it as there are candidates enough.
    async fn step(&self, transaction: &mut PgTransaction<'_>, step: &Step<'_>) -> Result<(Vec<Candidate>, Vec<(Hit, Place)>), Cut> {
        self.limit_statements(transaction).await?;
        let looking = Looking {
            reach: self.reach.active_since(step.stretch.from_us),
            from: timestamp_us(step.stretch.from_us)?,
            upto: timestamp_us(step.place.upto_us().min(ListCursor::MAX_TIME_US))?,
            after: step.place.behind()?,
            text: step.text,
            limit: i64::try_from(step.ask).unwrap_or(i64::MAX),
        };
        let candidates = looking.find(&mut *transaction, step.stretch.plan).await?;
        self.limit_statements(transaction).await?;
        let shown = shown::shown(&mut *transaction, self.question.reader, &candidates).await?;
        let mut hits = Vec::new();
        for (message, place) in shown {
            // As much work as a long text is: others have their turn.
            tokio::task::yield_now().await;
            let Some(text) = message.body.text() else { continue };
            if let Some(places) = self.question.query.found_in(text.as_str()) {
                hits.push((Hit { message, places }, place));
            }
        }
        Ok((candidates, hits))
    }

    /// No statement takes longer than what is left of the time.
    async fn limit_statements(&self, connection: &mut PgConnection) -> Result<(), Cut> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left < LEAST_TIME {
            return Err(Cut::Late);
        }
        let limit = left.as_millis().to_string();
        sqlx::query_scalar!("SELECT set_config('statement_timeout', $1, true)", limit).fetch_one(connection).await?;
        Ok(())
    }
}

struct Step<'a> {
    place: Place,
    stretch: Stretch,
    ask: usize,
    text: &'a str,
}

/// How long the next stretch may be at most. A search that came nowhere goes on with a shorter one, so that it comes somewhere.
fn shorter(stuck: bool, stretch: Stretch, before: Option<u32>) -> Result<Option<u32>, StoreError> {
    if !stuck {
        return Ok(before);
    }
    let length = before.unwrap_or(u32::MAX).min(stretch.seconds());
    if length <= SHORTEST_S {
        return Err(StoreError::new("the shortest stretch of a search took too long"));
    }
    // A month becomes two hours within three tries.
    Ok(Some((length / 8).max(SHORTEST_S)))
}

impl Candidate {
    fn place(&self) -> Place {
        Place { at_us: micros(self.created_at), after: Some((ConversationId::from_uuid(self.conversation_id), Seq::from_i64(self.seq))) }
    }
}
