//! One page of the log beside the rows of the same range.

use std::collections::BTreeMap;

use relay_domain::ports::ProjectedEvent;
use relay_protocol::log::{EventOwner, StoredEvent};
use relay_types::{Seq, ShardId};

use super::Compared;

/// In what way the two sides differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The log has an event, Postgres has not, and it was not dead-lettered either.
    MissingRow,
    /// Postgres has an event that the log does not have.
    PhantomRow,
    /// Both have a message there, not the same.
    OtherMessage,
    /// Postgres was filled from another epoch of the log.
    AnotherLog,
    /// Postgres is ahead of the log: the log was cut off.
    LogTooShort,
    /// A user's durable consumer has delivered more than there is.
    ConsumerAhead,
    /// A user who was seen lately has no durable consumer.
    ConsumerMissing,
    /// A read mark lies beyond its conversation's newest event.
    MarkAhead,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::MissingRow,
        Self::PhantomRow,
        Self::OtherMessage,
        Self::AnotherLog,
        Self::LogTooShort,
        Self::ConsumerAhead,
        Self::ConsumerMissing,
        Self::MarkAhead,
    ];

    /// As a metric label and for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissingRow => "missing_row",
            Self::PhantomRow => "phantom_row",
            Self::OtherMessage => "other_message",
            Self::AnotherLog => "another_log",
            Self::LogTooShort => "log_too_short",
            Self::ConsumerAhead => "consumer_ahead",
            Self::ConsumerMissing => "consumer_missing",
            Self::MarkAhead => "mark_ahead",
        }
    }

    /// Whether it says that something acknowledged is missing somewhere, or something is there that never was.
    pub const fn is_unaccounted(self) -> bool {
        !matches!(self, Self::ConsumerAhead | Self::ConsumerMissing | Self::MarkAhead)
    }
}

/// One difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Which.
    pub kind: Kind,
    /// Where.
    pub shard: ShardId,
    /// At which sequence.
    pub seq: Seq,
}

/// Compares a run of the log with the rows of what people read now: the events of it that are in history. Differences that the
/// events' own rows show, too, are named once.
pub(super) fn messages(shard: ShardId, events: &[StoredEvent], rows: &[ProjectedEvent], compared: &mut Compared) {
    let in_history: Vec<StoredEvent> = events.iter().filter(|event| event.event.is_in_history()).cloned().collect();
    let mut again = Compared::default();
    page(shard, &in_history, rows, Seq::ZERO, &mut again);
    // Another kind of event has its row among the events alone.
    again.findings.retain(|finding| {
        let has_no_message = finding.kind == Kind::PhantomRow && is_other(events, finding.seq);
        !has_no_message && !compared.findings.contains(finding)
    });
    compared.findings.append(&mut again.findings);
    compared.findings.sort_unstable_by_key(|finding| finding.seq);
    compared.rowless.append(&mut again.rowless);
}

fn is_other(events: &[StoredEvent], seq: Seq) -> bool {
    events
        .binary_search_by_key(&seq, |event| event.seq)
        .is_ok_and(|index| events.get(index).is_some_and(|event| !event.event.is_in_history()))
}

/// Compares a run of the log with the rows of the same run. Users' own events up to `own_floor` are not all there.
pub(super) fn page(shard: ShardId, events: &[StoredEvent], rows: &[ProjectedEvent], own_floor: Seq, compared: &mut Compared) {
    // By owner as well: at the place of a user's own event a conversation may have a row that nobody sent.
    let mut rows: BTreeMap<(Seq, EventOwner), &ProjectedEvent> = rows.iter().map(|row| ((row.seq, row.owner), row)).collect();
    for event in events {
        let Some(owner) = event.owner else {
            rows.retain(|(seq, _), _| *seq != event.seq);
            continue;
        };
        if matches!(owner, EventOwner::User(_)) && event.seq <= own_floor {
            rows.remove(&(event.seq, owner));
            continue;
        }
        let message = event.event.message().map(|sent| sent.message_id);
        compared.messages += u64::from(message.is_some());
        let kind = match rows.remove(&(event.seq, owner)) {
            None if another(&mut rows, event.seq) => Kind::OtherMessage,
            None => {
                if let Some(published) = event.event.published() {
                    compared.rowless.push((published.conversation_id, published.actor_id, event.seq));
                }
                Kind::MissingRow
            }
            Some(row) if row.message != message => Kind::OtherMessage,
            Some(_) => continue,
        };
        compared.findings.push(Finding { kind, shard, seq: event.seq });
    }
    // A tombstone is what the log may have no more.
    rows.retain(|_, row| !row.erased);
    compared.findings.extend(rows.into_keys().map(|(seq, _)| Finding { kind: Kind::PhantomRow, shard, seq }));
}

/// Takes out a row of another owner's at the event's place, if there is one.
fn another(rows: &mut BTreeMap<(Seq, EventOwner), &ProjectedEvent>, seq: Seq) -> bool {
    let found = rows.keys().find(|(of, _)| *of == seq).copied();
    found.is_some_and(|at| rows.remove(&at).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::MessageBody;
    use relay_protocol::log::{LogEvent, MessageSent};
    use relay_types::MessageId;

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>() -> T {
        "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap()
    }

    fn sent(seq: u64) -> StoredEvent {
        let message = MessageSent {
            message_id: id(),
            conversation_id: id(),
            actor_id: id(),
            client_id: id(),
            at_ms: 0,
            body: MessageBody::Text { text: "x".parse().unwrap() },
            reply_to: None,
            thread: None,
        };
        let owner = Some(relay_protocol::EventOwner::Conversation(id()));
        StoredEvent {
            shard: ShardId(0),
            seq: Seq(seq),
            owner,
            prev: None,
            stored_at_ms: 0,
            event: LogEvent::MessageSent(message),
            text: None,
        }
    }

    fn row(seq: u64) -> ProjectedEvent {
        ProjectedEvent { seq: Seq(seq), owner: EventOwner::Conversation(id()), message: Some(id()), erased: false }
    }

    fn found(events: &[StoredEvent], rows: &[ProjectedEvent]) -> Vec<(Kind, u64)> {
        let mut compared = Compared::default();
        page(ShardId(0), events, rows, Seq::ZERO, &mut compared);
        assert_eq!(compared.messages, events.len() as u64);
        compared.findings.iter().map(|finding| (finding.kind, finding.seq.0)).collect()
    }

    #[test]
    fn each_difference_has_its_kind_and_place() {
        let events = [sent(1), sent(3), sent(5)];
        assert_eq!(found(&events, &[row(1), row(3), row(5)]), []);
        assert_eq!(found(&events, &[row(1), row(5)]), [(Kind::MissingRow, 3)]);
        assert_eq!(found(&events, &[row(1), row(3), row(4), row(5)]), [(Kind::PhantomRow, 4)]);
        let other: MessageId = "01BX5ZZKBKACTAV9WEVGEMMVRZ".parse().unwrap();
        assert_eq!(found(&events, &[row(1), ProjectedEvent { message: Some(other), ..row(3) }, row(5)]), [(Kind::OtherMessage, 3)]);
    }

    #[test]
    fn a_tombstone_may_be_missing_in_the_log_and_be_nothing_else() {
        let tombstone = ProjectedEvent { erased: true, ..row(3) };
        assert_eq!(found(&[sent(1), sent(5)], &[row(1), tombstone, row(5)]), []);
        assert_eq!(found(&[sent(1), sent(3), sent(5)], &[row(1), tombstone, row(5)]), [], "not erased there yet");
        let other = ProjectedEvent { message: None, ..tombstone };
        assert_eq!(found(&[sent(1), sent(3), sent(5)], &[row(1), other, row(5)]), [(Kind::OtherMessage, 3)]);
    }

    #[test]
    fn own_events_are_compared_from_where_they_are_kept() {
        let owner = EventOwner::User(id());
        let own =
            |seq| StoredEvent { owner: Some(owner), event: relay_protocol::LogEvent::decode(r#"{"type":"X"}"#).unwrap(), ..sent(seq) };
        let row = |seq| ProjectedEvent { seq: Seq(seq), owner, message: None, erased: false };
        let compare = |rows: &[ProjectedEvent], floor| {
            let mut compared = Compared::default();
            page(ShardId(0), &[own(1), own(3), own(5)], rows, Seq(floor), &mut compared);
            compared.findings.iter().map(|finding| (finding.kind, finding.seq.0)).collect::<Vec<_>>()
        };
        assert_eq!(compare(&[row(1), row(3), row(5)], 0), []);
        assert_eq!(compare(&[row(5)], 3), [], "some may be there all the same");
        assert_eq!(compare(&[row(3), row(5)], 3), []);
        assert_eq!(compare(&[row(5)], 1), [(Kind::MissingRow, 3)]);
        assert_eq!(compare(&[row(1), row(3), row(4), row(5)], 0), [(Kind::PhantomRow, 4)]);
        let phantom = ProjectedEvent { owner: EventOwner::Conversation(id()), message: Some(id()), ..row(3) };
        assert_eq!(compare(&[row(1), row(3), phantom, row(5)], 0), [(Kind::PhantomRow, 3)], "at the same place");
        let anothers = ProjectedEvent { owner: EventOwner::User("01BX5ZZKBKACTAV9WEVGEMMVRZ".parse().unwrap()), ..row(3) };
        assert_eq!(compare(&[row(1), anothers, row(5)], 0), [(Kind::OtherMessage, 3)]);
    }

    #[test]
    fn what_people_read_is_compared_beside_the_events() {
        let compare = |rows: &[ProjectedEvent], messages_: &[ProjectedEvent]| {
            let (events, mut compared) = ([sent(1), sent(3), sent(5)], Compared::default());
            page(ShardId(0), &events, rows, Seq::ZERO, &mut compared);
            messages(ShardId(0), &events, messages_, &mut compared);
            assert_eq!(compared.messages, 3, "each is counted once");
            compared.findings.iter().map(|finding| (finding.kind, finding.seq.0)).collect::<Vec<_>>()
        };
        let all = [row(1), row(3), row(5)];
        assert_eq!(compare(&all, &all), []);
        assert_eq!(compare(&all, &[row(1), row(5)]), [(Kind::MissingRow, 3)]);
        assert_eq!(compare(&[row(1), row(5)], &[row(1), row(5)]), [(Kind::MissingRow, 3)], "in neither is one finding");
        assert_eq!(compare(&all, &[row(1), row(3), row(4), row(5)]), [(Kind::PhantomRow, 4)]);
    }
}
