//! What a newer version says and this one does not know: carried as it came.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde_json::value::RawValue;

/// Longest [`WireName`], in bytes.
const MAX_NAME: usize = 31;

/// A value of an enum that this version does not know, by its name on the wire: 1 to 31 of `a-z`, `0-9` and `_`.
/// Small enough to be copied like the values that are known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireName {
    bytes: [u8; MAX_NAME],
    len: u8,
}

/// The text is not a name of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 1 to 31 of a-z, 0-9 and _")]
pub struct WireNameError;

impl WireName {
    /// The name.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        // Only ASCII gets in.
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl FromStr for WireName {
    type Err = WireNameError;

    fn from_str(text: &str) -> Result<Self, WireNameError> {
        let fits = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let len = u8::try_from(text.len()).map_err(|_| WireNameError)?;
        let mut bytes = [0; MAX_NAME];
        let room = bytes.get_mut(..text.len()).filter(|_| fits && len > 0).ok_or(WireNameError)?;
        room.copy_from_slice(text.as_bytes());
        Ok(Self { bytes, len })
    }
}

impl fmt::Debug for WireName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// JSON as it came. Only JSON that every store of ours can hold: no NUL in a text, no number beyond a double, no half of a
/// surrogate pair. Its content is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// Takes in one JSON value.
    ///
    /// # Errors
    /// When the text is not JSON, or could not be stored.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        let value: serde_json::Value = serde_json::from_str(json)?;
        if has_nul(&value) {
            return Err(serde_json::Error::custom("a text holds NUL"));
        }
        Ok(Self(json.into()))
    }

    /// The text.
    pub const fn get(&self) -> &str {
        &self.0
    }
}

fn has_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(values) => values.iter().any(has_nul),
        serde_json::Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => false,
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes of JSON]", self.0.len())
    }
}

impl serde::Serialize for RawJson {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(&self.0).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for RawJson {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).map_err(D::Error::custom)
    }
}

/// An object without some of its fields; the others in their order, as they came.
pub(crate) fn without_fields(json: &str, left_out: &[&str]) -> Result<String, serde_json::Error> {
    struct Fields(Vec<(String, Box<RawValue>)>);

    impl<'de> serde::Deserialize<'de> for Fields {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Fields;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                    let mut fields = Vec::new();
                    while let Some(field) = map.next_entry()? {
                        fields.push(field);
                    }
                    Ok(Fields(fields))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }

    let Fields(fields) = serde_json::from_str(json)?;
    let mut text = String::with_capacity(json.len());
    text.push('{');
    for (name, value) in fields.into_iter().filter(|(name, _)| !left_out.contains(&name.as_str())) {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&serde_json::to_string(&name)?);
        text.push(':');
        text.push_str(value.get());
    }
    text.push('}');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_name_keeps_what_fits_and_refuses_the_rest() {
        assert_eq!("moderator".parse::<WireName>().unwrap().as_str(), "moderator");
        assert_eq!(format!("{:?}", "a_1".parse::<WireName>().unwrap()), "\"a_1\"");
        assert!("x".repeat(31).parse::<WireName>().is_ok());
        for text in ["", "Ä", "A", "a b", "a.b", &"x".repeat(32), &"x".repeat(300)] {
            assert_eq!(text.parse::<WireName>(), Err(WireNameError), "{text}");
        }
    }

    #[test]
    fn raw_json_keeps_the_text_and_refuses_what_no_store_holds() {
        let text = r#"{"b": 1.50, "a":[true,null,"ü\n"], "n":12345678901234567890123}"#;
        let raw: RawJson = serde_json::from_str(text).unwrap();
        assert_eq!(raw.get(), text);
        assert_eq!(serde_json::to_string(&raw).unwrap(), text);
        assert!(!format!("{raw:?}").contains("true"));
        for refused in [r#"{"a":"\u0000"}"#, r#"{"\u0000":1}"#, r#"["\ud800"]"#, "[1e999]", "{", ""] {
            assert!(RawJson::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn without_fields_keeps_the_others_as_they_came() {
        let text = r#"{ "seq":9, "b":{"seq": 1}, "a\"":1.0, "chain":"x" }"#;
        assert_eq!(without_fields(text, &["seq", "chain"]).unwrap(), r#"{"b":{"seq": 1},"a\"":1.0}"#);
        assert_eq!(without_fields("{}", &[]).unwrap(), "{}");
    }
}
