//! What a run came to, for programs and for people.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use relay_checkers::history::{Amendment, Answer, History};
use relay_checkers::{Check, Verdict};
use serde::Serialize;

use crate::judge::Facts;
use crate::nemesis::Window;
use crate::workload::{LoginRole, Population};

/// One JSON object.
#[derive(Debug, Serialize)]
pub struct Report {
    pub seed: u64,
    pub seconds: u64,
    /// Distinct messages that were acknowledged.
    pub acked: u64,
    /// Messages that devices were told of.
    pub delivered: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub reordered: u64,
    pub phantom: u64,
    pub unaccounted: u64,
    /// Sends whose outcome nobody knows; each exists once or not at all.
    pub unknown: u64,
    pub refused: u64,
    /// Every other promise that was broken, by name.
    pub broken: BTreeMap<String, u64>,
    pub kills: BTreeMap<&'static str, u64>,
    pub kills_total: u64,
    /// A fault that did not heal, or that something after it did not come to rest from; the run ended with it.
    pub unhealed: Option<String>,
    /// Processes that ended by themselves and were started again, as after a new epoch.
    pub restarts: u64,
    pub recovery_ms: Recovery,
    /// Of acknowledgements, from the call: before the first fault, while one lasted, and between them.
    pub p99_ms: P99,
    pub faults: BTreeMap<&'static str, OfFault>,
    /// Faults that this machine does not allow, and why.
    pub skipped: BTreeMap<&'static str, String>,
    pub ack_level: &'static str,
    /// What the product's own verification found; empty when nothing.
    pub verify: String,
    /// Devices that were still behind when everything had been at rest for two minutes.
    pub behind: u64,
    /// Holes that the SDK found in what a gateway sent, and closed by connecting again.
    pub gaps: u64,
    /// Times that a device was told to reload.
    pub resets: u64,
    /// Times that a device was told that somebody types. Not judged for loss.
    pub typing: u64,
    /// Of these, in a room that the device had been told to be out of, or of itself.
    pub typing_astray: u64,
    /// Reads right after an acknowledgement, and changes of membership, that were judged.
    pub reads: u64,
    pub membership_changes: u64,
    /// Edits, and deletions for everyone, that are in the log and that every device was judged by.
    pub edits: u64,
    pub deletions: u64,
    /// The same of reactions, also those taken back.
    pub reactions: u64,
    /// The first violations of each promise.
    pub samples: Vec<String>,
}

/// How long sending did not work: of each fault, the longest wait for an acknowledgement among the probers' messages.
#[derive(Debug, Serialize, Default)]
pub struct Recovery {
    pub p50: f64,
    pub max: f64,
}

#[derive(Debug, Serialize, Default)]
pub struct P99 {
    pub before: f64,
    pub during: f64,
    pub after: f64,
    /// While a gateway was away, of clients of the other ones.
    pub unaffected: f64,
}

/// One kind of fault.
#[derive(Debug, Serialize, Default)]
pub struct OfFault {
    pub count: u64,
    pub recovery_ms: Recovery,
    pub p99_during_ms: f64,
    pub p99_unaffected_ms: f64,
}

impl Report {
    pub fn of(history: &History, verdict: &Verdict, facts: &Facts, verify: String) -> Self {
        let count = |check| verdict.count(check);
        let named = [Check::Loss, Check::Duplicate, Check::Phantom, Check::Unaccounted];
        let ordered = [Check::Order, Check::SessionOrder, Check::Gap];
        let others = verdict.counts().iter().filter(|(check, _)| !named.contains(check) && !ordered.contains(check));
        let latencies = Latencies::of(history, facts);
        let amended = |which: fn(&&Amendment) -> bool| history.amendments.iter().filter(which).count() as u64;
        let mut samples: Vec<String> =
            verdict.samples().iter().map(|violation| format!("{}: {}", violation.check, violation.detail)).collect();
        samples.extend(facts.behind.iter().take(20).map(|(device, room, should, has)| {
            let role = facts.population.logins.get(*device).map(|login| login.role);
            format!("device {device} ({role:?}) is behind in room {room}: {has} instead of {should}")
        }));
        let all: Vec<f64> = facts.outcome.windows.iter().filter_map(|window| latencies.recovery_ms(window)).collect();
        Self {
            seed: facts.seed,
            seconds: facts.ended_us.saturating_sub(facts.began_us) / 1_000_000,
            acked: verdict.acked,
            delivered: verdict.delivered,
            lost: count(Check::Loss),
            duplicated: count(Check::Duplicate),
            reordered: ordered.into_iter().map(count).sum(),
            phantom: count(Check::Phantom),
            unaccounted: count(Check::Unaccounted),
            unknown: verdict.unknown,
            refused: verdict.refused,
            broken: others.map(|(check, count)| (check.to_string(), *count)).collect(),
            kills: facts.outcome.kills.clone(),
            kills_total: facts.outcome.kills.values().sum(),
            unhealed: facts.outcome.unhealed.clone(),
            restarts: facts.restarts,
            recovery_ms: recovery(all),
            p99_ms: latencies.overall(&facts.outcome.windows, facts),
            faults: latencies.by_fault(&facts.outcome.windows),
            skipped: facts.outcome.skipped.clone(),
            ack_level: "A3",
            verify,
            behind: facts.behind.len() as u64,
            gaps: facts.gaps,
            resets: facts.resets,
            typing: facts.typing,
            typing_astray: facts.typing_astray,
            reads: history.reads.len() as u64,
            membership_changes: history.membership.len() as u64,
            edits: amended(|amendment| amendment.text.is_some()),
            deletions: amended(|amendment| amendment.text.is_none()),
            reactions: history.reacted.len() as u64,
            samples,
        }
    }

    /// Whether every promise held.
    pub fn passed(&self) -> bool {
        let zeros = [self.lost, self.duplicated, self.reordered, self.phantom, self.unaccounted];
        zeros.iter().all(|count| *count == 0)
            && self.broken.is_empty()
            && self.unhealed.is_none()
            && self.verify.is_empty()
            && self.behind == 0
            && self.gaps == 0
            && self.typing_astray == 0
            && self.acked > 0
    }

    /// For a terminal.
    pub fn for_people(&self) -> String {
        let kills = self.kills.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ");
        let mut lines = vec![
            format!("{} (seed {}, {} s)", if self.passed() { "nothing lost" } else { "PROMISES BROKEN" }, self.seed, self.seconds),
            format!("acked {}, delivered {}, unknown {}, refused {}", self.acked, self.delivered, self.unknown, self.refused),
            format!(
                "lost {}, duplicated {}, reordered {}, phantom {}, unaccounted {}",
                self.lost, self.duplicated, self.reordered, self.phantom, self.unaccounted
            ),
            format!("edited {}, deleted {}, reacted {}", self.edits, self.deletions, self.reactions),
            format!("kills: {} ({kills}); restarts by themselves: {}", self.kills_total, self.restarts),
            format!("recovery: p50 {:.0} ms, max {:.0} ms", self.recovery_ms.p50, self.recovery_ms.max),
            format!(
                "ack p99: {:.0} ms before, {:.0} ms during faults, {:.0} ms between them; {:.0} ms on the other gateway while one was away",
                self.p99_ms.before, self.p99_ms.during, self.p99_ms.after, self.p99_ms.unaffected
            ),
        ];
        lines.extend(self.faults.iter().map(|(name, fault)| {
            format!(
                "  {name:26} {:4}x  recovery p50 {:6.0} max {:6.0} ms  p99 {:6.0} ms",
                fault.count, fault.recovery_ms.p50, fault.recovery_ms.max, fault.p99_during_ms
            )
        }));
        lines.extend(self.broken.iter().map(|(name, count)| format!("broken: {name}: {count}")));
        lines.extend(self.unhealed.iter().map(|what| format!("did not heal: {what}")));
        lines.extend(self.skipped.iter().map(|(name, why)| format!("not done: {name}: {why}")));
        if !self.verify.is_empty() {
            lines.push(format!("relayctl verify: {}", self.verify));
        }
        lines.extend(self.samples.iter().cloned());
        if !self.passed() {
            lines.push(format!("again: ./relay chaos --seed {} and this run's other options", self.seed));
        }
        lines.join("\n")
    }
}

/// When each kind of sender called and was answered, ascending by call.
struct Latencies {
    /// By prober.
    probers: Vec<Vec<(u64, u64)>>,
    /// By gateway.
    pinned: Vec<Vec<(u64, u64)>>,
    all: Vec<(u64, u64)>,
}

impl Latencies {
    fn of(history: &History, facts: &Facts) -> Self {
        let mut this = Self { probers: Vec::new(), pinned: Vec::new(), all: Vec::new() };
        for send in &history.sends {
            let Answer::Acked { at_us, .. } = send.answer else { continue };
            let sample = (send.called_us, at_us);
            this.all.push(sample);
            match role(&facts.population, send.device) {
                Some(LoginRole::Prober { index }) => put(&mut this.probers, index, sample),
                Some(LoginRole::Pinned { gateway }) => put(&mut this.pinned, gateway, sample),
                _ => {}
            }
        }
        this
    }

    /// The longest that a prober's message waited that was sent while the fault lasted: how long sending did not work.
    fn recovery_ms(&self, window: &Window) -> Option<f64> {
        let upto = window.recovered_us.unwrap_or(window.healed_us).max(window.healed_us);
        let sent = self.probers.iter().flatten().filter(|(called, _)| (window.injected_us..upto).contains(called));
        sent.map(|(called, at)| at.saturating_sub(*called)).max().map(ms)
    }

    fn within(&self, samples: &[(u64, u64)], from: u64, upto: u64) -> Option<f64> {
        let _ = self;
        let begin = samples.partition_point(|(called, _)| *called < from);
        let end = samples.partition_point(|(called, _)| *called < upto);
        p99(samples.get(begin..end).unwrap_or_default())
    }

    fn of_unaffected(&self, windows: &[&Window]) -> f64 {
        let mut samples = Vec::new();
        for window in windows {
            for gateway in &window.unaffected {
                let all = self.pinned.get(*gateway).map(Vec::as_slice).unwrap_or_default();
                samples.extend(all.iter().filter(|(called, _)| (window.injected_us..window.healed_us).contains(called)));
            }
        }
        p99(&samples).unwrap_or(0.0)
    }

    fn overall(&self, windows: &[Window], facts: &Facts) -> P99 {
        let first = windows.first().map_or(facts.ended_us, |window| window.injected_us);
        let during: Vec<(u64, u64)> = windows.iter().flat_map(|window| self.samples_of(window)).collect();
        let mut after = Vec::new();
        for pair in windows.windows(2) {
            if let [one, next] = pair {
                let from = one.recovered_us.unwrap_or(one.healed_us);
                after.extend(self.all.iter().filter(|(called, _)| (from..next.injected_us).contains(called)));
            }
        }
        let away: Vec<&Window> = windows.iter().filter(|window| window.fault.starts_with("gateway-kill")).collect();
        P99 {
            before: self.within(&self.all, facts.began_us, first).unwrap_or(0.0),
            during: p99(&during).unwrap_or(0.0),
            after: p99(&after).unwrap_or(0.0),
            unaffected: self.of_unaffected(&away),
        }
    }

    fn samples_of(&self, window: &Window) -> Vec<(u64, u64)> {
        let upto = window.recovered_us.unwrap_or(window.healed_us).max(window.healed_us);
        let begin = self.all.partition_point(|(called, _)| *called < window.injected_us);
        let end = self.all.partition_point(|(called, _)| *called < upto);
        self.all.get(begin..end).unwrap_or_default().to_vec()
    }

    fn by_fault(&self, windows: &[Window]) -> BTreeMap<&'static str, OfFault> {
        let mut kinds: BTreeMap<&'static str, Vec<&Window>> = BTreeMap::new();
        for window in windows {
            kinds.entry(window.fault).or_default().push(window);
        }
        let of = |windows: Vec<&Window>| {
            let samples: Vec<(u64, u64)> = windows.iter().flat_map(|window| self.samples_of(window)).collect();
            OfFault {
                count: windows.len() as u64,
                recovery_ms: recovery(windows.iter().filter_map(|window| self.recovery_ms(window)).collect()),
                p99_during_ms: p99(&samples).unwrap_or(0.0),
                p99_unaffected_ms: self.of_unaffected(&windows),
            }
        };
        kinds.into_iter().map(|(name, windows)| (name, of(windows))).collect()
    }
}

fn role(population: &Population, device: u32) -> Option<LoginRole> {
    population.logins.get(usize::try_from(device).ok()?).map(|login| login.role)
}

fn put(lists: &mut Vec<Vec<(u64, u64)>>, index: usize, sample: (u64, u64)) {
    if lists.len() <= index {
        lists.resize(index + 1, Vec::new());
    }
    if let Some(list) = lists.get_mut(index) {
        list.push(sample);
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds for people")]
fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

fn p99(samples: &[(u64, u64)]) -> Option<f64> {
    let mut histogram = Histogram::<u64>::new(3).ok()?;
    for (called, at) in samples {
        histogram.record(at.saturating_sub(*called)).ok()?;
    }
    (!histogram.is_empty()).then(|| ms(histogram.value_at_quantile(0.99)))
}

fn recovery(mut all: Vec<f64>) -> Recovery {
    all.sort_by(f64::total_cmp);
    Recovery { p50: all.get(all.len() / 2).copied().unwrap_or(0.0), max: all.last().copied().unwrap_or(0.0) }
}
