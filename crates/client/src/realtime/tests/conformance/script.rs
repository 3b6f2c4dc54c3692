//! A script, and the words in it that stand for values.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use relay_protocol::Position;
use relay_types::{ClientId, MessageId};
use serde_json::Value;

use super::super::gateway;

/// One script of `tests/conformance`.
#[derive(serde::Deserialize)]
pub struct Script {
    pub name: String,
    #[serde(default)]
    pub config: BTreeMap<String, u64>,
    #[serde(default)]
    pub stored_position: Option<String>,
    pub steps: Vec<Value>,
}

/// All scripts, by name.
pub fn all() -> Vec<Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance");
    let mut scripts: Vec<Script> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .collect();
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    scripts
}

/// A step's name and what it says.
pub fn parts(step: &Value) -> (&str, &Value) {
    let (name, say) = step.as_object().unwrap().iter().next().unwrap();
    (name, say)
}

/// The position that `$p5` stands for.
pub fn position(word: &str) -> Position {
    gateway::position(word.strip_prefix("$p").unwrap().parse().unwrap())
}

/// Puts values in the place of `$` words.
pub struct Words<'a> {
    pub keys: &'a HashMap<String, ClientId>,
}

impl Words<'_> {
    pub fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.word(text)),
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(fields) => fields.iter().map(|(name, item)| (name.clone(), self.fill(item))).collect(),
            other => other.clone(),
        }
    }

    /// The message that a word stands for.
    pub fn message(&self, word: &Value) -> MessageId {
        self.word(word.as_str().unwrap()).parse().unwrap()
    }

    fn word(&self, text: &str) -> String {
        let Some(word) = text.strip_prefix('$') else { return text.to_owned() };
        let number = |rest: &str| rest.parse::<u128>().unwrap();
        match word {
            "me" => return gateway::me().to_string(),
            "other" => return gateway::other().to_string(),
            _ => {}
        }
        if let Some(name) = word.strip_prefix("key:") {
            return self.keys[name].as_str().to_owned();
        }
        if let Some(rest) = word.strip_prefix("chain") {
            return format!("c:{}", gateway::conversation(number(rest)));
        }
        match word.split_at(1) {
            ("c" | "m", rest) => gateway::conversation(number(rest)).to_string(),
            ("p", _) => position(text).to_string(),
            _ => panic!("{text} means nothing"),
        }
    }
}
