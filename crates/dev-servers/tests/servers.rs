//! Real servers: start, crash, come back with the same port and data, leave nothing behind.

use relay_dev_servers::{
    NatsOptions, NatsServer, PostgresOptions, PostgresServer, Probe, Scratch, Servers, SyncInterval, ValkeyOptions, ValkeyServer, process,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn installing_twice_at_once_gives_the_same_servers() {
    let (one, two) = tokio::join!(Servers::ready(), Servers::ready());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.nats(), two.nats());
    assert!(one.nats().is_file() && one.valkey().is_file());
}

#[tokio::test]
async fn nats_crashes_and_returns_on_its_port() {
    let servers = Servers::ready().await.unwrap();
    let scratch = Scratch::new("with space").unwrap();
    let options = NatsOptions { data: scratch.path().join("nats"), sync: SyncInterval::TwoMinutes, ..NatsOptions::default() };
    let nats = NatsServer::start(&servers, options).await.unwrap();
    let (url, pid) = (nats.url(), nats.pid().unwrap());

    nats.kill();
    assert!(!nats.is_running());
    assert!(nats.probe().check().await.is_err());

    nats.restart().await.unwrap();
    assert_eq!(nats.url(), url);
    assert_ne!(nats.pid(), Some(pid));
    let varz = nats.monitor_page("/varz").await.unwrap();
    let varz: serde_json::Value = serde_json::from_str(&varz).unwrap();
    assert_eq!(varz["max_payload"], 256 * 1024);
    assert_eq!(varz["jetstream"]["config"]["sync_interval"], 120_000_000_000_u64);
    assert!(varz["jetstream"]["config"]["store_dir"].as_str().unwrap().starts_with(scratch.path().to_str().unwrap()));

    nats.pause();
    assert!(nats.probe().check().await.is_err(), "a paused server answers nothing");
    nats.resume();
    nats.healthy().await.unwrap();
    nats.stop().await;
    assert!(!nats.is_running());
}

#[tokio::test]
async fn nats_asks_for_the_password_and_syncs_always_by_default() {
    let servers = Servers::ready().await.unwrap();
    let scratch = Scratch::new("nats").unwrap();
    let nats = NatsServer::start(&servers, NatsOptions { data: scratch.path().into(), ..NatsOptions::default() }).await.unwrap();
    let varz = nats.monitor_page("/varz").await.unwrap();
    let varz: serde_json::Value = serde_json::from_str(&varz).unwrap();
    assert_eq!(varz["jetstream"]["config"]["sync_always"], true, "{varz}");
    assert_eq!(varz["auth_required"], true);
}

#[tokio::test]
async fn postgres_crashes_and_returns_with_its_data() {
    let servers = Servers::ready().await.unwrap();
    let scratch = Scratch::new("postgres").unwrap();
    let postgres = PostgresServer::start(&servers, PostgresOptions::for_tests(scratch.path().join("pg"))).await.unwrap();
    let url = postgres.url();

    postgres.kill();
    assert!(postgres.probe().check().await.is_err());
    postgres.restart().await.unwrap();
    assert_eq!(postgres.url(), url);

    postgres.pause();
    assert!(postgres.probe().check().await.is_err(), "a paused server answers nothing");
    postgres.resume();
    postgres.healthy().await.unwrap();

    let pid = postgres.pid().unwrap();
    let start = process::start_time(pid).unwrap();
    let probe = postgres.probe().clone();
    drop(postgres);
    assert!(!process::is_same(pid, start), "dropping ends the server");
    assert!(matches!(probe, Probe::Postgres { .. }));
    assert!(probe.check().await.is_err());
}

#[tokio::test]
async fn valkey_crashes_and_returns_with_its_password() {
    let servers = Servers::ready().await.unwrap();
    let scratch = Scratch::new("valkey").unwrap();
    let valkey = ValkeyServer::start(&servers, ValkeyOptions { data: scratch.path().into(), ..ValkeyOptions::default() }).await.unwrap();
    valkey.kill();
    valkey.restart().await.unwrap();

    let mut stream = tokio::net::TcpStream::connect(valkey.address()).await.unwrap();
    stream.write_all(format!("PING\r\nAUTH {}\r\nPING\r\n", valkey.password()).as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.contains("+PONG") {
        let mut buffer = [0; 256];
        let length = stream.read(&mut buffer).await.unwrap();
        assert!(length > 0, "closed after {answer:?}");
        answer.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    assert!(answer.starts_with("-NOAUTH"), "{answer}");
    assert!(valkey.stop().await.is_some());
}

/// Set for the process that [`what_a_killed_process_started_is_ended`] kills: where it says what it has started.
const VICTIM: &str = "RELAY_TEST_VICTIM";

/// Does nothing unless started by the test below.
#[tokio::test]
async fn victim() {
    let Some(report) = std::env::var_os(VICTIM) else { return };
    let servers = Servers::ready().await.unwrap();
    let scratch = Scratch::new("victim").unwrap();
    let postgres = PostgresServer::start(&servers, PostgresOptions::for_tests(scratch.path().join("pg"))).await.unwrap();
    let valkey = ValkeyServer::start(&servers, ValkeyOptions { data: scratch.path().into(), ..ValkeyOptions::default() }).await.unwrap();
    let started = [postgres.pid().unwrap(), valkey.pid().unwrap()].map(|pid| (pid, process::start_time(pid).unwrap()));
    let report = std::path::PathBuf::from(report);
    std::fs::write(report.with_extension("tmp"), serde_json::to_string(&(started, scratch.path())).unwrap()).unwrap();
    std::fs::rename(report.with_extension("tmp"), report).unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn what_a_killed_process_started_is_ended() {
    let scratch = Scratch::new("guard").unwrap();
    let report = scratch.path().join("started.json");
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim"])
        .env(VICTIM, &report)
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until("the victim has started its servers", || report.exists()).await;
    let text = std::fs::read_to_string(&report).unwrap();
    let (started, left): ([(u32, u64); 2], std::path::PathBuf) = serde_json::from_str(&text).unwrap();
    assert!(started.iter().all(|(pid, start)| process::is_same(*pid, *start)) && left.is_dir());

    child.kill().await.unwrap();
    until("its servers have ended", || !started.iter().any(|(pid, start)| process::is_same(*pid, *start))).await;
    until("its directory is gone", || !left.exists()).await;
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !done() {
        assert!(std::time::Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
