//! `./relay up`: from a fresh checkout to two people talking.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use relay_dev_servers::{Servers, WebTools};

use crate::cargo::Profile;
use crate::layout::Layout;
use crate::stack::Stack;
use crate::state::{self, Phase, State};
use crate::{cargo, supervise};

/// How long everything may take to become healthy, once built.
const READY_WITHIN: Duration = Duration::from_mins(5);
const POLL: Duration = Duration::from_millis(100);

/// How to run.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct UpArguments {
    /// Return when everything is healthy and leave it running
    #[arg(long)]
    detach: bool,
    /// Run optimised programs
    #[arg(long)]
    release: bool,
    /// Neither build nor serve the web client
    #[arg(long)]
    no_web: bool,
}

impl UpArguments {
    const fn profile(self) -> Profile {
        if self.release { Profile::Release } else { Profile::Dev }
    }
}

/// Installs, builds and starts everything.
pub async fn up(mut arguments: UpArguments) -> anyhow::Result<ExitCode> {
    let layout = Layout::open()?;
    let Some(lock) = lock_or_running(&layout).await? else { return Ok(ExitCode::SUCCESS) };
    prepare(&layout, &mut arguments).await?;
    say!("starting");
    if !arguments.detach {
        let stack = Stack::prepare(&layout, arguments.profile().bin_dir()?, !arguments.no_web)?;
        supervise::run(&layout, stack, lock, |state| {
            print_urls(state);
            say!("Ctrl-C stops everything.");
        })
        .await?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut child = spawn_supervisor(&layout, arguments, lock)?;
    let mut log = follow(&layout)?;
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        let ended = child.try_wait().context("could not ask for the supervisor")?;
        let state = State::load_live(&layout)?;
        copy_new(&mut log)?;
        match state.map(|state| (state.phase.clone(), state)) {
            Some((Phase::Ready, state)) => {
                print_urls(&state);
                say!("It runs in the background: ./relay status, ./relay logs -f, ./relay down.");
                return Ok(ExitCode::SUCCESS);
            }
            _ if ended.is_some() => bail!("the supervisor ended; see {}", layout.supervisor_log().display()),
            _ if Instant::now() >= deadline => bail!("not healthy after {READY_WITHIN:?}; see ./relay status and ./relay logs"),
            _ => tokio::time::sleep(POLL).await,
        }
    }
}

/// The detached process: everything after installing and building. Its standard input is the lock, held by `up` until now.
pub async fn supervise_detached(arguments: UpArguments) -> anyhow::Result<ExitCode> {
    // Out of the terminal's session, so that closing it does not end us. Fails only for a leader, who has one already.
    let _ = rustix::process::setsid();
    let layout = Layout::open()?;
    let lock = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let (given, expected) = (lock.metadata()?, std::fs::metadata(layout.lock())?);
    if (given.dev(), given.ino()) != (expected.dev(), expected.ino()) || lock.try_lock().is_err() {
        bail!("this command is for ./relay up --detach");
    }
    let stack = Stack::prepare(&layout, arguments.profile().bin_dir()?, !arguments.no_web)?;
    supervise::run(&layout, stack, lock, |_| say!("everything is healthy")).await?;
    Ok(ExitCode::SUCCESS)
}

async fn prepare(layout: &Layout, arguments: &mut UpArguments) -> anyhow::Result<()> {
    say!("installing servers and building programs (the first time takes some minutes)");
    let install = async {
        let began = Instant::now();
        Servers::ready().await.context("could not install the servers")?;
        say!("  servers installed ({:.1} s)", began.elapsed().as_secs_f64());
        Ok::<_, anyhow::Error>(())
    };
    let build = async {
        let began = Instant::now();
        cargo::build_programs(&layout.root, arguments.profile()).await?;
        say!("  programs built ({:.1} s)", began.elapsed().as_secs_f64());
        Ok(())
    };
    tokio::try_join!(install, build)?;
    if !arguments.no_web
        && let Err(error) = build_web_client().await
    {
        say!("  no web client: {error:#}");
        arguments.no_web = true;
    }
    Ok(())
}

/// Everything else runs without it.
async fn build_web_client() -> anyhow::Result<()> {
    let began = Instant::now();
    let tools = WebTools::ready().await?;
    tokio::task::spawn_blocking(move || tools.build_client()).await.context("the build was aborted")??;
    say!("  web client built ({:.1} s)", began.elapsed().as_secs_f64());
    Ok(())
}

/// The lock that makes us the one who starts things; `None` when everything runs already, which is then said. Waits for
/// another `up` or `down` that is at work.
async fn lock_or_running(layout: &Layout) -> anyhow::Result<Option<File>> {
    let deadline = Instant::now() + READY_WITHIN;
    let mut told = false;
    loop {
        if let Some(lock) = state::try_lock(layout)? {
            return Ok(Some(lock));
        }
        if let Some(state) = State::load_live(layout)?.filter(|state| state.phase == Phase::Ready) {
            say!("RelayHub is already running.");
            print_urls(&state);
            return Ok(None);
        }
        if Instant::now() >= deadline {
            bail!("another ./relay up has not become ready within {READY_WITHIN:?}");
        }
        if !std::mem::replace(&mut told, true) {
            say!("another ./relay up or down is at work; waiting for it");
        }
        tokio::time::sleep(POLL).await;
    }
}

fn spawn_supervisor(layout: &Layout, arguments: UpArguments, lock: File) -> anyhow::Result<std::process::Child> {
    // The last run's words are of no use now.
    let log = OpenOptions::new().create(true).write(true).truncate(true).open(layout.supervisor_log())?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("supervise").current_dir(&layout.root);
    for (given, flag) in [(arguments.release, "--release"), (arguments.no_web, "--no-web")] {
        if given {
            command.arg(flag);
        }
    }
    // The lock goes along without a moment in which another `up` could take it.
    command.stdin(lock).stdout(log.try_clone()?).stderr(log);
    command.spawn().context("could not start the supervisor")
}

fn follow(layout: &Layout) -> anyhow::Result<File> {
    let mut file = File::open(layout.supervisor_log()).context("could not read the supervisor's log")?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Shows what was added to the log since the last call.
fn copy_new(log: &mut File) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes)?;
    std::io::stdout().write_all(&bytes)?;
    Ok(())
}

fn print_urls(state: &State) {
    let urls = &state.urls;
    say!("");
    say!("RelayHub is up.");
    if let Some(web) = &urls.web {
        say!("  Open        {web}   in a browser");
    }
    say!("  API         {}/v1   (documents: /openapi.json, /asyncapi.json)", urls.api);
    say!("  WebSocket   {}/v1/ws", urls.gateway);
    say!("  NATS        {}   (user relay; password in .relay/relay.toml; monitoring {})", urls.nats, urls.nats_monitor);
    for (name, url) in &urls.admin {
        say!("  {:<11} {url}/readyz  {url}/metrics", format!("{name}:"));
    }
    say!("");
    say!("Next, in two terminals:");
    say!("  ./relay chat ann");
    say!("  ./relay chat bob      and there: /dm ann");
    say!("");
}
