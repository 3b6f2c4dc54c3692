//! Logs and metrics.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, LogConfig, LogFormat};

/// Seconds. Dense around the targets (3 ms, 15 ms, 150 ms), sparse up to an election (10 s).
const LATENCY_BUCKETS: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.010, 0.015, 0.025, 0.050, 0.100, 0.150, 0.250, 0.500, 1.0, 2.5, 5.0, 10.0, 20.0];
/// How many went together.
const COUNT_BUCKETS: &[f64] = &[2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];

pub(crate) fn start_logs(config: &LogConfig) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|error| ConfigError::Invalid { key: "log.filter", reason: format!("is not a filter: {error}") })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        LogFormat::Text => builder.try_init(),
    };
    started.map_err(|error| ConfigError::Invalid { key: "log", reason: format!("could not start: {error}") })
}

pub(crate) fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), LATENCY_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_messages".to_owned()), COUNT_BUCKETS)?
        .install_recorder()?;
    crate::metrics::register();
    Ok(handle)
}
