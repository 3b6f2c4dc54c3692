//! The bench runs to its end and counts no errors. How fast is not judged here: see docs/performance.md.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a helper of tests fails the test it helps")]

use std::process::Command;

/// Runs a scenario at its smallest and returns its figures.
fn run(scenario: &str, users: &str) -> serde_json::Value {
    run_with(scenario, users, &[])
}

fn run_with(scenario: &str, users: &str, more: &[&str]) -> serde_json::Value {
    let output = Command::new(env!("CARGO_BIN_EXE_relay-bench"))
        .args([scenario, "--json", "--seconds", "1", "--users", users, "--unsynced"])
        .args(more)
        .output()
        .expect("the bench starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scenario}: {}\n{told}", output.status);
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(figures["scenario"], scenario);
    assert_eq!(figures["errors"], 0, "{figures}");
    assert_eq!(figures["ack_level"], "A1", "{figures}");
    figures
}

#[test]
fn direct_gives_a_rate_beside_the_raw_limit() {
    let figures = run("direct", "4");
    for figure in ["rate_per_s", "raw_per_s", "ratio", "raw_batch_per_s", "batch_ratio", "p50_ms", "p99_ms"] {
        assert!(figures[figure].as_f64().is_some_and(|value| value > 0.0), "{figure} in {figures}");
    }
}

#[test]
fn a_storm_of_returning_users_gets_every_missed_event() {
    let figures = run("resume", "40");
    assert_eq!(figures["details"]["events_replayed"], figures["details"]["events_expected"], "{figures}");
}

#[test]
fn a_large_conversation_loses_no_delivery() {
    let figures = run("large", "20");
    assert_eq!(figures["details"]["online"], 4.0, "{figures}");
}

#[test]
fn whoever_listens_to_a_stream_is_delivered_to() {
    let figures = run_with("fanout", "40", &["--streams"]);
    // Whether the latency was bearable is the machine's affair.
    assert!(figures["details"]["delivered"].as_f64().is_some_and(|delivered| delivered > 0.0), "{figures}");
    assert_eq!(figures["details"]["streams"], 40.0, "{figures}");
}
