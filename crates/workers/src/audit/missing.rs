//! Users without a durable consumer who should have one. Somebody who has just come gets theirs in a moment, so that only those count
//! who have had none for a while; who has one again counts no more.

use std::collections::BTreeMap;
use std::time::Duration;

use relay_types::UserId;
use tokio::time::Instant;

/// They count after this: longer than it takes to make everybody's again behind a log that began anew with some 100,000 users.
const PATIENCE: Duration = Duration::from_mins(5);
/// Users remembered.
const MOST: usize = 10_000;
/// Users looked at again at once.
const AT_ONCE: usize = 200;

/// Users who were found without one, each since when.
#[derive(Debug, Default)]
pub(super) struct Missing {
    since: BTreeMap<UserId, Instant>,
    /// Up to whom they were looked at again.
    after: Option<UserId>,
}

impl Missing {
    pub(super) fn found(&mut self, users: &[UserId], now: Instant) {
        for user in users {
            if self.since.len() >= MOST {
                return;
            }
            self.since.entry(*user).or_insert(now);
        }
    }

    /// Those to look at again next.
    pub(super) fn next(&mut self) -> Vec<UserId> {
        let after = self.after;
        let rest = |user: &&UserId| after.is_none_or(|after| **user > after);
        let users: Vec<UserId> = self.since.keys().filter(rest).take(AT_ONCE).copied().collect();
        self.after = users.last().copied().filter(|_| users.len() == AT_ONCE);
        users
    }

    /// Of those that were looked at, these still have none.
    pub(super) fn looked(&mut self, looked: &[UserId], still: &[UserId]) {
        for user in looked.iter().filter(|user| !still.contains(user)) {
            self.since.remove(user);
        }
    }

    /// How many count.
    pub(super) fn count(&self, now: Instant) -> usize {
        self.since.values().filter(|since| now.saturating_duration_since(**since) >= PATIENCE).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_none_for_a_while_counts_until_there_is_one() {
        let (ann, bob): (UserId, UserId) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap());
        let (mut missing, now) = (Missing::default(), Instant::now());
        missing.found(&[ann, bob], now);
        assert_eq!(missing.next(), [ann, bob]);
        missing.looked(&[ann, bob], &[bob]);
        assert_eq!((missing.count(now), missing.count(now + PATIENCE)), (0, 1));
        missing.found(&[bob], now + PATIENCE);
        assert_eq!(missing.count(now + PATIENCE), 1, "found again is not found anew");
        let looked = missing.next();
        missing.looked(&looked, &[]);
        assert_eq!(missing.count(now + PATIENCE), 0);
    }
}
