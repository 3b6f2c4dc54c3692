//! Typed ids. Each is a ULID; a value of one kind never passes for another.

use std::fmt;
use std::str::FromStr;

use ulid::Ulid;

/// Characters of the canonical text form of every id.
pub const ID_LEN: usize = 26;

/// The text is not a canonical id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind} id: 26 characters of 0-9 and A-Z (Crockford base 32) are expected")]
pub struct IdError {
    /// Which kind of id was expected.
    pub kind: &'static str,
}

/// Parses the canonical form only: upper case, 26 characters, no overflow. Everything that reaches a
/// NATS subject passes through here, so wildcards, dots and line breaks cannot.
fn parse_canonical(text: &str) -> Option<Ulid> {
    let canonical = text.len() == ID_LEN && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    if !canonical {
        return None;
    }
    let parsed = Ulid::from_string(text).ok()?;
    // The decoder accepts look-alikes (I, L, O) and overflowing first digits; only what we would print is an id.
    (parsed.to_string() == text).then_some(parsed)
}

macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// Wraps a freshly minted ULID; text is parsed with [`FromStr`] instead.
            pub const fn new(ulid: Ulid) -> Self {
                Self(ulid)
            }

            /// The 128 bits as stored in Postgres (`uuid`).
            pub fn to_uuid(self) -> uuid::Uuid {
                uuid::Uuid::from_bytes(self.0.to_bytes())
            }

            /// The inverse of [`Self::to_uuid`].
            pub fn from_uuid(uuid: uuid::Uuid) -> Self {
                Self(Ulid::from_bytes(uuid.into_bytes()))
            }

            /// Milliseconds since the Unix epoch at which the id was minted, by its minter's clock.
            pub fn minted_at_ms(self) -> u64 {
                self.0.timestamp_ms()
            }

            /// The 128 bits as a number, for hashing into shards.
            pub fn as_u128(self) -> u128 {
                self.0.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut buffer = [0u8; ID_LEN];
                f.write_str(self.0.array_to_str(&mut buffer))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_canonical(text).map(Self).ok_or(IdError { kind: $kind })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut buffer = [0u8; ID_LEN];
                serializer.serialize_str(self.0.array_to_str(&mut buffer))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(crate::text::ParseVisitor::<Self>::new($kind))
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some("^[0-7][0-9A-HJKMNP-TV-Z]{25}$"))
                    .description(Some(concat!("ULID of a ", $kind)))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

define_id!(
    /// A registered person or bot.
    UserId,
    "user"
);
define_id!(
    /// A direct conversation or a group.
    ConversationId,
    "conversation"
);
define_id!(
    /// One accepted message.
    MessageId,
    "message"
);
define_id!(
    /// One device's login; it ends by log-out, revocation or expiry.
    SessionId,
    "session"
);
define_id!(
    /// One event in the log that is not a message.
    EventId,
    "event"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_parses() {
        let good = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        assert_eq!(good.parse::<UserId>().unwrap().to_string(), good);
        let ten_kilobytes = "0".repeat(10_240);
        let hostile = [
            "",
            "*",
            ">",
            "a.b",
            ".",
            " ",
            "01arz3ndektsv4rrffq69g5fav",
            "01ARZ3NDEKTSV4RRFFQ69G5FA\n",
            "01ARZ3NDEKTSV4RRFFQ69G5FA>",
            "01ARZ3NDEKTSV4RRFFQ69G5FA\0",
            "81ARZ3NDEKTSV4RRFFQ69G5FAV",
            "O1ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01ARZ3NDEKTSV4RRFFQ69G5FAVV",
            "é1ARZ3NDEKTSV4RRFFQ69G5FA",
            &ten_kilobytes,
        ];
        for text in hostile {
            assert!(text.parse::<UserId>().is_err(), "{text:?} passed as an id");
        }
    }

    #[test]
    fn uuid_form_round_trips() {
        let id: MessageId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        assert_eq!(MessageId::from_uuid(id.to_uuid()), id);
    }
}
