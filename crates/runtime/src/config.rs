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

/// A configuration that can check itself beyond types.
pub trait Validate {
    /// Refuses values outside their limits, naming the key.
    fn validate(&self) -> Result<(), ConfigError>;
}

/// A section that belongs to another process. Present in the shared file, not looked into.
#[derive(Debug, Clone, Copy, Default)]
pub struct IgnoredSection;

impl<'de> Deserialize<'de> for IgnoredSection {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
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
    /// `json` or `text`.
    pub format: LogFormat,
    /// A tracing filter, such as `info` or `info,relay_gateway=debug`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Json, filter: "info".to_owned() }
    }
}

/// Reads and validates the configuration.
pub fn load<C: DeserializeOwned + Validate>(path: &Path) -> Result<C, ConfigError> {
    if !path.is_file() {
        return Err(ConfigError::NoFile { path: path.to_owned() });
    }
    let figment = Figment::new().merge(Toml::file_exact(path)).merge(Env::prefixed("RELAY__").split("__"));
    let config: C = figment.extract().map_err(|error| ConfigError::Malformed { path: path.to_owned(), reason: first_line(&error) })?;
    config.validate()?;
    Ok(config)
}

/// figment joins several errors with line breaks; the first names the key, and values (perhaps secrets) are left out.
fn first_line(error: &figment::Error) -> String {
    let key = error.path.join(".");
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

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(default)]
        log: LogConfig,
        #[serde(default, rename = "gateway")]
        _gateway: IgnoredSection,
    }

    impl Validate for Sample {
        fn validate(&self) -> Result<(), ConfigError> {
            Ok(())
        }
    }

    fn load_text(text: &str) -> Result<Sample, ConfigError> {
        let file = std::env::temp_dir().join(format!("relay-config-{}-{}.toml", std::process::id(), text.len()));
        std::fs::write(&file, text).unwrap();
        let result = load(&file);
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
        assert!(matches!(load::<Sample>(Path::new("/nonexistent/relay.toml")), Err(ConfigError::NoFile { .. })));
    }

    #[test]
    fn sections_of_other_processes_are_passed_over() {
        let sample = load_text("[log]\nformat = \"text\"\n[gateway]\nanything = [1, 2]\n").unwrap();
        assert_eq!(sample.log.format, LogFormat::Text);
    }
}
