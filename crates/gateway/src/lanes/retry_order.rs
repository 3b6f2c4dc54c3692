//! The order of sends that were refused for a passing reason and have to come again. Pure: one conversation, one socket.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use relay_protocol::ErrorCode;
use relay_types::ClientId;

/// A refused send that has not come again for this long was given up by its client. Longer than frames are on their way, also
/// on a slow link: one that slips past an earlier one before the client knows of the refusal is out of order for good.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(30);
/// Refused sends of one conversation that are remembered. Twice what may be unanswered; beyond, order is not kept for them.
const MAX_RETRIES: usize = 128;

/// The refused sends, in the order in which they are to be stored.
#[derive(Debug)]
pub(super) struct RetryOrder {
    sends: VecDeque<(ClientId, Instant)>,
    code: ErrorCode,
}

impl RetryOrder {
    /// Nothing was refused yet; sends that have to wait are told this code.
    pub(super) const fn new(code: ErrorCode) -> Self {
        Self { sends: VecDeque::new(), code }
    }

    /// These were refused, in this order, and stand before all others: nothing before them was waited for.
    pub(super) fn refused_first(&mut self, sends: impl DoubleEndedIterator<Item = ClientId>, now: Instant) {
        for client_id in sends.rev() {
            self.sends.retain(|(other, _)| *other != client_id);
            self.sends.push_front((client_id, now));
        }
        self.sends.truncate(MAX_RETRIES);
    }

    /// This one was refused without being looked at: it stands where it stood, or behind all others.
    pub(super) fn refused_in_turn(&mut self, client_id: &ClientId, now: Instant) {
        if let Some((_, refused_at)) = self.sends.iter_mut().find(|(other, _)| other == client_id) {
            *refused_at = now;
        } else if self.sends.len() < MAX_RETRIES {
            self.sends.push_back((client_id.clone(), now));
        }
    }

    /// Whether this send's turn has come; otherwise it is refused, with the code. No longer waited for are sends that turned out
    /// to be stored (their client has seen them, and does not send them again) and those that were given up.
    pub(super) fn admit(&mut self, client_id: &ClientId, stored: impl Fn(&ClientId) -> bool, now: Instant) -> Result<(), ErrorCode> {
        while let Some((first, refused_at)) = self.sends.front() {
            let its_turn = first == client_id;
            if !its_turn && !stored(first) && now.duration_since(*refused_at) < GIVEN_UP_AFTER {
                self.refused_in_turn(client_id, now);
                return Err(self.code);
            }
            self.sends.pop_front();
            if its_turn {
                break;
            }
        }
        Ok(())
    }

    /// Nobody is waited for.
    pub(super) fn is_empty(&self) -> bool {
        self.sends.is_empty()
    }

    /// Their client has given up all of them.
    pub(super) fn is_given_up(&self, now: Instant) -> bool {
        self.sends.iter().all(|(_, refused_at)| now.duration_since(*refused_at) >= GIVEN_UP_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: fn(&ClientId) -> bool = |_| false;

    fn id(name: &str) -> ClientId {
        name.parse().unwrap()
    }

    fn order_of(names: &[&str], now: Instant) -> RetryOrder {
        let mut order = RetryOrder::new(ErrorCode::Unavailable);
        order.refused_first(names.iter().map(|name| id(name)), now);
        order
    }

    #[test]
    fn everything_comes_again_in_order_and_nothing_overtakes() {
        let now = Instant::now();
        let mut order = order_of(&["a", "b"], now);
        // On its way behind them.
        assert_eq!(order.admit(&id("c"), NOTHING, now), Err(ErrorCode::Unavailable));
        assert_eq!(order.admit(&id("b"), NOTHING, now), Err(ErrorCode::Unavailable));
        for name in ["a", "b"] {
            assert_eq!(order.admit(&id(name), NOTHING, now), Ok(()));
        }
        assert_eq!(order.admit(&id("d"), NOTHING, now), Err(ErrorCode::Unavailable), "c was refused and comes before it");
        assert_eq!(order.admit(&id("c"), NOTHING, now), Ok(()));
        assert_eq!(order.admit(&id("d"), NOTHING, now), Ok(()));
        assert!(order.is_empty());
    }

    #[test]
    fn what_fails_again_stands_first_again() {
        let now = Instant::now();
        let mut order = order_of(&["a", "b", "c"], now);
        assert_eq!(order.admit(&id("a"), NOTHING, now), Ok(()));
        assert_eq!(order.admit(&id("b"), NOTHING, now), Ok(()));
        order.refused_first([id("a"), id("b")].into_iter(), now);
        assert_eq!(order.admit(&id("c"), NOTHING, now), Err(ErrorCode::Unavailable));
        for name in ["a", "b", "c"] {
            assert_eq!(order.admit(&id(name), NOTHING, now), Ok(()));
        }
    }

    #[test]
    fn what_turned_out_to_be_stored_holds_nobody_back_and_what_was_refused_behind_it_keeps_its_place() {
        let now = Instant::now();
        let mut order = order_of(&["a", "b"], now);
        let stored = |client_id: &ClientId| client_id.as_str() == "a";
        assert_eq!(order.admit(&id("c"), stored, now), Err(ErrorCode::Unavailable), "b waits still");
        assert_eq!(order.admit(&id("b"), stored, now), Ok(()));
        assert_eq!(order.admit(&id("c"), stored, now), Ok(()));
        assert!(order.is_empty());
    }

    #[test]
    fn giving_up_one_lets_nobody_overtake_those_who_go_on_trying() {
        let now = Instant::now();
        let mut order = order_of(&["a"], now);
        let later = now + GIVEN_UP_AFTER / 2;
        for name in ["b", "c"] {
            assert_eq!(order.admit(&id(name), NOTHING, later), Err(ErrorCode::Unavailable));
        }
        // By now a counts as given up, and c happens to come first.
        let later = now + GIVEN_UP_AFTER;
        assert_eq!(order.admit(&id("c"), NOTHING, later), Err(ErrorCode::Unavailable));
        assert_eq!(order.admit(&id("b"), NOTHING, later), Ok(()));
        assert_eq!(order.admit(&id("c"), NOTHING, later), Ok(()));
    }

    #[test]
    fn bounded() {
        let now = Instant::now();
        let mut order = order_of(&["first"], now);
        for n in 0..5_000 {
            assert!(order.admit(&id(&format!("k{n}")), NOTHING, now).is_err());
        }
        assert_eq!(order.sends.len(), MAX_RETRIES);
    }
}
