//! Judges the whole history of a run: what was sent, what every device was told, and what is left in the log, in Postgres and
//! over REST.
//!
//! Pure functions over plain data: no clock, no I/O, no servers. A call without an answer is *unknown*, never failed: its
//! message may exist once or not at all. Start reading in [`history`], which says what a run records, then [`judge`]; each
//! checker has its own file.

mod c01_loss;
mod c02_order;
mod c03_duplicates;
mod c04_phantoms;
mod c05_gaps;
mod c06_receipts;
mod c07_reads;
mod c08_sessions;
mod c09_convergence;
mod c10_removal;
mod c11_retention;
mod c12_liveness;
mod c13_resurrection;
mod c14_own;
mod c15_state;
mod c16_reactions;
pub mod history;
mod index;
mod resets;
mod verdict;

pub use history::History;
pub use verdict::{Check, Verdict, Violation};

use index::Index;

/// Runs every checker.
pub fn judge(history: &History) -> Verdict {
    let index = Index::of(history);
    let mut verdict = Verdict::of(history);
    c01_loss::check(history, &index, &mut verdict);
    c02_order::check(history, &index, &mut verdict);
    c03_duplicates::check(history, &index, &mut verdict);
    c04_phantoms::check(history, &index, &mut verdict);
    c05_gaps::check(history, &index, &mut verdict);
    c06_receipts::check(history, &index, &mut verdict);
    c07_reads::check(history, &mut verdict);
    c08_sessions::check(history, &index, &mut verdict);
    c09_convergence::check(history, &index, &mut verdict);
    c10_removal::check(history, &index, &mut verdict);
    c11_retention::check(history, &mut verdict);
    c12_liveness::check(history, &mut verdict);
    c13_resurrection::check(history, &mut verdict);
    c14_own::check(history, &mut verdict);
    c15_state::check(history, &index, &mut verdict);
    c16_reactions::check(history, &index, &mut verdict);
    verdict
}
