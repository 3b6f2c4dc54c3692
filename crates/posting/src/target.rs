//! What a publication refers to: whether it is there, its author may see it, and it may become of it what they want.

use relay_domain::conversation::{Change, ChangeDenied, decide};
use relay_domain::ports::{Holds, Standing, Target};
use relay_protocol::ErrorCode;
use relay_types::{MessageId, ShardId, TimestampMs, UserId};
use std::time::{Duration, Instant};

use super::{PostError, Poster, SETTLE, SETTLE_STEP, undecided};
use crate::publication::{Content, Found, Publication};

/// What may be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditLimits {
    /// How old a message may be.
    pub window: Duration,
    /// How often it may be edited. Each edit is a version of the message, and taking one out of the log costs its stream about 16 ms.
    /// Some more pass when they come at the same time, over several processes.
    pub most: u32,
}

/// For so many seconds after it was sent a message may be deleted by its sender; 0 is without an end.
pub fn delete_window(seconds: u32) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)))
}

/// Why a message cannot be referred to as somebody wants to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetRefused {
    /// It is not in this conversation, or from before they came.
    Unknown,
    /// Its content was erased.
    Gone,
    /// It is somebody else's.
    NotTheirs,
    /// It holds something that cannot be edited.
    NotEditable,
    /// It is too old to be edited.
    TooLate,
    /// It was edited as often as may be.
    TooOften,
    /// It is somebody else's, who does not stand below them.
    Forbidden,
    /// It is too old to be deleted.
    DeleteTooLate,
    /// It has as many reactions as may be, or they have tried as many.
    TooManyReactions,
    /// They react so already: there is nothing to add.
    AlreadyReacted,
    /// They do not react so: there is nothing to take back.
    NotReacted,
    /// The conversation is too large for it.
    TooLarge,
    /// It is in a thread itself.
    NotARoot,
    /// Their role does not let them pin.
    PinForbidden,
    /// As many messages are pinned there as may be.
    TooManyPins,
    /// It is pinned already.
    AlreadyPinned,
    /// It is not pinned.
    NotPinned,
}

impl TargetRefused {
    pub(crate) const fn code(self) -> ErrorCode {
        match self {
            Self::Unknown => ErrorCode::UnknownMessage,
            Self::Gone => ErrorCode::MessageGone,
            Self::NotTheirs => ErrorCode::NotSender,
            Self::NotEditable => ErrorCode::NotEditable,
            Self::TooLate => ErrorCode::EditTooLate,
            Self::TooOften => ErrorCode::TooManyEdits,
            Self::Forbidden | Self::PinForbidden => ErrorCode::Forbidden,
            Self::DeleteTooLate => ErrorCode::DeleteTooLate,
            Self::TooManyReactions => ErrorCode::TooManyReactions,
            Self::AlreadyReacted => ErrorCode::AlreadyReacted,
            Self::NotReacted => ErrorCode::NotReacted,
            Self::TooLarge => ErrorCode::ConversationTooLarge,
            Self::NotARoot => ErrorCode::NotAThreadRoot,
            Self::TooManyPins => ErrorCode::TooManyPins,
            Self::AlreadyPinned => ErrorCode::AlreadyPinned,
            Self::NotPinned => ErrorCode::NotPinned,
        }
    }

    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Unknown => "there is no such message in this conversation, or you may not see it",
            Self::Gone => "the message's content was erased",
            Self::NotTheirs => "somebody else sent the message",
            Self::NotEditable => "what the message holds cannot be edited",
            Self::TooLate => "the message is too old to be edited",
            Self::TooOften => "the message was edited as often as messages may be",
            Self::Forbidden => "deleting messages of others needs a greater role than theirs",
            Self::TooManyReactions => "the message has as many reactions, or you have tried as many on it, as may be",
            Self::AlreadyReacted => "you react to the message with this emoji already",
            Self::NotReacted => "you do not react to the message with this emoji",
            Self::NotARoot => "the message is in a thread itself: reply under the thread's root",
            Self::TooLarge => "the conversation has too many members for reactions",
            Self::PinForbidden => "pinning messages in a group is for its owner and admins",
            Self::TooManyPins => "as many messages are pinned in the conversation as may be",
            Self::AlreadyPinned => "the message is pinned already",
            Self::NotPinned => "the message is not pinned",
            Self::DeleteTooLate => "the message is too old to be deleted for everyone",
        }
    }
}

impl Poster {
    /// What the publication refers to, or why it may not.
    pub(super) async fn found(
        &self,
        author: UserId,
        shard: ShardId,
        publication: &Publication,
    ) -> Result<Result<Found, TargetRefused>, PostError> {
        let root = match publication.root() {
            None => None,
            Some(message) => match judge_root(self.find_target(author, shard, publication, message).await?) {
                Ok(root) => Some(root),
                Err(refused) => return Ok(Err(refused)),
            },
        };
        let target = match publication.target() {
            None => None,
            Some(message) => match self.target(author, shard, publication, message).await? {
                Ok(target) => Some(target),
                Err(refused) => return Ok(Err(refused)),
            },
        };
        Ok(Ok((target, root)))
    }

    /// The message to which the publication refers, or why it may not.
    async fn target(
        &self,
        author: UserId,
        shard: ShardId,
        publication: &Publication,
        message: MessageId,
    ) -> Result<Result<Target, TargetRefused>, PostError> {
        let found = self.find_target(author, shard, publication, message).await?;
        let standing = match (&publication.content, &found) {
            // The rest needs no look at roles.
            (Content::Delete { .. }, Some(Target { sender, visible: true, .. })) if *sender != author => {
                within(self.parts.store.standing(author, *sender, publication.conversation)).await?
            }
            _ => None,
        };
        let limits = (self.parts.edits, self.parts.delete_window);
        let judged = judge(&publication.content, found, standing, author, self.parts.clock.now_ms(), limits);
        match (&publication.content, judged) {
            (Content::React { emoji, on, .. }, Ok(target)) => {
                let room = self.room_for_reaction(author, shard, publication.conversation, (message, target.seq), (emoji, *on)).await?;
                Ok(room.map(|()| target))
            }
            (Content::Pin { on, .. }, Ok(target)) => {
                let room = self.room_for_pin(author, shard, publication.conversation, target.seq, *on).await?;
                Ok(room.map(|()| target))
            }
            (_, judged) => Ok(judged),
        }
    }

    /// In the memory of a process that follows the log, otherwise in the projection, once that has all the rest. That a message is
    /// there may be said at once to whoever answers it; whether it may be edited depends on what became of it since.
    async fn find_target(
        &self,
        author: UserId,
        shard: ShardId,
        publication: &Publication,
        message: MessageId,
    ) -> Result<Option<Target>, PostError> {
        let conversation = publication.conversation;
        let recent = || self.parts.recent.target(shard, author, conversation, message);
        if let Some(target) = recent() {
            return Ok(Some(target));
        }
        let needed = match self.parts.recent.remembered_after(shard) {
            Some(remembered) => remembered,
            None => self.parts.tails.head(shard).await.map_err(|error| undecided(error.to_string()))?.last,
        };
        let started = Instant::now();
        loop {
            let watermarks = within(self.parts.store.watermarks()).await?;
            let found = within(self.parts.store.target(author, conversation, message)).await?;
            let has_all = watermarks.get(&shard).copied().unwrap_or_default() >= needed;
            if has_all || matches!(publication.content, Content::Message { .. }) && found.is_some() {
                // What was followed while the projection was asked, or is not in it yet.
                let edits = self.parts.recent.edits(shard, message);
                let projected = found.map(|target| Target { edits: target.edits.max(edits), ..target });
                return Ok(recent().or(projected));
            }
            if started.elapsed() > SETTLE {
                return Err(undecided("the projection is behind the log".to_owned()));
            }
            tokio::time::sleep(SETTLE_STEP).await;
        }
    }
}

/// A projection that hangs is as good as away.
pub(super) async fn within<T>(question: impl Future<Output = Result<T, relay_domain::ports::StoreError>>) -> Result<T, PostError> {
    let answer = tokio::time::timeout(SETTLE, question).await;
    answer.map_err(|_elapsed| undecided("the projection does not answer".to_owned()))?.map_err(PostError::Undecided)
}

/// What a thread may stand under.
fn judge_root(found: Option<Target>) -> Result<Target, TargetRefused> {
    let root = found.filter(|target| target.visible).ok_or(TargetRefused::Unknown)?;
    match (root.thread, root.holds) {
        (Some(_), _) => Err(TargetRefused::NotARoot),
        (None, Holds::Nothing) => Err(TargetRefused::Gone),
        (None, Holds::Text | Holds::Other) => Ok(root),
    }
}

fn judge(
    content: &Content,
    found: Option<Target>,
    standing: Option<Standing>,
    author: UserId,
    now_ms: TimestampMs,
    (edits, delete_window): (EditLimits, Option<Duration>),
) -> Result<Target, TargetRefused> {
    let target = found.filter(|target| target.visible).ok_or(TargetRefused::Unknown)?;
    let older_than = |window: Duration| u128::try_from(now_ms - target.sent_at_ms).is_ok_and(|age| age > window.as_millis());
    match content {
        Content::Edit { .. } if target.sender != author => Err(TargetRefused::NotTheirs),
        Content::Delete { .. } if target.sender != author && !may_delete_of_others(standing, author)? => Err(TargetRefused::Forbidden),
        Content::Message { .. } | Content::Edit { .. } | Content::Delete { .. } | Content::React { .. } | Content::Pin { .. }
            if target.holds == Holds::Nothing =>
        {
            Err(TargetRefused::Gone)
        }
        Content::Edit { .. } if target.holds == Holds::Other => Err(TargetRefused::NotEditable),
        Content::Edit { .. } if older_than(edits.window) => Err(TargetRefused::TooLate),
        Content::Edit { .. } if target.edits >= edits.most => Err(TargetRefused::TooOften),
        Content::Delete { .. } if target.sender == author && delete_window.is_some_and(older_than) => Err(TargetRefused::DeleteTooLate),
        Content::Message { .. } | Content::Edit { .. } | Content::Delete { .. } | Content::React { .. } | Content::Pin { .. } => Ok(target),
    }
}

/// Whether their role lets them. In a conversation that has no roles each message is its sender's.
fn may_delete_of_others(standing: Option<Standing>, author: UserId) -> Result<bool, TargetRefused> {
    let Standing { kind, role, sender } = standing.ok_or(TargetRefused::NotTheirs)?;
    match decide(kind, author, role, Change::DeleteMessage { sender }, 0, 0) {
        Ok(()) => Ok(true),
        Err(ChangeDenied::DirectImmutable) => Err(TargetRefused::NotTheirs),
        Err(ChangeDenied::Forbidden | ChangeDenied::OwnerMustHandOver | ChangeDenied::GroupFull) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::conversation::{ConversationKind, Role};
    use relay_protocol::{MessageBody, ThreadRef};
    use relay_types::Seq;

    #[test]
    fn each_reason_has_its_place() {
        let (me, other): (UserId, UserId) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap());
        let body = MessageBody::Text { text: "x".parse().unwrap() };
        let message = MessageId::new(ulid::Ulid(1));
        let (reply, edit) =
            (Content::Message { body: body.clone(), reply_to: Some(message), thread: None }, Content::Edit { message, body });
        let delete = Content::Delete { message };
        let mine = Target {
            seq: Seq(1),
            prev: None,
            sender: me,
            client_id: "k".parse().unwrap(),
            sent_at_ms: 1_000,
            stored_at_ms: 1_000,
            holds: Holds::Text,
            edits: 2,
            visible: true,
            thread: None,
        };
        let theirs = Target { sender: other, ..mine.clone() };
        let gone = Target { holds: Holds::Nothing, ..mine.clone() };
        let standing = |kind, role, sender| Some(Standing { kind, role, sender });
        let group = |role, sender| standing(ConversationKind::Group, role, Some(sender));
        let limits = (EditLimits { window: Duration::from_secs(10), most: 3 }, delete_window(20));
        let judged = |content, found, standing, now_ms| judge(content, found, standing, me, now_ms, limits).err();
        for (content, found, standing, now_ms, expected) in [
            (&reply, None, None, 0, Some(TargetRefused::Unknown)),
            (&edit, None, None, 0, Some(TargetRefused::Unknown)),
            (&reply, Some(Target { visible: false, ..mine.clone() }), None, 0, Some(TargetRefused::Unknown)),
            (&reply, Some(gone.clone()), None, 0, Some(TargetRefused::Gone)),
            (&reply, Some(Target { holds: Holds::Other, ..theirs.clone() }), None, i64::MAX, None),
            (&edit, Some(theirs.clone()), None, 0, Some(TargetRefused::NotTheirs)),
            (&edit, Some(Target { holds: Holds::Nothing, ..theirs.clone() }), None, 0, Some(TargetRefused::NotTheirs)),
            (&edit, Some(gone.clone()), None, 0, Some(TargetRefused::Gone)),
            (&edit, Some(Target { holds: Holds::Other, ..mine.clone() }), None, 0, Some(TargetRefused::NotEditable)),
            (&edit, Some(mine.clone()), None, 11_000, None),
            (&edit, Some(mine.clone()), None, 11_001, Some(TargetRefused::TooLate)),
            (&edit, Some(Target { edits: 3, ..mine.clone() }), None, 11_000, Some(TargetRefused::TooOften)),
            (&reply, Some(Target { edits: 3, ..mine.clone() }), None, 11_000, None),
            // A clock that is behind.
            (&edit, Some(mine.clone()), None, 0, None),
            (&delete, None, None, 0, Some(TargetRefused::Unknown)),
            (&delete, Some(Target { visible: false, ..mine.clone() }), None, 0, Some(TargetRefused::Unknown)),
            (&delete, Some(gone.clone()), None, 0, Some(TargetRefused::Gone)),
            (&delete, Some(Target { holds: Holds::Other, ..mine.clone() }), None, 21_000, None),
            (&delete, Some(mine.clone()), None, 21_001, Some(TargetRefused::DeleteTooLate)),
            (&delete, Some(theirs.clone()), None, 0, Some(TargetRefused::NotTheirs)),
            (&delete, Some(theirs.clone()), standing(ConversationKind::Direct, Role::Member, None), 0, Some(TargetRefused::NotTheirs)),
            (&delete, Some(theirs.clone()), group(Role::Member, Role::Member), 0, Some(TargetRefused::Forbidden)),
            (&delete, Some(theirs.clone()), group(Role::Admin, Role::Owner), 0, Some(TargetRefused::Forbidden)),
            // What one may do by one's role has no end.
            (&delete, Some(theirs.clone()), group(Role::Admin, Role::Member), i64::MAX, None),
            (&delete, Some(theirs), group(Role::Owner, Role::Admin), 0, None),
        ] {
            let case = format!("{content:?} {found:?} {standing:?} {now_ms}");
            assert_eq!(judged(content, found, standing, now_ms), expected, "{case}");
        }
        for (root, expected) in [
            (None, Some(TargetRefused::Unknown)),
            (Some(Target { visible: false, ..mine.clone() }), Some(TargetRefused::Unknown)),
            (Some(gone), Some(TargetRefused::Gone)),
            (
                Some(Target { thread: Some(ThreadRef { message_id: message, seq: Seq(1), sender_id: me }), ..mine.clone() }),
                Some(TargetRefused::NotARoot),
            ),
            (Some(Target { holds: Holds::Other, ..mine.clone() }), None),
        ] {
            assert_eq!(judge_root(root.clone()).err(), expected, "{root:?}");
        }
        let ever = (limits.0, delete_window(0));
        assert!(judge(&delete, Some(mine), None, me, i64::MAX, ever).is_ok());
    }
}
