//! `relayctl chat` as people use it, against real servers: lines in, lines out.

mod terminal;

use std::time::Duration;

use relay_harness::Harness;
use terminal::Terminal;

/// Two terminals, one of them killed and coming back to exactly what it missed.
#[tokio::test(flavor = "multi_thread")]
async fn two_terminals_talk_and_the_killed_one_comes_back_to_what_it_missed() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let chat = |handle: &str, more: &[&str]| Terminal::chat(&harness, profiles.path(), handle, more);

    let mut ann = chat("ann", &[])?;
    ann.expect("connected as ann").await;
    let mut bob = chat("bob", &["--to", "ann"])?;
    bob.expect("talking to ann").await;
    bob.say("hello ann").await;
    bob.expect("#1 sent ✓ to ann").await;
    assert!(ann.expect("bob: hello ann").await.contains(':'));
    ann.say("hello bob").await;
    ann.expect("sent ✓ to bob").await;
    bob.expect("ann: hello bob").await;

    // What one writes cannot command the other's terminal.
    bob.say("evil \u{1b}[2J\u{7} text").await;
    let line = ann.expect("evil").await;
    assert!(!line.contains('\u{1b}') && !line.contains('\u{7}'), "{line:?}");

    ann.kill().await;
    for n in 1..=3 {
        bob.say(&format!("while you were away {n}")).await;
        bob.expect("sent ✓").await;
    }
    let mut ann = chat("ann", &[])?;
    for n in 1..=3 {
        ann.expect(&format!("bob: while you were away {n}")).await;
    }
    ann.expect("caught up: 3 missed messages").await;
    assert!(!ann.saw("hello ann") && !ann.saw("evil"), "nothing is shown twice:\n{}", ann.transcript());

    ann.say("/quit").await;
    assert!(ann.exited().await, "leaving is a success");
    drop(bob);
    harness.finish().await
}

/// A message typed while the server is away survives the death of the terminal, and arrives once.
#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_survives_the_gateway_and_the_terminal() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let chat = |handle: &str, more: &[&str]| Terminal::chat(&harness, profiles.path(), handle, more);

    let mut bob = chat("bob", &[])?;
    bob.expect("connected as bob").await;
    let mut ann = chat("ann", &["--to", "bob"])?;
    ann.expect("connected as ann").await;
    harness.gateway(0).kill();
    ann.expect("reconnecting").await;
    ann.say("written in the dark").await;
    ann.expect("queued").await;
    ann.kill().await;
    harness.gateway(0).start().await?;
    let mut ann = chat("ann", &[])?;
    ann.expect("sending again to bob: written in the dark").await;
    ann.expect("sent ✓ to bob").await;
    bob.expect("ann: written in the dark").await;
    bob.expect("caught up").await;
    bob.say("/list").await;
    bob.expect("1. ann").await;
    assert_eq!(bob.count("written in the dark"), 1, "{}", bob.transcript());
    drop((ann, bob));
    harness.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_from_the_command_line() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let chat = |handle: &str, more: &[&str]| Terminal::chat(&harness, profiles.path(), handle, more);

    let mut bob = chat("bob", &[])?;
    bob.expect("connected as bob").await;
    let mut carol = chat("carol", &[])?;
    carol.expect("connected as carol").await;
    let mut ann = chat("ann", &["--group", "our team"])?;
    ann.expect("talking in #our team").await;
    ann.say("/add bob").await;
    ann.expect("bob is invited").await;
    bob.say("/invitations").await;
    bob.expect("1. #our team, by ann (1 member)").await;
    bob.say("/accept 1").await;
    bob.expect("#our team: you are now here, added by ann").await;
    ann.say("/add carol").await;
    ann.expect("carol is invited").await;
    carol.say("/invitations").await;
    carol.expect("1. #our team, by ann (2 members)").await;
    carol.say("/accept 1").await;
    carol.expect("#our team: you are now here, added by ann").await;
    bob.expect("carol is now here").await;
    carol.say("hello all").await;
    ann.expect("#our team carol: hello all").await;
    bob.expect("#our team carol: hello all").await;
    ann.say("/rename \"The Team\"").await;
    bob.expect("#The Team: renamed by ann").await;
    bob.say("/members").await;
    bob.expect("ann (owner)").await;
    bob.say("/rename x").await;
    bob.expect("greater role").await;
    bob.say("/leave").await;
    bob.expect("you left").await;
    ann.expect("bob left").await;
    ann.say("/remove carol").await;
    carol.expect("you removed by ann").await;
    ann.say("/add nobody_at_all").await;
    ann.expect("no such user").await;
    ann.say("/leave").await;
    ann.expect("you left").await;
    drop((ann, bob, carol));
    harness.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_commands() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    assert!(harness.relayctl(&["topology", "check"]).await?.contains("as declared"));
    assert!(harness.relayctl(&["topology", "plan"]).await?.contains("nothing to do"));
    assert!(harness.relayctl(&["topology", "apply"]).await?.contains("nothing to do"));
    assert!(harness.relayctl(&["migrate"]).await?.contains("up to date"));
    let keys = harness.relayctl(&["token", "list"]).await?;
    assert_eq!(keys.lines().count(), 1, "{keys}");
    harness.user("dave").await?;
    let shown = harness.relayctl(&["user", "show", "dave"]).await?;
    assert!(shown.contains("sessions  1"), "{shown}");
    assert!(harness.relayctl(&["user", "show", "erin"]).await.is_err());
    let doctor = harness.relayctl(&["doctor"]).await?;
    assert!(doctor.lines().filter(|line| line.starts_with("ok")).count() >= 6 && !doctor.contains("broken"), "{doctor}");
    // The harness lets NATS and Postgres write to disk when it suits them, which the doctor does not like.
    assert!(doctor.contains("Postgres' fsync is off") && doctor.contains("what an acknowledgement means is unknown"), "{doctor}");
    let monitor = harness.nats().monitor_url();
    let doctor = harness.relayctl(&["doctor", "--nats-monitor", &monitor]).await?;
    assert!(doctor.contains("sync_interval is not `always`"), "{doctor}");
    harness.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_is_content_with_the_default_durability() -> anyhow::Result<()> {
    let harness = Harness::builder().sync_always().durable_postgres().start().await?;
    let monitor = harness.nats().monitor_url();
    let doctor = harness.relayctl(&["doctor", "--nats-monitor", &monitor]).await?;
    assert!(doctor.lines().all(|line| line.starts_with("ok")) && doctor.contains("(A2)"), "{doctor}");
    harness.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_server_and_a_bad_configuration_have_their_own_statuses() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let run = |args: Vec<String>| async move {
        let output = tokio::process::Command::new(terminal::relayctl()).args(&args).output();
        let output = tokio::time::timeout(Duration::from_secs(30), output).await??;
        anyhow::Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let config = dir.path().join("relay.toml");
    std::fs::write(&config, "[postgres]\nurl = \"postgres://relay:s3cret@127.0.0.1:1/relay\"\n")?;
    let path = config.display().to_string();
    let (status, error) = run(vec!["--config".into(), path.clone(), "migrate".into()]).await?;
    assert_eq!(status, Some(69), "{error}");
    assert!(error.contains("Postgres") && error.contains("./relay up") && !error.contains("s3cret"), "{error}");
    let (status, error) = run(vec!["--config".into(), path.clone(), "topology".into(), "plan".into()]).await?;
    assert_eq!(status, Some(78), "{error}");
    assert!(error.contains("nats"), "{error}");
    std::fs::write(&config, "[postgres]\nurl = \"postgres://127.0.0.1/relay\"\nspeed = 9\n")?;
    let (status, error) = run(vec!["--config".into(), path, "migrate".into()]).await?;
    assert_eq!(status, Some(78), "{error}");
    assert!(error.contains("speed"), "{error}");
    let profiles = dir.path().display().to_string();
    let chat = ["chat", "ann", "--yes", "--api", "http://127.0.0.1:1", "--profiles", &profiles].map(str::to_owned);
    let (status, error) = run(chat.to_vec()).await?;
    assert_eq!(status, Some(69), "{error}");
    assert!(error.contains("./relay up"), "{error}");
    Ok(())
}
