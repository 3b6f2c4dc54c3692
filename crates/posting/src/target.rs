//! What a publication refers to: whether it is there, its author may see it, and it may become of it what they want.

use relay_domain::ports::{Holds, Target};
use relay_protocol::ErrorCode;
use relay_types::{MessageId, ShardId, TimestampMs, UserId};
use std::time::{Duration, Instant};

use super::{PostError, Poster, SETTLE, SETTLE_STEP, undecided};
use crate::publication::{Content, Publication};

/// What may be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditLimits {
    /// How old a message may be.
    pub window: Duration,
    /// How often it may be edited. Each edit is a version of the message, and taking one out of the log costs its stream about 16 ms.
    /// Some more pass when they come at the same time, over several processes.
    pub most: u32,
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
    /// It is too old.
    TooLate,
    /// It was edited as often as may be.
    TooOften,
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
        }
    }
}

impl Poster {
    /// The message to which the publication refers, or why it may not.
    pub(super) async fn target(
        &self,
        author: UserId,
        shard: ShardId,
        publication: &Publication,
        message: MessageId,
    ) -> Result<Result<Target, TargetRefused>, PostError> {
        let found = self.find_target(author, shard, publication, message).await?;
        Ok(judge(&publication.content, found, author, self.parts.clock.now_ms(), self.parts.edits))
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
async fn within<T>(question: impl Future<Output = Result<T, relay_domain::ports::StoreError>>) -> Result<T, PostError> {
    let answer = tokio::time::timeout(SETTLE, question).await;
    answer.map_err(|_elapsed| undecided("the projection does not answer".to_owned()))?.map_err(PostError::Undecided)
}

fn judge(
    content: &Content,
    found: Option<Target>,
    author: UserId,
    now_ms: TimestampMs,
    limits: EditLimits,
) -> Result<Target, TargetRefused> {
    let target = found.filter(|target| target.visible).ok_or(TargetRefused::Unknown)?;
    match content {
        Content::Message { .. } if target.holds == Holds::Nothing => Err(TargetRefused::Gone),
        Content::Message { .. } => Ok(target),
        Content::Edit { .. } if target.sender != author => Err(TargetRefused::NotTheirs),
        Content::Edit { .. } => match target.holds {
            Holds::Nothing => Err(TargetRefused::Gone),
            Holds::Other => Err(TargetRefused::NotEditable),
            Holds::Text if u128::try_from(now_ms - target.sent_at_ms).is_ok_and(|age| age > limits.window.as_millis()) => {
                Err(TargetRefused::TooLate)
            }
            Holds::Text if target.edits >= limits.most => Err(TargetRefused::TooOften),
            Holds::Text => Ok(target),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::MessageBody;
    use relay_types::Seq;

    #[test]
    fn each_reason_has_its_place() {
        let (me, other): (UserId, UserId) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap());
        let body = MessageBody::Text { text: "x".parse().unwrap() };
        let message = MessageId::new(ulid::Ulid(1));
        let (reply, edit) = (Content::Message { body: body.clone(), reply_to: Some(message) }, Content::Edit { message, body });
        let mine = Target { seq: Seq(1), sender: me, sent_at_ms: 1_000, holds: Holds::Text, edits: 2, visible: true };
        let limits = EditLimits { window: Duration::from_secs(10), most: 3 };
        let judged = |content, found, now_ms| judge(content, found, me, now_ms, limits).err();
        for (content, found, now_ms, expected) in [
            (&reply, None, 0, Some(TargetRefused::Unknown)),
            (&edit, None, 0, Some(TargetRefused::Unknown)),
            (&reply, Some(Target { visible: false, ..mine }), 0, Some(TargetRefused::Unknown)),
            (&reply, Some(Target { holds: Holds::Nothing, ..mine }), 0, Some(TargetRefused::Gone)),
            (&reply, Some(Target { holds: Holds::Other, sender: other, ..mine }), i64::MAX, None),
            (&edit, Some(Target { sender: other, ..mine }), 0, Some(TargetRefused::NotTheirs)),
            (&edit, Some(Target { sender: other, holds: Holds::Nothing, ..mine }), 0, Some(TargetRefused::NotTheirs)),
            (&edit, Some(Target { holds: Holds::Nothing, ..mine }), 0, Some(TargetRefused::Gone)),
            (&edit, Some(Target { holds: Holds::Other, ..mine }), 0, Some(TargetRefused::NotEditable)),
            (&edit, Some(mine), 11_000, None),
            (&edit, Some(mine), 11_001, Some(TargetRefused::TooLate)),
            (&edit, Some(Target { edits: 3, ..mine }), 11_000, Some(TargetRefused::TooOften)),
            (&reply, Some(Target { edits: 3, ..mine }), 11_000, None),
            // A clock that is behind.
            (&edit, Some(mine), 0, None),
        ] {
            assert_eq!(judged(content, found, now_ms), expected, "{content:?} {found:?}");
        }
    }
}
