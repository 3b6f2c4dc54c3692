//! Who is there: told to those who may know and have the person on their screen. A state of this moment: in no log, and perhaps lost.

use std::str::FromStr;

use relay_types::{ConversationId, SessionId, TimestampMs, UserId};

use crate::conversation::open_names;
use crate::ephemeral::{BatchError, MAX_BATCH_BYTES, MAX_BATCH_NOTICES};
use crate::unknown::{WireName, WireNameError};

/// How long a device counts as there after its last `presence`, in milliseconds.
pub const PRESENCE_LASTS_MS: u64 = 60_000;
/// Clients repeat `presence` this often, in milliseconds.
pub const PRESENCE_BEAT_MS: u64 = 25_000;
/// People whom one socket watches at most.
pub const MOST_WATCHED: usize = 200;
/// People in one frame at most.
pub const MOST_PRESENT: usize = 50;

/// What a device says of the person before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activity {
    /// They use it.
    Active,
    /// It is on, and they have not used it for a while.
    Idle,
    /// Something of a newer version's: taken for [`Self::Idle`].
    Unknown(WireName),
}

impl Activity {
    /// The wire name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Unknown(name) => name.as_str(),
        }
    }
}

impl FromStr for Activity {
    type Err = WireNameError;

    fn from_str(name: &str) -> Result<Self, WireNameError> {
        Ok(match name {
            "active" => Self::Active,
            "idle" => Self::Idle,
            other => Self::Unknown(other.parse()?),
        })
    }
}

open_names!(Activity, "`active` (the person uses the device) or `idle`. Another is taken for `idle`.", ["active", "idle"]);

/// How somebody is there, as others may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PresenceState {
    /// They use one of their devices.
    Online,
    /// A device of theirs is on.
    Idle,
    /// They are there, and do not want to be disturbed.
    DoNotDisturb,
    /// None of their devices is there, or they do not tell.
    Offline,
    /// Something of a newer version's. Shown as offline.
    Unknown(WireName),
}

impl PresenceState {
    /// The wire name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Online => "online",
            Self::Idle => "idle",
            Self::DoNotDisturb => "do_not_disturb",
            Self::Offline => "offline",
            Self::Unknown(name) => name.as_str(),
        }
    }
}

impl FromStr for PresenceState {
    type Err = WireNameError;

    fn from_str(name: &str) -> Result<Self, WireNameError> {
        Ok(match name {
            "online" => Self::Online,
            "idle" => Self::Idle,
            "do_not_disturb" => Self::DoNotDisturb,
            "offline" => Self::Offline,
            other => Self::Unknown(other.parse()?),
        })
    }
}

open_names!(
    PresenceState,
    "`online`, `idle` (a device is on), `do_not_disturb` or `offline` (not there, or not told). A newer server may say another, which is \
     shown as `offline`.",
    ["online", "idle", "do_not_disturb", "offline"]
);

/// Whom a person tells whether they are there, and when they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PresenceAudience {
    /// Whoever watches them.
    Everybody,
    /// Those with whom they share a conversation that both have accepted.
    Contacts,
    /// No person.
    Nobody,
    /// A wish of a newer version's: taken for [`Self::Nobody`].
    Unknown(WireName),
}

impl PresenceAudience {
    /// The wire name, also stored in Postgres.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Everybody => "everybody",
            Self::Contacts => "contacts",
            Self::Nobody => "nobody",
            Self::Unknown(name) => name.as_str(),
        }
    }
}

impl FromStr for PresenceAudience {
    type Err = WireNameError;

    fn from_str(name: &str) -> Result<Self, WireNameError> {
        Ok(match name {
            "everybody" => Self::Everybody,
            "contacts" => Self::Contacts,
            "nobody" => Self::Nobody,
            other => Self::Unknown(other.parse()?),
        })
    }
}

open_names!(
    PresenceAudience,
    "`everybody`, `contacts` (those with whom one shares a conversation that both have accepted) or `nobody`. A newer server may say another.",
    ["everybody", "contacts", "nobody"]
);

/// How a person wants to be seen while they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Availability {
    /// As they are.
    Available,
    /// There, and not to be disturbed.
    DoNotDisturb,
    /// Exactly as somebody who is not there.
    Invisible,
    /// A wish of a newer version's: taken for [`Self::Invisible`].
    Unknown(WireName),
}

impl Availability {
    /// The wire name, also stored in Postgres.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Available => "available",
            Self::DoNotDisturb => "do_not_disturb",
            Self::Invisible => "invisible",
            Self::Unknown(name) => name.as_str(),
        }
    }
}

impl FromStr for Availability {
    type Err = WireNameError;

    fn from_str(name: &str) -> Result<Self, WireNameError> {
        Ok(match name {
            "available" => Self::Available,
            "do_not_disturb" => Self::DoNotDisturb,
            "invisible" => Self::Invisible,
            other => Self::Unknown(other.parse()?),
        })
    }
}

open_names!(
    Availability,
    "`available`, `do_not_disturb` or `invisible` (exactly as somebody who is not there). A newer server may say another.",
    ["available", "do_not_disturb", "invisible"]
);

/// What a device says of the person before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct SayPresence {
    /// Whether they use it.
    pub state: Activity,
    /// The conversation that they have before their eyes. Told to those who are in it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
}

/// Whom a device shows, in place of those whom it named before.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct WatchPresence {
    /// At most [`MOST_WATCHED`].
    pub users: Vec<UserId>,
}

/// How one person is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct PersonPresence {
    /// Who.
    pub user_id: UserId,
    /// How.
    pub state: PresenceState,
    /// The conversation that they have before their eyes, if one is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
    /// While they are offline: when they were there last, in milliseconds since 1970, if one may know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_ms: Option<TimestampMs>,
}

/// How people are there whom one watches. Not an event: it has no `seq`, is not replayed, and may be lost; naming whom one watches
/// tells everything anew.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Presence {
    /// Those of whom there is news, at most 50. Who is not named has not changed.
    pub people: Vec<PersonPresence>,
}

/// What one gateway tells the others of one person with devices there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PresenceNotice {
    /// Who.
    pub user_id: UserId,
    /// How, for [`PRESENCE_LASTS_MS`] from now on.
    pub state: PresenceState,
    /// What they have before their eyes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
}

/// What a device said without a socket: to one gateway, for that which has its stream.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PresenceWord {
    /// Whose device.
    pub user_id: UserId,
    /// Which.
    pub session_id: SessionId,
    /// Of the person before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<SayPresence>,
    /// Whom it shows, at most [`MOST_WATCHED`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Vec<UserId>>,
}

/// What one gateway tells the others at once, on one bucket's subject.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PresenceBatch {
    /// The shape's version.
    pub v: u16,
    /// Which gateway: a name of the running process.
    pub gateway: String,
    /// At most [`MAX_BATCH_NOTICES`].
    pub people: Vec<PresenceNotice>,
    /// At most [`MAX_BATCH_WORDS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<PresenceWord>,
}

/// The present shape of batches. It only ever grows.
const BATCH_VERSION: u16 = 1;
/// Characters of a gateway's name.
const MAX_GATEWAY: usize = 32;
/// Words in one batch: full ones fit.
pub const MAX_BATCH_WORDS: usize = 8;

impl PresenceBatch {
    /// A batch of these notices, at most [`MAX_BATCH_NOTICES`].
    pub fn new(gateway: &str, people: Vec<PresenceNotice>) -> Self {
        Self { v: BATCH_VERSION, gateway: gateway.to_owned(), people, words: Vec::new() }
    }

    /// A batch of what devices said, at most [`MAX_BATCH_WORDS`].
    pub fn of_words(gateway: &str, words: Vec<PresenceWord>) -> Self {
        Self { words, ..Self::new(gateway, Vec::new()) }
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        // Every type here serialises.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a batch. What is beyond the limits is not looked at.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchError> {
        if bytes.len() > MAX_BATCH_BYTES {
            return Err(BatchError::TooLarge);
        }
        let batch: Self = serde_json::from_slice(bytes).map_err(|_| BatchError::Malformed)?;
        let fits = batch.people.len() <= MAX_BATCH_NOTICES && (1..=MAX_GATEWAY).contains(&batch.gateway.len());
        let is_short = |word: &PresenceWord| word.watch.as_ref().is_none_or(|people| people.len() <= MOST_WATCHED);
        if fits && batch.words.len() <= MAX_BATCH_WORDS && batch.words.iter().all(is_short) { Ok(batch) } else { Err(BatchError::TooLarge) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_read_back_and_bounded() {
        let id = |n: usize| format!("{n:026}");
        let notice = |n| PresenceNotice {
            user_id: id(n).parse().unwrap(),
            state: PresenceState::DoNotDisturb,
            conversation_id: Some(id(n).parse().unwrap()),
        };
        let full = PresenceBatch::new("0123456789abcdef", (0..MAX_BATCH_NOTICES).map(notice).collect());
        let bytes = full.encode();
        assert!(bytes.len() <= MAX_BATCH_BYTES, "{}", bytes.len());
        assert_eq!(PresenceBatch::decode(&bytes), Ok(full.clone()));
        let mut over = full;
        over.people.push(notice(1));
        assert_eq!(PresenceBatch::decode(&over.encode()), Err(BatchError::TooLarge));
        assert_eq!(PresenceBatch::decode(&PresenceBatch::new("", Vec::new()).encode()), Err(BatchError::TooLarge));
        let word = |watched| PresenceWord {
            user_id: id(1).parse().unwrap(),
            session_id: id(2).parse().unwrap(),
            say: Some(SayPresence { state: Activity::Active, conversation_id: Some(id(3).parse().unwrap()) }),
            watch: Some((0..watched).map(|n| id(n).parse().unwrap()).collect()),
        };
        let words = |count, watched| PresenceBatch::of_words("0123456789abcdef", vec![word(watched); count]);
        assert_eq!(PresenceBatch::decode(&words(MAX_BATCH_WORDS, MOST_WATCHED).encode()), Ok(words(MAX_BATCH_WORDS, MOST_WATCHED)));
        for over in [words(MAX_BATCH_WORDS + 1, 1), words(1, MOST_WATCHED + 1)] {
            assert_eq!(PresenceBatch::decode(&over.encode()), Err(BatchError::TooLarge));
        }
        assert_eq!(PresenceBatch::decode(b"{"), Err(BatchError::Malformed));
        assert_eq!(PresenceBatch::decode(&vec![b' '; MAX_BATCH_BYTES + 1]), Err(BatchError::TooLarge));
    }

    #[test]
    fn what_a_newer_version_says_is_carried() {
        let state: PresenceState = serde_json::from_str("\"in_a_call\"").unwrap();
        assert_eq!(serde_json::to_string(&state).unwrap(), "\"in_a_call\"");
        let wish: Availability = "away_until".parse().unwrap();
        assert_eq!(wish.as_str(), "away_until");
        assert!("Not a name".parse::<PresenceAudience>().is_err());
    }
}
