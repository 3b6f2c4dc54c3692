//! Promises to users and operators, kept against real servers: nats-server, Postgres, Valkey and our own processes.
//!
//! Each test's name is a promise and its body asserts exactly that. Every test starts a RelayHub of its own through
//! `relay-harness`, so they run in parallel. Start reading in [`e2e::support`] and [`e2e::checks`].

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test they are called from"
)]

mod e2e {
    mod accounts;
    mod activity;
    mod audit;
    mod authorisation;
    mod balancer;
    mod batches;
    mod catching_up;
    mod checks;
    mod conversation_settings;
    mod deletions;
    mod documents;
    mod drafts;
    mod drain;
    mod durables;
    mod edits;
    mod erasing;
    mod exits;
    mod forge;
    mod future;
    mod goodbye;
    mod half_open;
    mod health;
    mod hostile;
    mod idempotency;
    mod kills;
    mod links;
    mod membership;
    mod messaging;
    mod outages;
    mod outbox;
    mod own;
    mod people;
    mod pins;
    mod presence;
    mod process_pause;
    mod quotas;
    mod raw_http;
    mod reactions;
    mod receipts;
    mod refusals_rest;
    mod refusals_stream;
    mod refusals_ws;
    mod removal;
    mod reseed;
    mod resume;
    mod resume_edges;
    mod retirement;
    mod roles;
    mod scheduled;
    mod search;
    mod sessions;
    mod slow_reader;
    mod stream;
    mod streams;
    mod support;
    mod sync;
    mod threads;
    mod tokens;
    mod topology;
    mod typing;
    mod visible;
    mod void;
    mod witness;
    mod workspace;
}
