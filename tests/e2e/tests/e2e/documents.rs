//! What strangers' tools make of the served documents.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use relay_harness::{DocumentTools, Harness};
use tokio::process::Command;

use super::raw_http::get;
use super::support::TestResult;

/// Nothing here takes long, unless the machine is very busy.
const WITHIN: Duration = Duration::from_mins(3);

/// Runs Python with the installed tools and `more` on its path.
async fn python(tools: &DocumentTools, more: &Path, args: &[&str]) -> TestResult {
    let path = std::env::join_paths([more, tools.home()])?;
    let mut command = Command::new(tools.python());
    command.args(args).env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONNOUSERSITE", "1");
    let output = tokio::time::timeout(WITHIN, command.stdin(Stdio::null()).kill_on_drop(true).output()).await;
    let output = output.with_context(|| format!("{args:?} did not end within {WITHIN:?}"))??;
    if !output.status.success() {
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("{args:?} failed ({}):\n{}\n{}", output.status, said.trim(), complained.trim());
    }
    Ok(())
}

#[tokio::test]
async fn the_openapi_document_is_valid_and_a_client_generated_from_it_calls_every_operation() -> TestResult {
    let tools = DocumentTools::ready().await?;
    let h = Harness::shared().await?;
    let directory = h.own_directory()?;
    let document = directory.join("openapi.json");
    let served = get(&format!("{}/openapi.json", h.api_url())).send().await?.error_for_status()?.bytes().await?;
    std::fs::write(&document, &served)?;
    let document = document.to_str().context("a path in UTF-8")?;
    python(&tools, &directory, &["-m", "openapi_spec_validator", document]).await?;

    // The generator would otherwise run a formatter.
    let (settings, client) = (directory.join("generator.yaml"), directory.join("relayhub_client"));
    std::fs::write(&settings, "post_hooks: []\n")?;
    let (settings, client) = (settings.to_str().context("a path in UTF-8")?, client.to_str().context("a path in UTF-8")?);
    let generate = ["-m", "openapi_python_client", "generate", "--path", document, "--output-path", client];
    python(&tools, &directory, &[&generate[..], &["--meta", "none", "--config", settings, "--fail-on-warning"]].concat()).await?;

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/every_operation.py");
    let script = script.to_str().context("a path in UTF-8")?;
    python(&tools, &directory, &[script, &h.api_url(), document, &h.handle("gen")]).await?;
    h.finish().await
}
