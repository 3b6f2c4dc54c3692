//! What a message holds.

use relay_types::MessageText;

/// The content of a message. A new kind of message is a new variant; the envelope around it stays.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessageBody {
    /// Plain text, 1 byte to 16 KiB of UTF-8.
    Text {
        /// The text.
        text: MessageText,
    },
}

impl MessageBody {
    /// The bytes of its JSON. Control characters take six each, so a text can be far longer there than it is.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Text { text } => br#"{"type":"text","text":""}"#.len() + json_len(text.as_str()),
        }
    }
}

/// The bytes of a text within JSON, without its quotes.
fn json_len(text: &str) -> usize {
    let of = |byte: u8| match byte {
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

/// Whether a conversation is between two people or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Exactly two people; one per pair; nobody joins or leaves.
    Direct,
    /// A titled group with roles.
    Group,
}

/// What a member may do. Ordered: a greater role may do all that a lesser one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads and posts; may leave.
    Member,
    /// Also renames, adds, and removes members.
    Admin,
    /// Also appoints and dismisses admins, and hands the group over. One per group.
    Owner,
}

impl Role {
    /// The wire name, also stored in Postgres.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The inverse of [`Self::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "member" => Some(Self::Member),
            "admin" => Some(Self::Admin),
            "owner" => Some(Self::Owner),
            _ => None,
        }
    }
}

impl ConversationKind {
    /// The wire name, also stored in Postgres.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Group => "group",
        }
    }

    /// The inverse of [`Self::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "direct" => Some(Self::Direct),
            "group" => Some(Self::Group),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_encoded_length_is_that_of_the_json(text in "[\u{0}-\u{ff}\u{1f600}]{1,200}") {
            if let Ok(text) = text.parse::<MessageText>() {
                let body = MessageBody::Text { text };
                prop_assert_eq!(body.encoded_len(), serde_json::to_string(&body).unwrap().len());
            }
        }
    }
}
