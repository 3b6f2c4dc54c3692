//! The store's contract, held against a real Postgres: one server for the binary, one database for each test.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests fail the test they help")]

mod accounts;
mod conversations;
mod deletions;
mod drafts;
mod dropped;
mod edits;
mod erasures;
mod history;
mod list;
mod maintenance;
mod messages;
mod outbox;
mod own;
mod pins;
mod postings;
mod presence;
mod projection;
mod reactions;
mod read_marks;
mod receipts;
mod resume;
mod retirement;
mod search;
mod sessions;
mod settings;
mod support;
mod sync;
mod threads;
mod vanished;
