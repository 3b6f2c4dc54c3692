//! Spans of activity: what members are told of a conversation's activity, so that it costs them a write now and then, not one
//! per message. See ADR 0013.

use sqlx::types::Uuid;
use time::{Duration, OffsetDateTime};

/// Six hours. The queries spell it too, as what lies at most between a conversation's last activity and what its members
/// know of it.
const SPAN: Duration = Duration::hours(6);

/// The end of the span that `at` lies in: later than `at`, by six hours at most. Conversations begin their spans at moments of
/// their own, so that their members are not all told at once.
pub(crate) fn active_until(conversation: Uuid, at: OffsetDateTime) -> OffsetDateTime {
    let span = SPAN.whole_seconds();
    let begin = i64::try_from(conversation.as_u128() % u128::from(SPAN.whole_seconds().unsigned_abs())).unwrap_or_default();
    let into = (at.unix_timestamp() - begin).rem_euclid(span);
    // Whole seconds, as Postgres and this agree on them.
    OffsetDateTime::from_unix_timestamp(at.unix_timestamp() - into + span).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_ends_after_its_moments_and_lasts_six_hours() {
        for id in [0, 1, u128::MAX, 0x0192_3456_789a_bcde_f012_3456_789a_bcde] {
            let id = Uuid::from_u128(id);
            let mut ends = std::collections::BTreeSet::new();
            for s in 0..86_400 {
                let at = OffsetDateTime::from_unix_timestamp(1_795_348_800 + s).unwrap() + Duration::milliseconds(999);
                let until = active_until(id, at);
                assert!(until > at && until - at <= SPAN, "{id} {at} {until}");
                ends.insert(until);
            }
            assert!(ends.len() <= 5, "{id}: {ends:?}");
        }
    }
}
