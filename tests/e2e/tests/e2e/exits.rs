//! How processes end when they cannot start: a status of its own, and a message that says what to do.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use relay_harness::Harness;
use tokio::process::Command;

use super::support::TestResult;

/// Runs one of our processes with this configuration until it ends by itself.
pub async fn run(h: &Harness, program: &str, config: &Path) -> anyhow::Result<Output> {
    let mut command = Command::new(h.bin_dir().join(program));
    // Ports of its own: the configured ones are in use by this test's processes.
    for section in ["GATEWAY", "API", "WORKER"] {
        command.env(format!("RELAY__{section}__ADMIN_LISTEN"), "127.0.0.1:0");
        if section != "WORKER" {
            command.env(format!("RELAY__{section}__LISTEN"), "127.0.0.1:0");
        }
    }
    command.arg("--config").arg(config).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_mins(1), command.output()).await;
    Ok(output.with_context(|| format!("{program} goes on instead of ending"))??)
}

/// The status and everything it said.
pub fn told(output: &Output) -> (Option<i32>, String) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}

/// This test's configuration, changed.
fn changed(h: &Harness, change: impl FnOnce(&mut toml::Table)) -> anyhow::Result<std::path::PathBuf> {
    let mut config: toml::Table = std::fs::read_to_string(h.config_path())?.parse()?;
    change(&mut config);
    let path = h.own_directory()?.join("changed.toml");
    std::fs::write(&path, toml::to_string(&config)?)?;
    Ok(path)
}

fn set(config: &mut toml::Table, section: &str, key: &str, value: impl Into<toml::Value>) {
    let entry = config.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    entry.as_table_mut().expect("a section").insert(key.to_owned(), value.into());
}

#[tokio::test]
async fn bad_configuration_ends_every_process_with_78_and_names_the_key() -> TestResult {
    let h = Harness::shared().await?;
    let secret = "hunter2-canary";
    let cases: [(&str, &str, &str, toml::Value); 14] = [
        ("relay-gateway", "gateway", "max_sokets", 7.into()),
        ("relay-gateway", "gateway", "max_sockets", "many".into()),
        ("relay-gateway", "gateway", "max_sockets", 0.into()),
        ("relay-gateway", "gateway", "ring_bytes", 1.into()),
        ("relay-gateway", "topology", "shards", 0.into()),
        ("relay-gateway", "nats", "passwort", secret.into()),
        ("relay-api", "api", "max_group_members", 1.into()),
        ("relay-api", "api", "max_group_members", secret.into()),
        ("relay-api", "tokens", "access_ttl_s", 1.into()),
        ("relay-api", "tokens", "issuer", "".into()),
        ("relay-worker", "worker", "persist_batch", 0.into()),
        ("relay-worker", "worker", "roles", toml::Value::Array(vec!["sing".into()])),
        ("relay-worker", "postgres", "max_connections", (-1).into()),
        ("relay-worker", "log", "filter", "[[".into()),
    ];
    for (program, section, key, value) in cases {
        let path = changed(&h, |config| set(config, section, key, value.clone()))?;
        let (status, text) = told(&run(&h, program, &path).await?);
        assert_eq!(status, Some(78), "{program} {section}.{key} = {value}: {text}");
        assert!(text.contains(key), "{program} {section}.{key} = {value} is not named: {text}");
        assert!(!text.contains(secret), "the value is shown: {text}");
    }
    for program in ["relay-gateway", "relay-api", "relay-worker"] {
        let path = changed(&h, |config| drop(config.remove("nats")))?;
        let (status, text) = told(&run(&h, program, &path).await?);
        assert!(status == Some(78) && text.contains("nats"), "{program} without [nats]: {status:?} {text}");
        let path = changed(&h, |config| drop(config.insert("nonsense".to_owned(), toml::Table::new().into())))?;
        let (status, text) = told(&run(&h, program, &path).await?);
        assert!(status == Some(78) && text.contains("nonsense"), "{program} with [nonsense]: {status:?} {text}");
        let (status, text) = told(&run(&h, program, Path::new("/nonexistent/relay.toml")).await?);
        assert!(status == Some(78) && text.contains("/nonexistent/relay.toml"), "{program} without a file: {status:?} {text}");
    }
    h.finish().await
}

#[tokio::test]
async fn a_missing_server_ends_the_process_with_69_named_and_with_how_to_start_it() -> TestResult {
    let h = Harness::shared().await?;
    // A port that nobody listens on.
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let path = changed(&h, |config| set(config, "nats", "servers", toml::Value::Array(vec![format!("nats://{nowhere}").into()])))?;
    for program in ["relay-gateway", "relay-api", "relay-worker", "relayctl"] {
        let (status, text) = if program == "relayctl" {
            let command = Command::new(h.bin_dir().join(program)).arg("--config").arg(&path).args(["topology", "check"]).output();
            told(&tokio::time::timeout(Duration::from_mins(1), command).await??)
        } else {
            told(&run(&h, program, &path).await?)
        };
        assert_eq!(status, Some(69), "{program}: {text}");
        for part in ["NATS", &nowhere.to_string(), "./relay up", "nats-server"] {
            assert!(text.contains(part), "{program} does not say {part:?}: {text}");
        }
        assert!(!text.contains(h.nats().password()), "{program} shows the password");
    }
    let path = changed(&h, |config| set(config, "postgres", "url", format!("postgres://relay:hunter2@{nowhere}/relay")))?;
    let (status, text) = told(&run(&h, "relay-api", &path).await?);
    assert_eq!(status, Some(69), "{text}");
    assert!(text.contains("Postgres") && text.contains("./relay up") && !text.contains("hunter2"), "{text}");
    h.finish().await
}
