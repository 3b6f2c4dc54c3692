//! When people had and read what was said: the last [`KEPT`] times of each person in each conversation.

use relay_domain::ports::DeliveryStep;
use relay_protocol::rest::ReceiptStep;
use sqlx::PgConnection;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::Moved;
use crate::convert::{millis, timestamp};

/// Times of each person in each conversation.
const KEPT: i32 = 8;

/// Such times, as they were read: the oldest first.
pub(super) struct Steps {
    pub(super) sinces: Vec<i64>,
    pub(super) seqs: Vec<i64>,
    pub(super) ats: Vec<OffsetDateTime>,
    pub(super) devices: Vec<String>,
}

impl Steps {
    /// When it happened to what stands at `seq`; `None`: after all of them, or never.
    pub(super) fn when(&self, seq: i64) -> Option<ReceiptStep> {
        let step = self.seqs.iter().position(|upto| *upto >= seq)?;
        let before = self.sinces.get(step).is_none_or(|since| *since >= seq);
        let device_kind = self.devices.get(step).filter(|_| !before).and_then(|kind| kind.parse().ok());
        Some(ReceiptStep { at_ms: self.ats.get(step).map(|at| millis(*at)), before, device_kind })
    }
}

/// Notes that a read mark moved, in the transaction that moves it. Index: `receipt_steps_pkey`, `sessions_pkey`.
pub(super) async fn note_read(connection: &mut PgConnection, moved: &Moved) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO receipt_steps AS s (conversation_id, user_id, step, sinces, seqs, ats, devices)
         VALUES ($1, $2, 'read', ARRAY[$3::bigint], ARRAY[$4::bigint], ARRAY[now()],
                 ARRAY[coalesce((SELECT device_kind FROM sessions WHERE session_id = $5), '')])
         ON CONFLICT (conversation_id, user_id, step) DO UPDATE SET
             sinces = s.sinces[greatest(cardinality(s.seqs) - $6 + 2, 1):] || excluded.sinces,
             seqs = s.seqs[greatest(cardinality(s.seqs) - $6 + 2, 1):] || excluded.seqs,
             ats = s.ats[greatest(cardinality(s.seqs) - $6 + 2, 1):] || excluded.ats,
             devices = s.devices[greatest(cardinality(s.seqs) - $6 + 2, 1):] || excluded.devices
         WHERE s.seqs[cardinality(s.seqs)] < $4",
        moved.conversation.to_uuid(),
        moved.user.to_uuid(),
        moved.before,
        moved.now,
        moved.session.map(relay_types::SessionId::to_uuid),
        KEPT
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Notes what devices have. Each person's conversation once. In one order, so that two gateways do not wait for each other. Indexes as
/// in [`note_read`].
pub(crate) async fn note_delivered(connection: &mut PgConnection, steps: &[DeliveryStep]) -> Result<(), relay_domain::ports::StoreError> {
    let mut steps: Vec<&DeliveryStep> = steps.iter().collect();
    steps.sort_unstable_by_key(|step| (step.conversation, step.user));
    let ats = steps.iter().map(|step| timestamp(step.at_ms)).collect::<Result<Vec<OffsetDateTime>, _>>()?;
    let conversations: Vec<Uuid> = steps.iter().map(|step| step.conversation.to_uuid()).collect();
    let users: Vec<Uuid> = steps.iter().map(|step| step.user.to_uuid()).collect();
    let sessions: Vec<Uuid> = steps.iter().map(|step| step.session.to_uuid()).collect();
    let sinces: Vec<i64> = steps.iter().map(|step| step.since.to_i64()).collect();
    let seqs: Vec<i64> = steps.iter().map(|step| step.seq.to_i64()).collect();
    sqlx::query!(
        "INSERT INTO receipt_steps AS s (conversation_id, user_id, step, sinces, seqs, ats, devices)
         SELECT t.conversation_id, t.user_id, 'delivered', ARRAY[t.since], ARRAY[t.seq], ARRAY[t.at], ARRAY[coalesce(d.device_kind, '')]
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::timestamptz[])
              AS t (conversation_id, user_id, session_id, since, seq, at)
         LEFT JOIN sessions d ON d.session_id = t.session_id
         ORDER BY t.conversation_id, t.user_id
         ON CONFLICT (conversation_id, user_id, step) DO UPDATE SET
             sinces = s.sinces[greatest(cardinality(s.seqs) - $7 + 2, 1):] || excluded.sinces,
             seqs = s.seqs[greatest(cardinality(s.seqs) - $7 + 2, 1):] || excluded.seqs,
             ats = s.ats[greatest(cardinality(s.seqs) - $7 + 2, 1):] || excluded.ats,
             devices = s.devices[greatest(cardinality(s.seqs) - $7 + 2, 1):] || excluded.devices
         WHERE s.seqs[cardinality(s.seqs)] < excluded.seqs[1]",
        &conversations,
        &users,
        &sessions,
        &sinces,
        &seqs,
        &ats,
        KEPT
    )
    .execute(connection)
    .await
    .map_err(crate::error::unavailable)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::DeviceKind;

    #[test]
    fn a_time_tells_exactly_of_what_stands_behind_the_one_before_it() {
        let at = |ms| timestamp(ms).unwrap();
        let steps = Steps {
            sinces: vec![10, 20, 35],
            seqs: vec![20, 30, 40],
            ats: vec![at(1_000), at(2_000), at(3_000)],
            devices: vec!["phone".to_owned(), String::new(), "browser".to_owned()],
        };
        let when = |seq| steps.when(seq).map(|step| (step.at_ms.unwrap(), step.before, step.device_kind));
        assert_eq!(when(10), Some((1_000, true, None)), "before the first that is kept");
        assert_eq!(when(11), Some((1_000, false, Some(DeviceKind::Phone))));
        assert_eq!(when(30), Some((2_000, false, None)));
        assert_eq!(when(33), Some((3_000, true, None)), "nobody noted it");
        assert_eq!(when(36), Some((3_000, false, Some(DeviceKind::Browser))));
        assert_eq!(when(41), None);
    }
}
