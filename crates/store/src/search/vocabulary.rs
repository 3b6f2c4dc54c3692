//! How many messages there are of each month, and how common words are, as Postgres last counted them. Estimates: what is found does
//! not depend on them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::StoreError;
use relay_domain::search::{Query, Term, has_words, sender_word};
use relay_types::UserId;
use tokio::time::Instant;

use super::plan::Months;
use crate::Store;
use crate::convert::micros;
use crate::error::unavailable;

/// For how long it is used.
const FRESH: Duration = Duration::from_mins(1);
/// Bytes of a row, with its words.
const ROW_BYTES: f64 = 200.0;
/// Months are put together until they have so many messages.
const ROWS_AT_ONCE: f64 = 200_000.0;
/// Of a word, before any were counted.
const UNKNOWN: f64 = 0.003;

/// What is known of the index.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// Since when.
    at: Instant,
    /// The beginning of each month and its messages, the newest first.
    months: Vec<(i64, f64)>,
    /// Shares of messages.
    frequencies: HashMap<String, f64>,
    /// Of a word that was not counted.
    rare: f64,
    /// Conversations of everybody.
    pub(super) conversations: f64,
}

impl Store {
    pub(super) async fn vocabulary(&self) -> Result<Arc<Vocabulary>, StoreError> {
        let known = self.vocabulary.lock().clone();
        if let Some(known) = known.filter(|known| known.at.elapsed() < FRESH) {
            return Ok(known);
        }
        let fresh = Arc::new(self.count_words().await?);
        *self.vocabulary.lock() = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    async fn count_words(&self) -> Result<Vocabulary, StoreError> {
        let months = sqlx::query!(r#"SELECT from_at AS "from_at!", bytes AS "bytes!" FROM search_months()"#);
        let months = months.fetch_all(&self.pool).await.map_err(unavailable)?;
        let words = sqlx::query!(r#"SELECT word AS "word!", frequency FROM search_frequencies()"#);
        let words = words.fetch_all(&self.pool).await.map_err(unavailable)?;
        let conversations = sqlx::query_scalar!(
            r#"SELECT greatest(reltuples, 1)::float8 AS "conversations!" FROM pg_class WHERE oid = 'conversation_heads'::regclass"#
        );
        let conversations = conversations.fetch_one(&self.pool).await.map_err(unavailable)?;
        let mut frequencies: HashMap<String, f64> =
            words.into_iter().filter_map(|row| Some((row.word, f64::from(row.frequency?)))).collect();
        // A word that was not among those counted is at least half as rare as the rarest of them.
        let rare = frequencies.remove("").map_or(UNKNOWN, |least| least / 2.0);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let months = months.into_iter().map(|row| (micros(row.from_at), row.bytes as f64 / ROW_BYTES)).collect();
        Ok(Vocabulary { at: Instant::now(), months, frequencies, rare, conversations })
    }
}

impl Vocabulary {
    /// The share of messages that say all of it: at most that of its rarest part.
    pub(super) fn frequency(&self, query: &Query, senders: &[UserId]) -> f64 {
        let terms = query.sequences.iter().flat_map(|sequence| &sequence.0).map(|term| self.of(term));
        let whole = |word: &str| self.frequencies.get(word).copied().unwrap_or(self.rare);
        let people = (!senders.is_empty()).then(|| senders.iter().map(|sender| whole(&sender_word(*sender))).sum::<f64>());
        terms.chain(has_words(query).map(whole)).chain(people).fold(1.0_f64, f64::min)
    }

    fn of(&self, term: &Term) -> f64 {
        if !term.prefix {
            return self.frequencies.get(&term.word).copied().unwrap_or(self.rare);
        }
        let counted: f64 = self.frequencies.iter().filter(|(word, _)| word.starts_with(&term.word)).map(|(_, share)| share).sum();
        // A beginning has words that were not counted, too.
        (counted + 4.0 * self.rare).min(1.0)
    }

    /// So many months that there is something to look through, but no more than one that has much.
    pub(super) fn stretch(&self, upto_us: i64, oldest_us: i64, now_us: i64) -> Months {
        let (mut rows, mut end) = (0.0, upto_us);
        let months = |from_us: i64, rows| Months { from_us, ends_us: upto_us.min(now_us).max(from_us), rows };
        for (month, all) in &self.months {
            if *month >= end {
                continue;
            }
            let from_us = (*month).max(oldest_us);
            rows += all;
            end = from_us;
            if rows >= ROWS_AT_ONCE || from_us == oldest_us {
                return months(from_us, rows);
            }
        }
        months(oldest_us, rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(months: &[(i64, f64)], words: &[(&str, f64)]) -> Vocabulary {
        let frequencies = words.iter().map(|(word, share)| ((*word).to_owned(), *share)).collect();
        Vocabulary { at: Instant::now(), months: months.to_vec(), frequencies, rare: 0.000_1, conversations: 1.0 }
    }

    #[test]
    fn stretches_follow_each_other_without_a_hole() {
        let vocabulary = vocabulary(&[(500, 0.0), (400, 10.0), (300, 900_000.0), (200, 150_000.0), (100, 150_000.0)], &[]);
        let (mut upto, mut seen) = (i64::MAX, Vec::new());
        while upto > 50 {
            let months = vocabulary.stretch(upto, 50, 450);
            assert!(months.from_us < upto && months.ends_us == upto.min(450));
            upto = months.from_us;
            seen.push(upto);
        }
        assert_eq!(seen, [300, 100, 50]);
        assert_eq!(vocabulary.stretch(350, 320, 450).from_us, 320);
        assert_eq!(vocabulary.stretch(90, 0, 450).from_us, 0);
    }

    #[test]
    fn a_query_is_as_rare_as_its_rarest_word() {
        let vocabulary = vocabulary(&[], &[("the", 0.5), ("harbour", 0.001), ("harbours", 0.002)]);
        let of = |text: &str| vocabulary.frequency(&Query::parse(text).unwrap(), &[]);
        assert!((of("the harbour ") - 0.001).abs() < 1e-9);
        assert!((of("harb") - 0.003_4).abs() < 1e-9);
        assert!((of("zebra ") - 0.000_1).abs() < 1e-9);
    }
}
