//! What operators see: readiness, metrics, traces.

use relay_harness::{Harness, wait_for};
use serde_json::Value;

use super::raw_http::get;
use super::support::{LATE, Socket, TestResult, direct, ulid_key};
use super::witness::{persisted, stream};

async fn admin(address: std::net::SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    let response = get(&format!("http://{address}{path}")).send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

#[tokio::test]
async fn readiness_follows_nats_and_liveness_does_not() -> TestResult {
    let h = Harness::builder().expect_errors().start().await?;
    let processes = [h.gateway(0).admin(), h.api().admin(), h.worker().admin()];
    for address in processes {
        let (status, body) = admin(address, "/readyz").await?;
        let body: Value = serde_json::from_str(&body)?;
        assert!(status == 200 && body["ready"] == true, "{body}");
        assert!(body["components"].as_object().is_some_and(|components| components.len() > 2), "task states, not only a port: {body}");
    }
    h.nats().kill();
    for address in processes {
        wait_for("not ready", LATE, || async move {
            match admin(address, "/readyz").await {
                Ok((503, body)) if body.contains("nats") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        assert_eq!(admin(address, "/healthz").await?.0, 200, "alive all the same");
    }
    h.nats().restart().await?;
    for address in processes {
        wait_for("ready again", LATE, || async move {
            match admin(address, "/readyz").await {
                Ok((200, _)) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
    // Without any process having been restarted, everything works.
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    Socket::live(&h, 0, &ann.device, None).await?.post(chat, &ulid_key(0), "it works").await?;
    bobs.message("it works").await?;
    persisted(&h).await?;
    h.finish().await
}

/// The counters and gauges that docs/metrics.md promises to a process made of `crates`, without those whose labels are known only
/// when something happens.
fn documented(crates: &[&str]) -> anyhow::Result<Vec<String>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let text = std::fs::read_to_string(path)?;
    let mut names = Vec::new();
    for part in crates {
        let (_, part) = text.split_once(&format!("<!-- generated: metrics {part} -->")).expect("a table of the crate's metrics");
        let (table, _) = part.split_once("<!-- end -->").expect("the table's end");
        for line in table.lines() {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            if cells.len() > 3 && ["counter", "gauge"].contains(&cells[2]) {
                names.push(cells[1].trim_matches('`').to_owned());
            }
        }
    }
    Ok(names)
}

#[tokio::test]
async fn every_documented_series_is_there_from_the_start() -> TestResult {
    let h = Harness::start().await?;
    // Only gateways ask whether they paused.
    let (gateway, others) =
        (["relay_tail_lag_events", "relay_task_restarts_total"], ["relay_task_restarts_total", "relay_process_pauses_total"]);
    let processes: [(_, _, &[&str], &[&str]); 3] = [
        (h.gateway(0), "gateway", &["gateway", "posting", "runtime", "bus"], &gateway),
        (h.api(), "api", &["api", "hot-state", "posting", "runtime", "bus"], &[others[0], others[1], "relay_http_requests_total"]),
        (h.worker(), "worker", &["workers", "runtime", "bus"], &others),
    ];
    for (process, name, crates, later) in processes {
        let mut wanted = documented(crates)?;
        wanted.retain(|series| !later.contains(&series.as_str()));
        assert!(wanted.len() >= 5, "{name}: the documentation was not understood: {wanted:?}");
        // Some gauges are set every few seconds.
        wait_for(&format!("{name}'s series"), LATE, || async {
            let metrics = process.metrics().await.map_err(|error| vec![format!("{error:#}")])?;
            let missing: Vec<String> =
                wanted.iter().filter(|series| !metrics.lines().any(|line| line.starts_with(series.as_str()))).cloned().collect();
            if missing.is_empty() { Ok(()) } else { Err(missing) }
        })
        .await;
    }
    let metrics = h.gateway(0).metrics().await?;
    for line in [
        r#"relay_errors_total{code="not_member"} 0"#,
        r#"relay_errors_total{code="unavailable"} 0"#,
        r#"relay_socket_closes_total{code="slow_reader"} 0"#,
        "relay_sockets 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is missing");
    }
    h.finish().await
}

#[tokio::test]
async fn metrics_count_what_happened() -> TestResult {
    let h = Harness::start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    for n in 0..10 {
        anns.post(chat, &ulid_key(0), &format!("message {n}")).await?;
    }
    bobs.message("message 9").await?;
    anns.refused("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse()?, &ulid_key(0), "nowhere").await?;
    persisted(&h).await?;
    let gateway = h.gateway(0).metrics().await?;
    for line in [
        "relay_sockets 2",
        "relay_ack_duration_seconds_count 10",
        "relay_deliveries_total 20",
        r#"relay_errors_total{code="not_member"} 1"#,
    ] {
        assert!(gateway.lines().any(|found| found == line), "{line} is missing in {gateway}");
    }
    let worker = h.worker().metrics().await?;
    let persisted: u64 = worker.lines().find_map(|line| line.strip_prefix("relay_persisted_events_total ")).expect("the series").parse()?;
    assert!(persisted >= 11, "{persisted} events");
    // No user, conversation or subject is a label.
    for id in [chat.to_string(), ann.id().to_string(), bob.id().to_string()] {
        assert!(!gateway.contains(&id) && !worker.contains(&id));
    }
    h.finish().await
}

#[tokio::test]
async fn a_trace_goes_from_the_request_into_the_log() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let body = serde_json::json!({ "client_id": "traced", "conversation_id": chat, "body": { "type": "text", "text": "x" } });
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let response = super::raw_http::api(&h, reqwest::Method::POST, "/v1/messages")
        .bearer_auth(&ann.device.access_token().0)
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .json(&body)
        .send()
        .await?;
    assert!(response.status().is_success());
    let seq = serde_json::from_str::<Value>(&response.text().await?)?["seq"].as_u64().expect("seq");
    let stored = stream(&h, 0).await?.get_raw_message(seq).await?;
    let header = stored.headers.get("traceparent").map(ToString::to_string).unwrap_or_default();
    assert!(header.contains(trace), "{header:?}");
    // A message over a socket has a trace of its own.
    let ack = Socket::live(&h, 0, &ann.device, None).await?.post(chat, &ulid_key(0), "y").await?;
    let stored = stream(&h, 0).await?.get_raw_message(ack.seq.0).await?;
    assert!(stored.headers.get("traceparent").is_some());
    h.finish().await
}
