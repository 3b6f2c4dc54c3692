mod terminal;
use relay_harness::Harness;
use terminal::Terminal;
#[tokio::test(flavor = "multi_thread")]
async fn scratch() -> anyhow::Result<()> {
    let harness = Harness::start().await?;
    let profiles = tempfile::tempdir()?;
    let chat = |handle: &str, more: &[&str]| Terminal::chat(&harness, profiles.path(), handle, more);
    let mut bob = chat("bob", &[])?;
    bob.expect("connected as bob").await;
    let mut ann = chat("ann", &["--group", "our team"])?;
    ann.expect("talking in #our team").await;
    ann.say("/add bob").await;
    bob.expect("#our team: you are now here, added by ann").await;
    ann.say("/members").await;
    ann.expect("bob bob").await;
    ann.say("hi").await;
    println!("{}", ann.expect("sent").await);
    ann.say("/history").await;
    println!("{}", ann.expect("you: hi").await);
    bob.say("hi back").await;
    println!("{}", bob.expect("sent").await);
    ann.say("/history").await;
    println!("{}", ann.expect("hi back").await);
    println!("{}", ann.transcript());
    Ok(())
}
