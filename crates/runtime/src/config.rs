//! One TOML file for all processes, overridden by `RELAY__SECTION__KEY` in the environment. Read once.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error("no configuration file at {path}: name one with --config")]
    NoFile {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A key is missing, unknown or of the wrong type.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Names the key.
        reason: String,
    },
    /// A value is outside its limits.
    #[error("{key} {reason}")]
    Invalid {
        /// The dotted key.
        key: &'static str,
        /// What it has to be.
        reason: String,
    },
}

/// Every section of the file, in its order. All processes share the file; each reads its sections and passes over the others.
pub const SECTIONS: &[&str] = &["log", "nats", "topology", "postgres", "valkey", "tokens", "web", "gateway", "api", "worker"];

/// What a section's own check says: the key, and what its value has to be.
pub type Check = Result<(), (&'static str, String)>;

/// The configuration file, with the environment over it.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    values: Figment,
}

impl ConfigFile {
    /// Opens the file. A section that no process knows is refused.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        if !path.is_file() {
            return Err(ConfigError::NoFile { path: path.to_owned() });
        }
        let values = Figment::new().merge(Toml::file_exact(path)).merge(Env::prefixed("RELAY__").split("__"));
        let this = Self { path: path.to_owned(), values };
        let present: figment::value::Dict = this.values.extract().map_err(|error| this.malformed("", &error))?;
        match present.keys().find(|name| !SECTIONS.contains(&name.as_str())) {
            Some(unknown) => {
                let reason = format!("unknown key `{unknown}`; known here: {}", SECTIONS.join(", "));
                Err(ConfigError::Malformed { path: this.path, reason })
            }
            None => Ok(this),
        }
    }

    /// A section that may be absent, or leave keys out.
    pub fn section<T: DeserializeOwned + Default>(&self, name: &'static str, check: impl Fn(&T) -> Check) -> Result<T, ConfigError> {
        Ok(self.optional(name, check)?.unwrap_or_default())
    }

    /// A section that has to be there.
    pub fn required<T: DeserializeOwned>(&self, name: &'static str, check: impl Fn(&T) -> Check) -> Result<T, ConfigError> {
        let missing = || ConfigError::Malformed { path: self.path.clone(), reason: format!("missing key `{name}`") };
        self.optional(name, check)?.ok_or_else(missing)
    }

    /// A section, if it is there.
    pub fn optional<T: DeserializeOwned>(&self, name: &'static str, check: impl Fn(&T) -> Check) -> Result<Option<T>, ConfigError> {
        debug_assert!(SECTIONS.contains(&name), "{name} is in the list of sections");
        if !self.values.contains(name) {
            return Ok(None);
        }
        let section: T = self.values.extract_inner(name).map_err(|error| self.malformed(name, &error))?;
        check(&section).map_err(|(key, reason)| ConfigError::Invalid { key, reason })?;
        Ok(Some(section))
    }

    fn malformed(&self, section: &str, error: &figment::Error) -> ConfigError {
        ConfigError::Malformed { path: self.path.clone(), reason: first_line(section, error) }
    }
}

/// For sections that have nothing to check beyond their types.
pub const fn unchecked<T>(_section: &T) -> Check {
    Ok(())
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// `json`: one object a line. `text`: for people.
    pub format: LogFormat,
    /// A tracing filter, such as `info` or `info,relay_gateway=debug`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Json, filter: "info".to_owned() }
    }
}

/// figment joins several errors with line breaks; the first names the key, and values (perhaps secrets) are left out.
fn first_line(section: &str, error: &figment::Error) -> String {
    let within = error.path.iter().map(String::as_str);
    let prefix = Some(section).filter(|section| !section.is_empty() && error.path.first().is_none_or(|first| first != section));
    let key = prefix.into_iter().chain(within).collect::<Vec<_>>().join(".");
    let kind = match &error.kind {
        figment::error::Kind::MissingField(field) => format!("missing key `{field}`"),
        figment::error::Kind::UnknownField(field, expected) => format!("unknown key `{field}`; known here: {}", expected.join(", ")),
        figment::error::Kind::UnknownVariant(_, expected) => format!("one of {} is expected", expected.join(", ")),
        figment::error::Kind::InvalidType(_, expected) | figment::error::Kind::InvalidValue(_, expected) => {
            format!("{expected} is expected")
        }
        _ => "not valid".to_owned(),
    };
    if key.is_empty() { kind } else { format!("`{key}`: {kind}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<LogConfig, ConfigError> {
        let file = std::env::temp_dir().join(format!("relay-config-{}-{}.toml", std::process::id(), text.len()));
        std::fs::write(&file, text).unwrap();
        let result = ConfigFile::open(&file).and_then(|file| file.section("log", unchecked));
        std::fs::remove_file(&file).unwrap();
        result
    }

    #[test]
    fn errors_name_the_key_and_not_the_value() {
        let error = load_text("[log]\nfilter = 7\n").unwrap_err().to_string();
        assert!(error.contains("log.filter"), "{error}");
        let error = load_text("[log]\nfliter = \"secret\"\n").unwrap_err().to_string();
        assert!(error.contains("fliter") && !error.contains("secret"), "{error}");
        assert!(load_text("[nonsense]\n").is_err());
        assert!(matches!(ConfigFile::open(Path::new("/nonexistent/relay.toml")), Err(ConfigError::NoFile { .. })));
    }

    #[test]
    fn sections_of_other_processes_are_passed_over() {
        let log = load_text("[log]\nformat = \"text\"\n[gateway]\nanything = [1, 2]\n").unwrap();
        assert_eq!(log.format, LogFormat::Text);
    }
}
