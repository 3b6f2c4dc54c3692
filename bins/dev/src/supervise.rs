//! Keeping every process running until told to stop.

use std::fs::File;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::layout::Layout;
use crate::stack::Stack;
use crate::state::{Identity, Phase, ServiceState, State, now_ms};

const LOOK_EVERY: Duration = Duration::from_millis(250);
const FIRST_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY: Duration = Duration::from_secs(15);
/// A process that ran this long is not in a crash loop.
const SETTLED_AFTER: Duration = Duration::from_mins(1);

/// How one process fares.
struct Watch {
    since: Instant,
    since_ms: u64,
    restarts: u32,
    delay: Duration,
    /// Set while it is down: when it is started again.
    again_at: Option<Instant>,
}

impl Watch {
    fn new() -> Self {
        Self { since: Instant::now(), since_ms: now_ms(), restarts: 0, delay: FIRST_DELAY, again_at: None }
    }
}

/// Starts the stack and keeps it running until SIGTERM, SIGINT or SIGHUP; then stops it. `lock` makes us the supervisor.
pub async fn run(layout: &Layout, mut stack: Stack, lock: File, when_ready: impl FnOnce(&State)) -> anyhow::Result<()> {
    let mut stop = StopSignals::new()?;
    let supervisor = Identity::of(std::process::id()).unwrap_or(Identity { pid: std::process::id(), start: 0 });
    let write = |stack: &Stack, watches: &[Watch], phase: Phase| -> anyhow::Result<State> {
        let services = stack.parts.iter().zip(watches).map(|(part, watch)| ServiceState::of(part, watch.since_ms, watch.restarts));
        let state =
            State { phase, supervisor, services: services.collect(), urls: stack.urls.clone(), bin_dir: stack.bin_dir().to_owned() };
        state.save(layout)?;
        Ok(state)
    };

    let mut watches: Vec<Watch> = Vec::new();
    write(&stack, &watches, Phase::Starting)?;
    let mut progress = |stack: &Stack| {
        watches.push(Watch::new());
        write(stack, &watches, Phase::Starting).map(|_| ())
    };
    let started = tokio::select! {
        started = Box::pin(stack.start(&mut progress)) => Some(started),
        () = stop.recv() => None,
    };
    let outcome = match started {
        Some(Ok(())) => {
            when_ready(&write(&stack, &watches, Phase::Ready)?);
            watch(&stack, &mut watches, &mut stop, |watches| write(&stack, watches, Phase::Ready).map(|_| ())).await
        }
        Some(Err(error)) => Err(error),
        None => Ok(()),
    };
    let reason = outcome.as_ref().err().map(|error| format!("{error:#}"));
    say!("stopping");
    write(&stack, &watches, Phase::Stopping)?;
    tokio::select! {
        () = stack.stop() => {}
        () = stop.recv() => say!("second signal: killing what is left"),
    }
    match reason {
        Some(reason) => drop(write(&stack, &watches, Phase::Failed { reason })?),
        None => std::fs::remove_file(layout.state())?,
    }
    drop(lock);
    outcome
}

/// Restarts what dies, with growing delays, until a stop signal.
async fn watch(
    stack: &Stack,
    watches: &mut [Watch],
    stop: &mut StopSignals,
    changed: impl Fn(&[Watch]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.recv() => return Ok(()),
        }
        let mut any = false;
        for (part, watch) in stack.parts.iter().zip(watches.iter_mut()) {
            if part.is_running() {
                continue;
            }
            any = true;
            match watch.again_at {
                None => {
                    if watch.since.elapsed() >= SETTLED_AFTER {
                        watch.delay = FIRST_DELAY;
                    }
                    let exit = part.last_exit().map_or_else(|| "unknown".to_owned(), |exit| exit.to_string());
                    say!("{} ended ({exit}); starting it again in {:?}", part.name(), watch.delay);
                    watch.again_at = Some(Instant::now() + watch.delay);
                    watch.delay = (watch.delay * 2).min(MAX_DELAY);
                }
                Some(at) if Instant::now() >= at => {
                    // Health is the business of `status`; a process that cannot live ends and is seen here again.
                    if let Err(error) = part.spawn() {
                        say!("{} does not start: {error:#}", part.name());
                    }
                    (watch.since, watch.since_ms, watch.again_at) = (Instant::now(), now_ms(), None);
                    watch.restarts += 1;
                }
                Some(_) => {}
            }
        }
        if any {
            changed(watches)?;
        }
    }
}

/// The signals that end a run.
struct StopSignals {
    signals: [Signal; 3],
}

impl StopSignals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { signals: [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?] })
    }

    async fn recv(&mut self) {
        let [terminate, interrupt, hangup] = &mut self.signals;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
