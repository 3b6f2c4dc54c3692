//! Waiting for a state, bounded, and saying what was seen last.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::bail;

/// Between two looks. Short, because a look is cheap and tests are many.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until the state is as wished: `Ok` ends the wait, `Err` holds the state seen, which the failure prints.
///
/// # Panics
/// When `within` has passed, with `what` and the last state.
///
/// # Cancel safety
/// As cancel safe as `look`.
#[expect(clippy::panic, reason = "a test that waits in vain has failed")]
pub async fn wait_for<T, S, Fut>(what: &str, within: Duration, look: impl FnMut() -> Fut) -> T
where
    S: Debug,
    Fut: Future<Output = Result<T, S>>,
{
    match try_wait_for(what, within, look).await {
        Ok(value) => value,
        Err(error) => panic!("{error:#}"),
    }
}

/// As [`wait_for`], with an error instead of a panic.
pub async fn try_wait_for<T, S, Fut>(what: &str, within: Duration, mut look: impl FnMut() -> Fut) -> anyhow::Result<T>
where
    S: Debug,
    Fut: Future<Output = Result<T, S>>,
{
    let deadline = Instant::now() + within;
    let mut last: Option<S> = None;
    loop {
        // A look that hangs must not hang the test.
        match tokio::time::timeout_at(deadline.into(), look()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(state)) => last = Some(state),
            Err(_) => bail!("waited {within:?} for {what}; the last look did not end; seen before: {last:?}"),
        }
        if Instant::now() + PAUSE >= deadline {
            bail!("waited {within:?} for {what}; last seen: {last:?}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_returns_the_value_or_tells_the_last_state() {
        let mut looks = 0;
        let value = wait_for("three looks", Duration::from_secs(5), || {
            looks += 1;
            std::future::ready(if looks == 3 { Ok(looks) } else { Err(looks) })
        })
        .await;
        assert_eq!(value, 3);

        let never = || std::future::ready(Err::<(), _>("still red"));
        let error = try_wait_for("green", Duration::from_millis(60), never).await.unwrap_err().to_string();
        assert!(error.contains("green") && error.contains("still red"), "{error}");
    }
}
