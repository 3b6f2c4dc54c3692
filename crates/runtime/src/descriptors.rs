//! How many files and sockets the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For everything but connections: logs, servers, timers, the operators' listener.
const SPARE: usize = 512;

/// Of `wanted` connections as many as may be open at once: the soft limit is raised to the hard one first. Fewer are told to
/// the operator. Accepting more would fail in the middle of a connection, and in every other part of the process.
pub fn fitting(key: &'static str, wanted: usize) -> usize {
    let limit = raised();
    let fitting = fit(wanted, limit);
    if fitting < wanted {
        tracing::warn!(
            key,
            wanted,
            fitting,
            descriptors = limit,
            "the limit of open files allows fewer: raise it (ulimit -n, LimitNOFILE)"
        );
    }
    fitting
}

/// A process with very few still gets half of them.
fn fit(wanted: usize, limit: Option<u64>) -> usize {
    let Some(limit) = limit else { return wanted };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    wanted.min(limit.saturating_sub(SPARE).max(limit / 2)).max(1)
}

/// The limit in force; `None`: there is none.
fn raised() -> Option<u64> {
    let now = getrlimit(Resource::Nofile);
    let wished = Rlimit { current: now.maximum, maximum: now.maximum };
    if now.current != now.maximum
        && let Err(error) = setrlimit(Resource::Nofile, wished)
    {
        tracing::debug!(%error, "could not raise the limit of open files");
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_lowered() {
        assert_eq!(fit(50_000, None), 50_000);
        assert_eq!(fit(50_000, Some(1_048_576)), 50_000);
        assert_eq!(fit(50_000, Some(20_000)), 19_488);
        assert_eq!(fit(50_000, Some(256)), 128);
        assert_eq!(fit(50_000, Some(0)), 1);
    }

    #[test]
    fn the_process_may_open_what_it_is_told() {
        let limit = raised();
        assert!(limit.is_none_or(|limit| limit > 0), "{limit:?}");
        assert_eq!(fitting("test", 1), 1);
    }
}
