//! The grammar of NATS names: subjects, streams, consumers, buckets. Pure; nothing else spells one.
//!
//! Only parsed ids and numbers enter a name, so no wildcard, dot or line break can.

use relay_types::{ConversationId, ShardId, UserId};

/// The durable consumer of the persist worker, one per shard.
pub const PERSIST_DURABLE: &str = "persist";
/// Its priority group: one worker is pinned, the others stand by.
pub const PERSIST_GROUP: &str = "persist";
/// The durable consumer of the reconcile worker, one per shard.
pub const RECONCILE_DURABLE: &str = "reconcile";
/// The stream of events that no worker could process.
pub const DEAD_LETTER_STREAM: &str = "DEAD";
/// The stream of what people do, for the operator's own programs.
pub const ACTIVITY_STREAM: &str = "ACTIVITY";
/// The key-value bucket of public signing keys.
pub const SIGNING_KEYS_BUCKET: &str = "signing-keys";
/// In account RELAY: answers with the state of the bucket of signing keys, as `$JS.API.STREAM.INFO` does in its own account.
pub const SIGNING_KEYS_INFO: &str = "keys.info";
/// The header with the W3C trace context.
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// What a subject in the log names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogSubject {
    /// A conversation.
    Conversation(ShardId, ConversationId),
    /// A user, on the shard of what concerns them.
    User(ShardId, UserId),
}

/// The text is not a subject of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a subject of the log")]
pub struct SubjectError;

impl std::fmt::Display for LogSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Conversation(shard, id) => write!(f, "chat.{shard}.c.{id}"),
            Self::User(shard, id) => write!(f, "chat.{shard}.u.{id}"),
        }
    }
}

impl std::str::FromStr for LogSubject {
    type Err = SubjectError;

    fn from_str(subject: &str) -> Result<Self, SubjectError> {
        let mut parts = subject.split('.');
        let (root, shard, kind, id, end) = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
        let (Some("chat"), Some(shard), Some(kind), Some(id), None) = (root, shard, kind, id, end) else {
            return Err(SubjectError);
        };
        let number: u16 = shard.parse().map_err(|_| SubjectError)?;
        if number.to_string() != shard {
            return Err(SubjectError);
        }
        match kind {
            "c" => Ok(Self::Conversation(ShardId(number), id.parse().map_err(|_| SubjectError)?)),
            "u" => Ok(Self::User(ShardId(number), id.parse().map_err(|_| SubjectError)?)),
            _ => Err(SubjectError),
        }
    }
}

/// The stream that holds a shard.
pub fn stream(shard: ShardId) -> String {
    format!("CHAT-{shard}")
}

/// Every subject of a shard.
pub fn shard_wildcard(shard: ShardId) -> String {
    format!("chat.{shard}.>")
}

/// The subjects of all users on a shard.
pub fn users_wildcard(shard: ShardId) -> String {
    format!("chat.{shard}.u.*")
}

/// In account RELAY: answers with one public signing key. Key ids are checked where they come from.
pub fn signing_key(kid: &str) -> String {
    format!("keys.get.{kid}")
}

/// A public signing key in its bucket.
pub fn signing_key_in_bucket(kid: &str) -> String {
    format!("$KV.{SIGNING_KEYS_BUCKET}.{kid}")
}

/// Buckets over which the conversations of a class of ephemeral frames are spread. For ever: gateways of two versions have to agree.
pub const LIVE_BUCKETS: u8 = 64;

/// A class of ephemeral frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiveClass {
    /// Who is typing where.
    Typing,
    /// Who has read what.
    Receipt,
    /// Who is there.
    Presence,
}

impl LiveClass {
    /// Its name, as in its subjects.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Typing => "typing",
            Self::Receipt => "receipt",
            Self::Presence => "presence",
        }
    }
}

/// The bucket of a conversation, below [`LIVE_BUCKETS`].
pub fn live_bucket(conversation: ConversationId) -> u8 {
    bucket(conversation.as_u128())
}

/// The bucket of a person, as [`live_bucket`].
pub fn live_bucket_of_user(user: UserId) -> u8 {
    bucket(user.as_u128())
}

fn bucket(id: u128) -> u8 {
    // MurmurHash3's finaliser: even, and the same in every version.
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    let mut hash = (id >> 64) as u64 ^ id as u64;
    for factor in [0xff51_afd7_ed55_8ccd_u64, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    u8::try_from((hash ^ (hash >> 33)) % u64::from(LIVE_BUCKETS)).unwrap_or(0)
}

/// Where gateways tell each other of a bucket. Core NATS, in no stream: nothing here is kept.
pub fn live(class: LiveClass, bucket: u8) -> String {
    format!("live.{}.{bucket}", class.as_str())
}

/// Every bucket of a class.
pub fn live_wildcard(class: LiveClass) -> String {
    format!("live.{}.*", class.as_str())
}

/// A kind of event on the stream of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActivityKind {
    /// Somebody connected.
    Connected,
    /// Somebody went.
    Disconnected,
    /// Somebody's devices have something.
    Delivered,
    /// Somebody read something.
    Read,
}

impl ActivityKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Connected, Self::Disconnected, Self::Delivered, Self::Read];

    /// Its name, as in its subjects.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}

/// Where the rest of an installation is told what a person does. The bucket is [`live_bucket_of_user`], so that several readers can
/// share the work and each person's events stay with one of them.
pub fn activity(kind: ActivityKind, user: UserId) -> String {
    format!("activity.{}.{}", kind.as_str(), live_bucket_of_user(user))
}

/// Every event of this kind, or of every kind.
pub fn activity_wildcard(kind: Option<ActivityKind>) -> String {
    format!("activity.{}.*", kind.map_or("*", ActivityKind::as_str))
}

/// Under which a user listens for replies. A name that cannot be part of a subject shares the usual prefix.
pub fn inbox_prefix(user: &str) -> String {
    let fits = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if fits { format!("_INBOX_{user}") } else { "_INBOX".to_owned() }
}

/// The durable consumer of a user; the same name on every shard.
pub fn user_durable(user: UserId) -> String {
    format!("u-{user}")
}

/// The user whose durable consumer has this name.
pub fn parse_user_durable(name: &str) -> Option<UserId> {
    name.strip_prefix("u-")?.parse().ok()
}

/// Where events of a shard go that a worker could not process.
pub fn dead_letter(worker: &str, shard: ShardId) -> String {
    format!("dead.{worker}.{shard}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_then_parse_is_identity() {
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        for subject in [LogSubject::Conversation(ShardId(0), id.parse().unwrap()), LogSubject::User(ShardId(65_535), id.parse().unwrap())] {
            assert_eq!(subject.to_string().parse::<LogSubject>(), Ok(subject));
        }
    }

    #[test]
    fn buckets_stay_what_they_are_and_are_even() {
        let conversation = |n: u128| ConversationId::new(ulid::Ulid::from_bytes(n.to_be_bytes()));
        let first: Vec<u8> = (1..5).map(|n| live_bucket(conversation(n))).collect();
        assert_eq!(first, [44, 39, 14, 53], "gateways of two versions would not hear each other");
        let mut filled = [0_u32; LIVE_BUCKETS as usize];
        for n in 0..64_000 {
            filled[usize::from(live_bucket(conversation(n << 7)))] += 1;
        }
        assert!(filled.iter().all(|n| (700..1_300).contains(n)), "{filled:?}");
        assert_eq!(live(LiveClass::Typing, 63), "live.typing.63");
    }

    #[test]
    fn hostile_subjects_are_refused() {
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        for text in [
            "",
            "chat",
            "chat.0.c.*",
            "chat.*.c.x",
            "chat.0.c.>",
            &format!("chat.00.c.{id}"),
            &format!("chat.0.c.{id}.x"),
            &format!("chat.0.x.{id}"),
            &format!("chat.-1.c.{id}"),
        ] {
            assert!(text.parse::<LogSubject>().is_err(), "{text}");
        }
    }
}
