//! One RelayHub for all tests of a binary that end nothing and need no settings of their own.
//!
//! The processes stand in a static, which is never dropped: the guard process ends them with us. Only handles are kept, so
//! that it does not matter which test's runtime started them. Each test visits with people of its own.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::{OnceCell, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::builder::HarnessBuilder;
use crate::harness::{Harness, Parts};
use crate::logs;

static STACK: OnceCell<Arc<Stack>> = OnceCell::const_new();

/// What suits every visitor: two gateways, nobody slowed down.
fn wanted() -> HarnessBuilder {
    const FAST: &str = "max_in_flight = 300\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";
    // All tests come from one address. A limit of 0 switches a rule off.
    const OPEN: &str = "[limits]\nrequests_per_address = { limit = 0, per_s = 1 }\n\
        registrations_per_address = { limit = 0, per_s = 1 }\nlogins_per_address = { limit = 0, per_s = 1 }";
    Harness::builder().gateways(2).config("gateway", FAST).config("api", OPEN)
}

#[derive(Debug)]
struct Stack {
    parts: Arc<Parts>,
    /// How far each process's log has been judged, in bytes.
    judged: Mutex<Vec<u64>>,
    /// The processes that were started; no visitor may end one.
    pids: Vec<Option<u32>>,
    visits: AtomicU32,
}

impl Stack {
    async fn start() -> anyhow::Result<Arc<Self>> {
        let parts = Arc::new(wanted().parts().await?);
        let pids: Vec<_> = parts.own().map(|process| process.pid()).collect();
        Ok(Arc::new(Self { judged: Mutex::new(vec![0; pids.len()]), pids, parts, visits: AtomicU32::new(0) }))
    }
}

/// Who else may be here.
#[derive(Debug)]
enum Company {
    Others { _guard: OwnedRwLockReadGuard<()> },
    Nobody { _guard: OwnedRwLockWriteGuard<()> },
}

/// One test's stay on the shared stack.
#[derive(Debug)]
pub(crate) struct Visit {
    stack: Arc<Stack>,
    number: u32,
    /// What stands before this in the logs was judged by others.
    from: Vec<u64>,
    _company: Company,
}

impl Visit {
    pub(crate) async fn begin(alone: bool) -> anyhow::Result<Self> {
        static VISITORS: OnceLock<Arc<RwLock<()>>> = OnceLock::new();
        let visitors = Arc::clone(VISITORS.get_or_init(Arc::default));
        let company = if alone {
            Company::Nobody { _guard: visitors.write_owned().await }
        } else {
            Company::Others { _guard: visitors.read_owned().await }
        };
        let stack = Arc::clone(STACK.get_or_try_init(Stack::start).await?);
        let number = stack.visits.fetch_add(1, Ordering::Relaxed);
        let from = stack.judged.lock().clone();
        Ok(Self { stack, number, from, _company: company })
    }

    pub(crate) fn parts(&self) -> Arc<Parts> {
        Arc::clone(&self.stack.parts)
    }

    /// A handle that no other test uses.
    pub(crate) fn handle(&self, wish: &str) -> String {
        format!("{wish}_{}", self.number)
    }

    /// A directory for this test alone.
    pub(crate) fn directory(&self) -> anyhow::Result<PathBuf> {
        let path = self.stack.parts.scratch.path().join(format!("visit-{}", self.number));
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// What the processes complained of since this visit began, or since somebody looked last before it. A complaint is
    /// told to every test that was there, since nobody knows whose it is.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let parts = &self.stack.parts;
        let mut complaints = Vec::new();
        for (index, process) in parts.own().enumerate() {
            if self.stack.pids.get(index) != Some(&process.pid()) {
                complaints.push(format!("{} is not the process that was started: a test has ended what all share", process.name()));
            }
            let from = self.from.get(index).copied().unwrap_or_default();
            let (errors, end) = logs::errors_from(process.name(), process.log_path(), from, &parts.expected);
            complaints.extend(errors);
            if let Some(judged) = self.stack.judged.lock().get_mut(index) {
                *judged = end.max(*judged);
            }
        }
        complaints
    }
}
