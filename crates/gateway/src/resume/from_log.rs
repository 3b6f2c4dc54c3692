//! Catching up while Postgres is away: the conversations that the user's durable consumer names, corrected by what the log
//! says that was joined and left since, and the events from the log itself up to where the ring has them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use relay_domain::erasure::with_tombstones;
use relay_domain::ports::{JoinSnapshot, OwnHead};
use relay_domain::void::without_void;
use relay_protocol::frame::ResetReason;
use relay_protocol::log::{EventOwner, StoredEvent};
use relay_types::{ConversationId, Seq, ShardId, UserId};

use super::{PROJECTION_UNAVAILABLE, ResumeError, Resumer, Run};
use crate::roster::{MembershipChange, Roster, before};
use crate::transport::Transport;

/// Events of a user's own that are looked through in the log; whoever has more waits for the projection. Only what they say of
/// conversations is kept.
const MOST_OWN: usize = 100_000;
/// The same, at once.
const OWN_PAGE: u32 = 5_000;

/// Events that are read from the log at once.
const PAGE: u32 = 500;
/// Bytes of events that are replayed from the log one by one: they are all held until they are written, because who was where
/// shows only at the end.
const MOST_BYTES: usize = 8 << 20;
/// Bytes that are written before the position is told that they reach.
const CHUNK_BYTES: usize = 64 * 1024;

/// Where a user is on one shard, and where they have been.
struct MembershipState {
    present: BTreeSet<ConversationId>,
    /// Joined or left behind the client's position; in part only for a while.
    visited: BTreeSet<ConversationId>,
    /// All intervals that the ring shows something of.
    roster: Roster,
    /// The newest of the user's own events up to the client's position, and up to where the ring tells.
    own: [Option<Seq>; 2],
}

impl Resumer {
    /// Where `user` is at `upto`, from where on the ring tells. `named` is what the durable consumer's filters say, which
    /// follow a moment after the log: what was joined and left since is in the user's own events. Not in those alone, which
    /// reach back only as far as the log. `None`: the ring has moved on beyond `upto` meanwhile, and tells no more what was so
    /// there.
    async fn membership_state(
        &self,
        user: UserId,
        shard: ShardId,
        named: Vec<ConversationId>,
        after: Seq,
        upto: Seq,
    ) -> Result<Option<MembershipState>, ResumeError> {
        // A change stands in the conversation first and a moment later among the user's events: those behind `upto` may be of
        // a change before it.
        let head = self.hub.heads().get(&shard).copied().unwrap_or_default().max(upto);
        let (mut present, mut visited) = (named.into_iter().collect(), BTreeSet::new());
        let mut own = [None; 2];
        let (mut reached, mut read) = (Seq::ZERO, 0);
        loop {
            let page = self.log_reader.read_since(shard, user, &[], reached, head, OWN_PAGE).await.map_err(|error| {
                tracing::warn!(reason = error.reason, "the user's own events cannot be read");
                PROJECTION_UNAVAILABLE
            })?;
            let more = page.len() >= OWN_PAGE as usize;
            read += page.len();
            reached = page.last().map_or(reached, |event| event.seq);
            for event in page {
                for (last, upto) in own.iter_mut().zip([after, upto]) {
                    if event.seq <= upto {
                        *last = Some(event.seq);
                    }
                }
                let Some((_, conversation, joined)) = event.event.moved() else { continue };
                set(&mut present, conversation, joined);
                if event.seq > after {
                    visited.insert(conversation);
                }
            }
            if !more {
                break;
            }
            if read >= MOST_OWN {
                return Err(PROJECTION_UNAVAILABLE);
            }
        }
        // Both may be ahead of `upto`; what the ring will tell has not happened yet.
        let (covered, changes) = self.hub.changes_of(shard, user);
        if covered > upto {
            return Ok(None);
        }
        let (earlier, later) = changes.split_at(changes.partition_point(|change| change.seq <= upto));
        for (conversation, was_in) in before(later) {
            set(&mut present, conversation, was_in);
        }
        let roster = Roster::ending_in(&present, user, shard, covered, earlier);
        Ok(Some(MembershipState { present, visited, roster, own }))
    }
}

/// What an event costs: itself, and its text.
fn held(event: &StoredEvent) -> usize {
    size_of::<StoredEvent>() + 2 * event.text().map_or(0, |text| text.len())
}

fn set(present: &mut BTreeSet<ConversationId>, conversation: ConversationId, is_in: bool) {
    if is_in {
        present.insert(conversation);
    } else {
        present.remove(&conversation);
    }
}

impl<T: Transport> Run<'_, T> {
    /// What the projection would have told, from the log; and everything before the ring is written.
    pub(super) async fn read_without_projection(&mut self) -> Result<JoinSnapshot, ResumeError> {
        let user = self.socket.user;
        let (mut memberships, mut watermarks, mut own) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for (shard, (covered, head)) in self.resumer.hub.spans() {
            let permit = self.resumer.permit(user).await?;
            let named = self.resumer.cursors.conversations(shard, user).await.map_err(|error| {
                tracing::warn!(reason = error.reason, "no durable consumer to fall back on");
                PROJECTION_UNAVAILABLE
            })?;
            // Well inside the ring, whose oldest events leave it while this is read.
            let upto = Seq(covered.0 + (head.0 - covered.0) / 4);
            let after = self.from.get(&shard).copied();
            let at = self.resumer.membership_state(user, shard, named.ok_or(PROJECTION_UNAVAILABLE)?, after.unwrap_or(upto), upto).await?;
            drop(permit);
            watermarks.insert(shard, upto);
            // Once more: what is told here is of no use to a ring that begins behind it.
            let Some(at) = at else { continue };
            if let Some(after) = after.filter(|after| *after < covered) {
                self.read_log(shard, &at, after, upto).await?;
            }
            memberships.extend(at.roster.memberships());
            own.extend(at.own[1].map(|last| (shard, OwnHead { last, certain: true })));
        }
        metrics::counter!("relay_resumes_without_postgres_total").increment(1);
        Ok(JoinSnapshot { session_live: true, watermarks, memberships, own })
    }

    async fn read_log(&mut self, shard: ShardId, at: &MembershipState, after: Seq, upto: Seq) -> Result<(), ResumeError> {
        let user = self.socket.user;
        let conversations: Vec<ConversationId> = at.present.union(&at.visited).copied().collect();
        let (mut events, mut bytes, mut reached) = (Vec::new(), 0, after);
        loop {
            let permit = self.resumer.permit(user).await?;
            let page = self
                .resumer
                .log_reader
                .read_since(shard, user, &conversations, reached, upto, PAGE)
                .await
                .map_err(|_| PROJECTION_UNAVAILABLE)?;
            drop(permit);
            let more = page.len() >= PAGE as usize;
            bytes += page.iter().map(held).sum::<usize>();
            reached = page.last().map_or(reached, |event| event.seq);
            events.extend(page);
            if events.len() > self.resumer.max_events as usize || bytes > MOST_BYTES {
                self.give_up(ResetReason::TooMuch);
                return Ok(());
            }
            if !more {
                break;
            }
        }
        let departed = self.resumer.hub.departed(shard, after, &events);
        let events = without_void(events, departed);
        let later = self.resumer.hub.erased_since(shard, upto);
        let events = with_tombstones(shard, events, later, (after, upto));
        let changes: Vec<MembershipChange> = events.iter().filter_map(|event| MembershipChange::of(event, user)).collect();
        let roster = Roster::ending_in(&at.present, user, shard, after, &changes);
        let (mut frames, mut bytes) = (Vec::new(), 0);
        let mut own = at.own[0];
        for mut event in events {
            match event.owner {
                Some(EventOwner::Conversation(id)) if roster.sees(id, event.seq) => {}
                // All of them are here, so each one's predecessor is known.
                Some(EventOwner::User(of)) if of == user => event.prev = own.replace(event.seq),
                Some(EventOwner::Conversation(_) | EventOwner::User(_)) | None => continue,
            }
            let Some(frame) = event.frame().map(Bytes::from) else { continue };
            bytes += frame.len();
            frames.push(frame);
            if bytes >= CHUNK_BYTES {
                self.from.insert(shard, event.seq);
                self.write_with_progress(std::mem::take(&mut frames)).await?;
                bytes = 0;
            }
        }
        self.from.insert(shard, upto);
        self.write_with_progress(frames).await
    }
}
