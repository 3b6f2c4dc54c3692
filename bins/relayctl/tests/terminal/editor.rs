//! `relayctl chat` at a terminal: what is typed, what is seen, and what is left behind.

use relay_harness::Harness;
use rustix::process::Signal;

use super::Terminal;
use super::pty::Pty;

/// Ctrl-U takes a line away, Ctrl-Y brings it back.
const CTRL_U: &str = "\x15";
const CTRL_Y: &str = "\x19";
const CTRL_C: &str = "\x03";

fn pasted(text: &str) -> String {
    format!("\x1b[200~{text}\x1b[201~")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_line_stays_whole_goes_where_the_prompt_says_and_is_never_lost() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let pipe = |handle: &str, more: &[&str]| Terminal::chat(&harness, profiles.path(), handle, more);
    let mut bob = pipe("bob", &[])?;
    bob.expect("connected as @bob").await;
    let (api, gateway, profile) = (harness.api_url(), harness.gateway_url(0), profiles.path().display().to_string());
    let mut ann = Pty::chat(&["ann", "--yes", "--to", "bob", "--api", &api, "--gateway", &gateway, "--profiles", &profile])?;
    ann.shows("connected as @ann").await;

    // A message that arrives stands above the half-typed line, which is there whole.
    ann.keys("half a thou");
    ann.until("the typed text", |pty| pty.last_row().ends_with("> half a thou")).await;
    bob.say("/dm ann").await;
    bob.say("interrupting").await;
    ann.shows("@bob: interrupting").await;
    ann.until("the typed text below the message", |pty| {
        pty.last_row().starts_with("@ann to @bob") && pty.last_row().ends_with("> half a thou")
    })
    .await;
    ann.keys("ght\r");
    bob.expect("@ann: half a thought").await;

    // Keys that are pressed before the last line is dealt with are kept for the next.
    ann.keys("one\rtwo\rthr");
    bob.expect("@ann: one").await;
    bob.expect("@ann: two").await;
    ann.until("the third line", |pty| pty.last_row().ends_with("> thr")).await;
    ann.keys("ee\r");
    bob.expect("@ann: three").await;

    // A paste of several lines and more than a terminal's line is one message; a longer one than a message is kept.
    let paste = format!("first line\n{}\nlast line", "x".repeat(9_000));
    ann.keys(pasted(&paste));
    ann.until("the paste's end", |pty| pty.last_row().ends_with("last line")).await;
    assert!(!bob.saw("first line"), "nothing is sent before Enter");
    ann.keys("\r");
    bob.expect("@ann: first line").await;
    assert_eq!(bob.expect("xxx").await.matches('x').count(), 9_000);
    bob.expect("| last line").await;
    ann.keys(pasted("taken\nback"));
    ann.until("both lines", |pty| pty.last_row().ends_with("back")).await;
    ann.keys(CTRL_C);
    ann.until("an empty line", |pty| pty.last_row().trim_end().ends_with('>')).await;
    ann.keys(pasted(&format!("{} the end", "y".repeat(17_000))));
    ann.until("the long paste", |pty| pty.last_row().ends_with("the end")).await;
    ann.keys("\r");
    ann.shows("16384 bytes").await;
    ann.keys(CTRL_U);
    ann.until("an empty line", |pty| pty.last_row().trim_end().ends_with('>')).await;

    // Bytes that are no text end nothing.
    ann.keys(b"kept \xFF\xFE");
    ann.keys("x");
    ann.shows("not UTF-8").await;
    ann.until("the text before it", |pty| pty.last_row().ends_with("> kept")).await;
    ann.keys("and sent\r");
    bob.expect("@ann: kept and sent").await;

    // Removed while typing, and a stranger writes: the line goes nowhere else.
    let mut carol = pipe("carol", &[])?;
    carol.expect("connected as @carol").await;
    carol.say("/group club ann").await;
    carol.expect("talking in #\"club\"").await;
    ann.keys("/invitations\r");
    ann.shows("1. #\"club\", by @carol").await;
    ann.keys("/accept 1\r");
    ann.shows("#\"club\": you are now here").await;
    ann.keys("/list\r");
    ann.shows("1. #\"club\"").await;
    ann.keys("/switch 1\r");
    ann.shows("talking to #\"club\"").await;
    ann.keys("for the club");
    ann.until("the group in the prompt", |pty| pty.last_row().starts_with("@ann to #\"club\"")).await;
    carol.say("/remove ann").await;
    ann.shows("you removed by @carol").await;
    let mut dave = pipe("dave", &["--to", "ann"])?;
    dave.expect("connected as @dave").await;
    dave.say("psst").await;
    ann.shows("@dave: psst").await;
    ann.keys("\r");
    ann.shows("no longer in #\"club\"").await;
    ann.keys(CTRL_U);
    ann.keys("/dm bob\r");
    ann.until("bob in the prompt", |pty| pty.last_row().starts_with("@ann to @bob")).await;
    ann.keys(CTRL_Y);
    ann.until("the text again", |pty| pty.last_row().ends_with("> for the club")).await;
    ann.keys("\r");
    bob.expect("@ann: for the club").await;
    dave.say("/list").await;
    dave.expect("1. @ann").await;
    assert!(!dave.saw("for the club"), "{}", dave.transcript());

    // Ctrl-C takes a typed line back and the up key returns it; a signal leaves the terminal as it was.
    ann.keys("on second thoughts");
    ann.until("the typed line", |pty| pty.last_row().ends_with("> on second thoughts")).await;
    ann.keys(CTRL_C);
    ann.until("an empty line", |pty| pty.last_row().trim_end().ends_with('>')).await;
    ann.keys("\x1b[A");
    ann.until("the line from before", |pty| pty.last_row().ends_with("> on second thoughts")).await;
    assert!(!ann.is_as_shells_expect()?, "an editor is at work");
    ann.signal(Signal::TERM)?;
    assert_eq!(ann.ended().await?, 0);
    ann.until("the terminal as it was", |pty| pty.is_as_shells_expect().is_ok_and(|is| is)).await;
    drop((bob, carol, dave));

    // Ctrl-C at the password shows again what is typed.
    let mut zoe = Pty::chat(&["zoe", "--api", &api, "--gateway", &gateway, "--profiles", &profile])?;
    zoe.shows("Password for zoe").await;
    zoe.until("a hidden answer", |pty| pty.is_as_shells_expect().is_ok_and(|is| !is)).await;
    zoe.keys(format!("secret{CTRL_C}"));
    assert_eq!(zoe.ended().await?, 130);
    zoe.until("the terminal as it was", |pty| pty.is_as_shells_expect().is_ok_and(|is| is)).await;
    assert!(!zoe.seen().contains("secret"), "{}", zoe.seen());
    harness.finish().await
}
