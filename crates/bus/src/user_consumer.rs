//! What every reader and writer of a user's durable consumer has to know about it.

/// Filters of one consumer. The server compares all pairs at every change, so there is an end to it: whoever is in more
/// conversations keeps the rest of them over Postgres only.
pub(crate) const MAX_FILTERS: usize = 500;

pub(crate) fn is_not_found(error: &async_nats::jetstream::context::ConsumerInfoError) -> bool {
    use async_nats::jetstream::context::ConsumerInfoErrorKind;
    matches!(error.kind(), ConsumerInfoErrorKind::NotFound)
}
