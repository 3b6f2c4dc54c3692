//! Kinds of conversations and the roles in them.

use std::str::FromStr;

use relay_types::{Seq, TimestampMs};

use crate::unknown::{WireName, WireNameError};

/// Whether a conversation is between two people or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConversationKind {
    /// Exactly two people; one per pair; nobody joins or leaves.
    Direct,
    /// A titled group with roles.
    Group,
    /// A kind of a newer version's.
    Unknown(WireName),
}

/// What a member may do. Ordered: a greater role may do all that a lesser one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A role of a newer version's. The least of all: what it allows is not known here.
    Unknown(WireName),
    /// Reads and posts; may leave.
    Member,
    /// Also renames, adds, and removes members.
    Admin,
    /// Also appoints and dismisses admins, and hands the group over. One per group.
    Owner,
}

impl Role {
    /// The wire name, also stored in Postgres.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
            Self::Unknown(name) => name.as_str(),
        }
    }

    /// Whether this version knows what it allows.
    pub const fn is_known(self) -> bool {
        !matches!(self, Self::Unknown(_))
    }
}

impl FromStr for Role {
    type Err = WireNameError;

    fn from_str(name: &str) -> Result<Self, WireNameError> {
        Ok(match name {
            "member" => Self::Member,
            "admin" => Self::Admin,
            "owner" => Self::Owner,
            other => Self::Unknown(other.parse()?),
        })
    }
}

impl ConversationKind {
    /// The wire name, also stored in Postgres.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Direct => "direct",
            Self::Group => "group",
            Self::Unknown(name) => name.as_str(),
        }
    }
}

impl FromStr for ConversationKind {
    type Err = WireNameError;

    fn from_str(name: &str) -> Result<Self, WireNameError> {
        Ok(match name {
            "direct" => Self::Direct,
            "group" => Self::Group,
            other => Self::Unknown(other.parse()?),
        })
    }
}

/// Serde and schema of an enum that is a name on the wire, and may be one that this version does not know.
macro_rules! open_names {
    ($name:ident, $description:literal, [$($known:literal),*]) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
                name.parse().map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some($description))
                    .min_length(Some(1))
                    .max_length(Some(31))
                    .pattern(Some("^[a-z0-9_]+$"))
                    .examples([$($known),*])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

pub(crate) use open_names;

open_names!(
    ConversationKind,
    "`direct` (exactly two people; nobody joins or leaves) or `group` (a titled group with roles). A newer server may say another.",
    ["direct", "group"]
);
open_names!(
    Role,
    "`member` (reads and posts; may leave), `admin` (also renames, adds and removes) or `owner` (also appoints admins; one per group). \
     A newer server may say another, which allows no more than `member` as far as this version knows.",
    ["member", "admin", "owner"]
);

/// Until when a conversation is muted that is muted for good, in milliseconds since 1970: the last day of the year 9999.
pub const MUTED_FOREVER_MS: TimestampMs = 253_402_214_400_000;
/// Conversations that one person may pin.
pub const MOST_PINNED: u32 = 10;
/// Conversations that one person may archive.
pub const MOST_ARCHIVED: u32 = 10_000;

/// Of what a person wants to be notified in a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum NotifyLevel {
    /// Every message.
    #[default]
    All,
    /// What mentions them.
    Mentions,
    /// Nothing.
    None,
    /// A wish of a newer version's: taken for [`Self::All`].
    Unknown(WireName),
}

impl NotifyLevel {
    /// The wire name, also stored in Postgres.
    pub fn as_str(&self) -> &str {
        match self {
            Self::All => "all",
            Self::Mentions => "mentions",
            Self::None => "none",
            Self::Unknown(name) => name.as_str(),
        }
    }
}

impl FromStr for NotifyLevel {
    type Err = WireNameError;

    fn from_str(name: &str) -> Result<Self, WireNameError> {
        Ok(match name {
            "all" => Self::All,
            "mentions" => Self::Mentions,
            "none" => Self::None,
            other => Self::Unknown(other.parse()?),
        })
    }
}

open_names!(
    NotifyLevel,
    "`all`, `mentions` or `none`: of what a person wants to be notified. A newer server may say another.",
    ["all", "mentions", "none"]
);

/// What a person set for one conversation, on all their devices. No other person is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ConversationSettings {
    /// Rises with each change: of two that a device is told of, the greater one holds. 0 when nothing was ever set.
    #[serde(default)]
    pub version: u32,
    /// Muted until then, in milliseconds since 1970; for good with 253402214400000. Absent when it is not muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until_ms: Option<TimestampMs>,
    /// When it was pinned, in milliseconds since 1970; absent when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_at_ms: Option<TimestampMs>,
    /// It was archived when its newest message stood there; absent when it is not. A later message ends that, unless the conversation is
    /// muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_seq: Option<Seq>,
    /// Of what the person wants to be notified.
    #[serde(default)]
    pub level: NotifyLevel,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_of_a_newer_version_is_carried_and_allows_nothing() {
        let role: Role = serde_json::from_str("\"moderator\"").unwrap();
        assert_eq!(serde_json::to_string(&role).unwrap(), "\"moderator\"");
        assert!(role < Role::Member && !role.is_known());
        let kind: ConversationKind = serde_json::from_str("\"channel\"").unwrap();
        assert_eq!(serde_json::to_string(&kind).unwrap(), "\"channel\"");
        assert!(serde_json::from_str::<Role>("\"Not a name\"").is_err());
    }

    #[test]
    fn settings_of_a_newer_version_are_carried() {
        let text = r#"{"version":3,"muted_until_ms":253402214400000,"level":"digest"}"#;
        let settings: ConversationSettings = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&settings).unwrap(), text);
        assert_eq!(settings.muted_until_ms, Some(MUTED_FOREVER_MS));
        assert_eq!(serde_json::from_str::<ConversationSettings>("{}").unwrap(), ConversationSettings::default());
    }
}
