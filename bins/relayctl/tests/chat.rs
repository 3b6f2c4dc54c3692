//! `relayctl chat` as people use it, against real servers: lines in, lines out.

mod terminal;

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use relay_harness::Harness;
use terminal::Terminal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Two terminals, one of them killed and coming back to exactly what it missed.
#[tokio::test(flavor = "multi_thread")]
async fn two_terminals_talk_and_the_killed_one_comes_back_to_what_it_missed() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let chat = |handle: &str, more: &[&str]| Terminal::chat(&harness, profiles.path(), handle, more);

    let mut ann = chat("ann", &[])?;
    ann.expect("connected as @ann").await;
    let mut bob = chat("bob", &["--to", "ann"])?;
    bob.expect("talking to @ann").await;
    bob.say("hello ann").await;
    bob.expect("#1 sent ✓ to @ann").await;
    assert!(ann.expect("@bob: hello ann").await.contains(':'));
    ann.say("hello bob").await;
    ann.expect("sent ✓ to @bob").await;
    bob.expect("@ann: hello bob").await;

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
        ann.expect(&format!("@bob: while you were away {n}")).await;
    }
    ann.expect("caught up: 3 missed messages").await;
    assert!(!ann.saw("hello ann") && !ann.saw("evil"), "nothing is shown twice:\n{}", ann.transcript());

    ann.say("/quit").await;
    assert!(ann.exited().await, "leaving is a success");
    drop(bob);
    harness.finish().await
}

/// Answers and edits, by number and without.
#[tokio::test(flavor = "multi_thread")]
async fn two_terminals_answer_and_edit() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let chat = |handle: &str, more: &[&str]| Terminal::chat(&harness, profiles.path(), handle, more);

    let mut ann = chat("ann", &[])?;
    ann.expect("connected as @ann").await;
    let mut bob = chat("bob", &["--to", "ann"])?;
    bob.expect("talking to @ann").await;
    bob.say("at sevn").await;
    ann.expect("@bob: at sevn").await;
    ann.say("/reply fine").await;
    bob.expect("(to you: at sevn): fine").await;
    bob.say("/edit at seven").await;
    bob.expect("#2 sent ✓").await;
    ann.expect("@bob changed a message: at seven").await;
    // A quote says what the message says now.
    ann.say("/history").await;
    ann.expect("(to @bob: at seven): fine").await;
    ann.say("/versions #2").await;
    ann.expect(": at sevn").await;
    ann.say("/edit #2 not mine").await;
    ann.expect("somebody else sent the message").await;
    ann.say("/reply #9 nobody").await;
    ann.expect("no such number").await;
    drop((ann, bob));
    harness.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_terminals_delete() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let chat = |handle: &str, more: &[&str]| Terminal::chat(&harness, profiles.path(), handle, more);

    let mut ann = chat("ann", &[])?;
    ann.expect("connected as @ann").await;
    let mut bob = chat("bob", &["--to", "ann"])?;
    bob.expect("talking to @ann").await;
    bob.say("one").await;
    ann.expect("@bob: one").await;
    bob.say("two").await;
    ann.expect("@bob: two").await;
    bob.say("/delete").await;
    bob.expect("#3 sent ✓").await;
    ann.expect("@bob deleted a message").await;
    ann.say("/history").await;
    ann.expect("(this message was erased)").await;
    ann.say("/delete #2").await;
    ann.expect("somebody else sent the message").await;
    ann.say("/delete-for-me #2").await;
    ann.expect("you will not see that message again").await;
    bob.say("/history").await;
    bob.expect("#2 ").await;
    bob.say("/delete #9").await;
    bob.expect("no such number").await;
    drop((ann, bob));
    harness.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_terminals_react() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let chat = |handle: &str, more: &[&str]| Terminal::chat(&harness, profiles.path(), handle, more);

    let mut ann = chat("ann", &[])?;
    ann.expect("connected as @ann").await;
    let mut bob = chat("bob", &["--to", "ann"])?;
    bob.expect("talking to @ann").await;
    bob.say("one").await;
    ann.expect("@bob: one").await;
    ann.say("/history").await;
    ann.expect("#1 ").await;
    ann.say("/react #1 👍").await;
    bob.expect("@ann reacts with 👍 to a message").await;
    bob.say("/history").await;
    bob.expect("[👍 1]").await;
    bob.say("/react #1 thumbs").await;
    bob.expect("that is not one emoji").await;
    bob.say("/react #1").await;
    bob.expect("an emoji is missing").await;
    ann.say("/unreact #1 👍").await;
    bob.expect("@ann no longer reacts with 👍").await;
    drop((ann, bob));
    harness.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_terminals_talk_in_a_thread() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let chat = |handle: &str, more: &[&str]| Terminal::chat(&harness, profiles.path(), handle, more);

    let mut ann = chat("ann", &[])?;
    ann.expect("connected as @ann").await;
    let mut bob = chat("bob", &["--to", "ann"])?;
    bob.expect("talking to @ann").await;
    bob.say("the root of it").await;
    ann.expect("@bob: the root of it").await;
    ann.say("/history").await;
    ann.expect("#1 ").await;
    ann.say("/thread #1 under it").await;
    bob.expect("↳ you: the root of it: under it").await;
    bob.say("/history").await;
    bob.expect("[1 in its thread]").await;
    bob.say("/thread #1").await;
    bob.expect("↳ you: the root of it: under it").await;
    drop((ann, bob));
    harness.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_terminals_pin() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let chat = |handle: &str, more: &[&str]| Terminal::chat(&harness, profiles.path(), handle, more);

    let mut ann = chat("ann", &[])?;
    ann.expect("connected as @ann").await;
    let mut bob = chat("bob", &["--to", "ann"])?;
    bob.expect("talking to @ann").await;
    bob.say("/pins").await;
    bob.expect("nothing is pinned here").await;
    bob.say("the address").await;
    ann.expect("@bob: the address").await;
    ann.say("/history").await;
    ann.expect("#1 ").await;
    ann.say("/pin #1").await;
    bob.expect("@ann pinned a message").await;
    bob.say("/pins").await;
    bob.expect("pinned by @ann").await;
    assert!(bob.saw("you: the address"));
    ann.say("/pin #1").await;
    ann.expect("already_pinned").await;
    ann.say("/unpin #1").await;
    bob.expect("@ann unpinned a message").await;
    bob.say("/unpin").await;
    bob.expect("/unpin #<number of the history>").await;
    drop((ann, bob));
    harness.finish().await
}

/// A message typed while the server is away survives the death of the terminal, and arrives once.
#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_survives_the_gateway_and_the_terminal() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let chat = |handle: &str, more: &[&str]| Terminal::chat(&harness, profiles.path(), handle, more);

    let mut bob = chat("bob", &[])?;
    bob.expect("connected as @bob").await;
    let mut ann = chat("ann", &["--to", "bob"])?;
    ann.expect("connected as @ann").await;
    harness.gateway(0).kill();
    ann.expect("reconnecting").await;
    ann.say("written in the dark").await;
    ann.expect("queued").await;
    ann.kill().await;
    harness.gateway(0).start().await?;
    let mut ann = chat("ann", &[])?;
    ann.expect("sending again to @bob: written in the dark").await;
    ann.expect("sent ✓ to @bob").await;
    bob.expect("@ann: written in the dark").await;
    bob.expect("caught up").await;
    bob.say("/list").await;
    bob.expect("1. @ann").await;
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
    bob.expect("connected as @bob").await;
    let mut carol = chat("carol", &[])?;
    carol.expect("connected as @carol").await;
    let mut ann = chat("ann", &["--group", "our team"])?;
    ann.expect(r#"talking in #"our team""#).await;
    ann.say("/add bob").await;
    ann.expect("@bob is invited").await;
    bob.say("/invitations").await;
    bob.expect(r#"1. #"our team", by @ann (1 member)"#).await;
    bob.say("/accept 1").await;
    bob.expect(r#"#"our team": you are now here, added by @ann"#).await;
    ann.say("/add carol").await;
    ann.expect("@carol is invited").await;
    carol.say("/invitations").await;
    carol.expect(r#"1. #"our team", by @ann (2 members)"#).await;
    carol.say("/accept 1").await;
    carol.expect(r#"#"our team": you are now here, added by @ann"#).await;
    bob.expect("@carol is now here").await;
    carol.say("hello all").await;
    ann.expect(r#"#"our team" @carol: hello all"#).await;
    bob.expect(r#"#"our team" @carol: hello all"#).await;
    ann.say("/rename \"The Team\"").await;
    bob.expect(r#"#"The Team": renamed by @ann"#).await;
    bob.say("/members").await;
    bob.expect("@ann (owner)").await;
    bob.say("/rename x").await;
    bob.expect("greater role").await;
    bob.say("/leave").await;
    bob.expect("you left").await;
    ann.expect("@bob left").await;
    ann.say("/remove carol").await;
    carol.expect("you removed by @ann").await;
    ann.say("/add nobody_at_all").await;
    ann.expect("no such user").await;
    ann.say("/leave").await;
    ann.expect("you left").await;
    drop((ann, bob, carol));
    harness.finish().await
}

/// One run with everything it is to send on standard input: its status, and all it printed.
async fn script(harness: &Harness, profiles: &Path, args: &[&str], input: &[u8]) -> anyhow::Result<(Option<i32>, String)> {
    let mut command = tokio::process::Command::new(terminal::relayctl());
    command.args(["chat", "--yes", "--profiles"]).arg(profiles);
    if !args.contains(&"--api") {
        command.args(["--api", &harness.api_url()]);
    }
    if !args.contains(&"--gateway") {
        command.args(["--gateway", &harness.gateway_url(0)]);
    }
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().context("no input")?;
    // A client that ends at once does not read.
    let _ = stdin.write_all(input).await;
    drop(stdin);
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await??;
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Ok((output.status.code(), said))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_learns_what_became_of_its_lines() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let mut bob = Terminal::chat(&harness, profiles.path(), "bob", &["--name", "(owner) \"The Boss\""])?;
    bob.expect("connected as @bob").await;
    let run = |args: &'static [&'static str], input: &'static [u8]| script(&harness, profiles.path(), args, input);

    let long: &[u8] = &[vec![b'x'; 6_000], b" and its end\n".to_vec()].concat();
    let (status, said) = script(&harness, profiles.path(), &["ann", "--to", "bob"], long).await?;
    assert_eq!(status, Some(0), "{said}");
    let line = bob.expect("and its end").await;
    assert!(line.matches('x').count() == 6_000 && line.contains("@ann: x"), "nothing is cut: {line}");

    let (status, said) = run(&["ann", "--to", "bob"], b"no \xFF text\nbut this is\n/quit\n").await?;
    assert!(status == Some(1) && said.contains("not UTF-8"), "{status:?} {said}");
    bob.expect("but this is").await;
    for (what, args, input, expected, word) in [
        ("an unknown handle", &["ann", "--to", "nobody_at_all"][..], &b"hello\n"[..], 1, "no such user"),
        ("nobody to send to", &["zoe"], b"hello\n", 1, "nobody to talk to"),
        ("an unknown command", &["ann", "--to", "bob"], b"/shout\n", 1, "no such command"),
        ("an address that is none", &["ann", "--to", "bob", "--gateway", "nonsense"], b"hello\n", 78, "ws://"),
        ("nobody at the address", &["ann", "--to", "bob", "--gateway", "ws://127.0.0.1:1"], b"in the dark\n", 69, "refused"),
        ("nothing to do", &["ann"], b"", 0, ""),
    ] {
        let (status, said) = script(&harness, profiles.path(), args, input).await?;
        assert!(status == Some(expected) && said.contains(word), "{what}: {status:?} {said}");
    }
    bob.expect("@ann: in the dark").await;

    // Two groups of one title: which one is meant is not guessed, and an id says it.
    let (status, said) = run(&["ann"], b"/group twins bob\n").await?;
    assert!(status == Some(0) && said.contains("1 person joins by accepting"), "{status:?} {said}");
    bob.say("/invitations").await;
    bob.expect(r#"1. #"twins", by @ann"#).await;
    bob.say("/accept 1").await;
    bob.expect(r#"#"twins": you are now here"#).await;
    // Now they know each other: the second needs no answer.
    let (status, said) = run(&["ann"], b"/group twins bob\n").await?;
    assert!(status == Some(0) && !said.contains("accepting"), "{status:?} {said}");
    let (status, said) = run(&["ann", "--group", "twins"], b"to whom?\n").await?;
    assert!(status == Some(1) && said.contains("several groups"), "{status:?} {said}");
    let id = said.trim().rsplit(", ").next().context("no ids")?.to_owned();
    let (status, said) = script(&harness, profiles.path(), &["ann", "--group", &id], b"to this one\n/members\n").await?;
    assert_eq!(status, Some(0), "{said}");
    // A name is in quotes, which it cannot close.
    assert!(said.contains("@bob (member) \"(owner) 'The Boss'\"") && said.contains("@ann (owner) \"ann\""), "{said}");
    bob.expect("@ann: to this one").await;
    assert!(!bob.saw("to whom?"), "{}", bob.transcript());
    harness.finish().await
}

/// Whatever connects is passed on; the other address of the same server.
#[expect(clippy::disallowed_methods, reason = "a test has no supervisor: the task ends with its runtime")]
async fn other_door(to: String) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let Ok(mut server) = TcpStream::connect(&to).await else { continue };
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    Ok(address)
}

/// Another server: it has a key of its own and writes down what it is told.
#[expect(clippy::disallowed_methods, reason = "a test has no supervisor: the task ends with its runtime")]
async fn other_server(told: Arc<Mutex<Vec<u8>>>) -> anyhow::Result<String> {
    let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"01ARZ3NDEKTSV4RRFFQ69G5FAV","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let answer =
        |status: &str, body: &str| format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (found, refused) = (answer("200 OK", keys), answer("404 Not Found", "nothing here"));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = vec![0; 64 * 1024];
            let read = client.read(&mut request).await.unwrap_or(0);
            request.truncate(read);
            let answer = if request.starts_with(b"GET /.well-known/jwks.json") { &found } else { &refused };
            let _ = client.write_all(answer.as_bytes()).await;
            if let Ok(mut told) = told.lock() {
                told.extend(request);
            }
        }
    });
    Ok(address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_belongs_to_a_server_and_not_to_a_port() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let (status, said) = script(&harness, profiles.path(), &["ann"], b"").await?;
    assert!(status == Some(0) && said.contains("your account is new"), "{said}");
    let door = other_door(harness.api_url().trim_start_matches("http://").to_owned()).await?;
    let (status, said) = script(&harness, profiles.path(), &["ann", "--api", &door], b"").await?;
    assert!(status == Some(0) && !said.contains("new"), "{said}");
    let shown = harness.relayctl(&["user", "show", "ann"]).await?;
    assert!(shown.contains("sessions  1"), "the session goes on at another port: {shown}");

    let told = Arc::new(Mutex::new(Vec::new()));
    let stranger = other_server(Arc::clone(&told)).await?;
    let (status, said) = script(&harness, profiles.path(), &["ann", "--api", &stranger], b"").await?;
    assert_eq!(status, Some(69), "{said}");
    let told = told.lock().map(|told| String::from_utf8_lossy(&told).into_owned()).unwrap_or_default();
    assert!(told.contains("/v1/auth/register") && !told.contains("refresh") && !told.contains("Bearer"), "{told}");
    harness.finish().await
}

/// Makes the kept access token one that every client renews at its start.
fn wear_out(profiles: &Path) -> anyhow::Result<()> {
    let server = std::fs::read_dir(profiles)?.next().context("no server")??.path();
    let path = server.join("ann/tokens.json");
    let mut tokens: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
    *tokens.pointer_mut("/access_token").context("no access token")? = "worn out".into();
    Ok(std::fs::write(&path, tokens.to_string())?)
}

/// Whatever a killed client was in the middle of, the next one goes on with its session.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_killed_at_its_start_keeps_its_session() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let (status, said) = script(&harness, profiles.path(), &["ann"], b"").await?;
    assert_eq!(status, Some(0), "{said}");
    for n in 0..40 {
        wear_out(profiles.path())?;
        let ann = Terminal::chat(&harness, profiles.path(), "ann", &[])?;
        // Killed at some moment of what a start does.
        let _ = tokio::time::timeout(Duration::from_millis(n * 5), std::future::pending::<()>()).await;
        ann.kill().await;
    }
    let mut ann = Terminal::chat(&harness, profiles.path(), "ann", &[])?;
    ann.expect("connected as @ann").await;
    let shown = harness.relayctl(&["user", "show", "ann"]).await?;
    assert!(shown.contains("sessions  1"), "{shown}");
    drop(ann);
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
