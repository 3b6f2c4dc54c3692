//! Comparing with, and changing, what the servers have.

use async_nats::jetstream::consumer::{self, pull};
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{self, PersistenceMode};
use async_nats::jetstream::{Context, ErrorCode};
use serde_json::Value;

use super::{Difference, EPOCH_KEY, Topology, TopologyError};
use crate::connect::{Bus, ConnectError};

pub(super) async fn differences(topology: &Topology, bus: &Bus) -> Result<Vec<Difference>, TopologyError> {
    let mut all = Vec::new();
    for wanted in &topology.streams {
        let mut differences = match find_stream(bus, &wanted.name).await? {
            None => vec![Difference::new(format!("stream {}", wanted.name), "is missing")],
            Some(found) => stream_differences(wanted, &found),
        };
        if topology.dispensable.contains(&wanted.name) {
            for difference in &mut differences {
                difference.bearable = true;
            }
        }
        all.extend(differences);
    }
    for (stream, wanted) in &topology.consumers {
        let what = consumer_label(stream, wanted);
        match find_consumer(bus, stream, wanted).await? {
            None => all.push(Difference::new(what, "is missing")),
            Some(found) => all.extend(consumer_differences(&what, wanted, &found)),
        }
    }
    Ok(all)
}

pub(super) async fn apply(topology: &Topology, bus: &Bus, new_epoch: &str) -> Result<Vec<Difference>, TopologyError> {
    let done = differences(topology, bus).await?;
    for wanted in &topology.streams {
        let failed =
            |error: &dyn std::fmt::Display| TopologyError::Servers { what: format!("stream {}", wanted.name), reason: error.to_string() };
        match find_stream(bus, &wanted.name).await? {
            None => {
                let mut config = wanted.clone();
                if wanted.name.starts_with("CHAT-") {
                    config.metadata.insert(EPOCH_KEY.to_owned(), new_epoch.to_owned());
                }
                // get_or_create: another `apply` may have been faster.
                let account = account_of(bus, &wanted.name).await.map_err(|e| failed(&e))?;
                account.get_or_create_stream(config).await.map_err(|e| failed(&e))?;
            }
            Some(found) if !stream_differences(wanted, &found).is_empty() => {
                let account = account_of(bus, &wanted.name).await.map_err(|e| failed(&e))?;
                update_stream(account, wanted, &found).await.map_err(|e| failed(&e))?;
            }
            Some(_) => {}
        }
    }
    for (stream, wanted) in &topology.consumers {
        let what = consumer_label(stream, wanted);
        let failed = |error: &dyn std::fmt::Display| TopologyError::Servers { what: what.clone(), reason: error.to_string() };
        let differs = match find_consumer(bus, stream, wanted).await? {
            None => true,
            Some(found) => !consumer_differences(&what, wanted, &found).is_empty(),
        };
        if differs {
            bus.js.create_consumer_on_stream(wanted.clone(), stream).await.map_err(|e| failed(&e))?;
        }
    }
    Ok(done)
}

fn consumer_label(stream: &str, wanted: &pull::Config) -> String {
    format!("consumer {stream}/{}", wanted.durable_name.as_deref().unwrap_or_default())
}

/// Whether it is the bucket of signing keys, which lies in an account of its own.
fn is_key_bucket(stream: &str) -> bool {
    stream.strip_prefix("KV_") == Some(relay_subjects::SIGNING_KEYS_BUCKET)
}

/// Where a stream is changed.
async fn account_of<'a>(bus: &'a Bus, stream: &str) -> Result<&'a Context, ConnectError> {
    if is_key_bucket(stream) { bus.keys_account().await } else { Ok(&bus.js) }
}

/// Every process may look at the bucket of signing keys, over the subject that leads to its account.
async fn find_key_bucket(bus: &Bus, name: &str) -> Result<Option<stream::Config>, TopologyError> {
    let failed = |reason: String| TopologyError::Servers { what: format!("stream {name}"), reason };
    let reply = bus.client.request(relay_subjects::SIGNING_KEYS_INFO, bytes::Bytes::new()).await;
    let reply = reply.map_err(|error| failed(error.to_string()))?;
    match serde_json::from_slice(&reply.payload).map_err(|error| failed(error.to_string()))? {
        Response::<stream::Info>::Ok(info) => Ok(Some(info.config)),
        Response::Err { error } if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
        Response::Err { error } => Err(failed(error.to_string())),
    }
}

pub(super) async fn find_stream(bus: &Bus, name: &str) -> Result<Option<stream::Config>, TopologyError> {
    if is_key_bucket(name) {
        return find_key_bucket(bus, name).await;
    }
    match bus.js.get_stream(name).await {
        Ok(found) => Ok(Some(found.cached_info().config.clone())),
        Err(error) => {
            if let GetStreamErrorKind::JetStream(inner) = error.kind()
                && inner.error_code() == ErrorCode::STREAM_NOT_FOUND
            {
                return Ok(None);
            }
            Err(TopologyError::Servers { what: format!("stream {name}"), reason: error.to_string() })
        }
    }
}

async fn find_consumer(bus: &Bus, stream: &str, wanted: &pull::Config) -> Result<Option<consumer::Config>, TopologyError> {
    let what = consumer_label(stream, wanted);
    let Ok(stream) = bus.js.get_stream_no_info(stream).await else { return Ok(None) };
    match stream.consumer_info(wanted.durable_name.clone().unwrap_or_default()).await {
        Ok(info) => Ok(Some(info.config)),
        Err(error) => {
            use async_nats::jetstream::context::ConsumerInfoErrorKind as Kind;
            if matches!(error.kind(), Kind::NotFound | Kind::StreamNotFound) {
                return Ok(None);
            }
            Err(TopologyError::Servers { what, reason: error.to_string() })
        }
    }
}

/// Gives the stream what is declared of it. Everything else stays: a newer version may have declared more, and the servers may
/// know fields that this build does not.
async fn update_stream(account: &Context, wanted: &stream::Config, found: &stream::Config) -> Result<(), async_nats::Error> {
    let name = &wanted.name;
    let info: Value = answer(account.request(format!("STREAM.INFO.{name}"), &()).await?)?;
    let on_the_servers = info.get("config").and_then(Value::as_object).ok_or("the stream has no configuration")?;
    let mut config = serde_json::to_value(as_declared(wanted, found))?;
    let known_here = serde_json::to_value(serde_json::from_value::<stream::Config>(Value::Object(on_the_servers.clone()))?)?;
    if let Some(config) = config.as_object_mut() {
        for (field, value) in on_the_servers {
            if known_here.get(field).is_none() && !config.contains_key(field) {
                config.insert(field.clone(), value.clone());
            }
        }
    }
    let _: Value = answer(account.request(format!("STREAM.UPDATE.{name}"), &config).await?)?;
    Ok(())
}

fn answer<T>(response: Response<T>) -> Result<T, async_nats::jetstream::Error> {
    match response {
        Response::Ok(answer) => Ok(answer),
        Response::Err { error } => Err(error),
    }
}

/// What was found, with what is declared of it.
fn as_declared(wanted: &stream::Config, found: &stream::Config) -> stream::Config {
    let wanted = wanted.clone();
    stream::Config {
        subjects: wanted.subjects,
        description: wanted.description,
        retention: wanted.retention,
        discard: wanted.discard,
        storage: wanted.storage,
        max_age: wanted.max_age,
        max_bytes: larger(wanted.max_bytes, found.max_bytes),
        max_message_size: larger(wanted.max_message_size, found.max_message_size),
        max_consumers: larger(wanted.max_consumers, found.max_consumers),
        duplicate_window: wanted.duplicate_window,
        num_replicas: wanted.num_replicas,
        allow_direct: wanted.allow_direct,
        allow_message_ttl: wanted.allow_message_ttl,
        allow_atomic_publish: wanted.allow_atomic_publish || found.allow_atomic_publish,
        no_ack: wanted.no_ack,
        max_messages: wanted.max_messages,
        max_messages_per_subject: wanted.max_messages_per_subject,
        persist_mode: wanted.persist_mode,
        ..found.clone()
    }
}

/// Of two sizes or counts. The servers say -1 for "no limit", and 0 where nothing was said.
fn larger<N: Ord + Copy + From<i8>>(one: N, other: N) -> N {
    let unlimited = |n: N| n <= N::from(0);
    if unlimited(one) || unlimited(other) { N::from(-1) } else { one.max(other) }
}

/// Collects `field: has X instead of Y` for each declared field.
macro_rules! compare {
    ($all:ident, $what:expr, $wanted:ident, $found:ident, $($field:ident),* $(,)?) => {
        $(if $wanted.$field != $found.$field {
            $all.push(Difference::new(
                $what.to_owned(),
                format!("has {} {:?} instead of {:?}", stringify!($field), $found.$field, $wanted.$field),
            ));
        })*
    };
}

/// The same for sizes and counts, of which more is no difference: a newer version may have declared more.
macro_rules! compare_at_least {
    ($all:ident, $what:expr, $wanted:ident, $found:ident, $($field:ident),* $(,)?) => {
        $(if larger($wanted.$field, $found.$field) != larger($found.$field, $found.$field) {
            $all.push(Difference::new(
                $what.to_owned(),
                format!("has {} {:?} instead of at least {:?}", stringify!($field), $found.$field, $wanted.$field),
            ));
        })*
    };
}

fn stream_differences(wanted: &stream::Config, found: &stream::Config) -> Vec<Difference> {
    let mut all = Vec::new();
    let what = format!("stream {}", wanted.name);
    compare!(
        all,
        what,
        wanted,
        found,
        subjects,
        retention,
        discard,
        storage,
        max_age,
        duplicate_window,
        num_replicas,
        allow_direct,
        allow_message_ttl,
        no_ack,
    );
    compare_at_least!(all, what, wanted, found, max_bytes, max_message_size, max_consumers);
    // Nothing is declared of these; with any of them the log forgets, or acknowledges what it has not written.
    let mut forgets = |field: &str, wanted: i64, found: i64| {
        // The server says -1 for "no limit".
        if wanted.max(0) != found.max(0) {
            all.push(Difference::new(what.clone(), format!("has {field} {found} instead of {wanted}")));
        }
    };
    forgets("max_messages", wanted.max_messages, found.max_messages);
    forgets("max_messages_per_subject", wanted.max_messages_per_subject, found.max_messages_per_subject);
    if found.persist_mode == Some(PersistenceMode::Async) {
        all.push(Difference::new(what.clone(), "has persist_mode async: it acknowledges before it writes"));
    }
    if wanted.allow_atomic_publish && !found.allow_atomic_publish {
        all.push(Difference { bearable: true, ..Difference::new(what, "has allow_atomic false instead of true") });
    }
    all
}

fn consumer_differences(what: &str, wanted: &pull::Config, found: &consumer::Config) -> Vec<Difference> {
    let mut all = Vec::new();
    compare!(all, what, wanted, found, ack_policy, ack_wait, filter_subject, priority_policy, priority_groups, priority_timeout);
    compare_at_least!(all, what, wanted, found, max_ack_pending);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_is_declared_is_no_difference_and_less_is() {
        let wanted = stream::Config { max_bytes: 100, max_consumers: 10, max_message_size: 5, ..stream::Config::default() };
        let told = |found: &stream::Config| stream_differences(&wanted, found).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told(&wanted), [""; 0]);
        assert_eq!(told(&stream::Config { max_bytes: 101, max_consumers: -1, max_message_size: 9, ..wanted.clone() }), [""; 0]);
        assert_eq!(told(&stream::Config { max_bytes: 99, ..wanted.clone() }), ["stream  has max_bytes 99 instead of at least 100"]);
        let unlimited = stream::Config { max_bytes: -1, ..wanted.clone() };
        assert_eq!(stream_differences(&unlimited, &wanted).len(), 1, "a limit where none is declared");
    }

    #[test]
    fn applying_takes_nothing_away_that_is_not_declared() {
        let wanted = stream::Config { max_bytes: 100, allow_direct: true, ..stream::Config::default() };
        let found =
            stream::Config { max_bytes: 200, allow_atomic_publish: true, allow_message_schedules: true, ..stream::Config::default() };
        let applied = as_declared(&wanted, &found);
        assert_eq!((applied.max_bytes, applied.allow_direct), (200, true));
        assert!(applied.allow_atomic_publish && applied.allow_message_schedules);
    }
}
