//! Kinds of conversations and the roles in them.

use std::str::FromStr;

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
}
