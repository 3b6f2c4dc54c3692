//! What an acknowledgement means here: the levels A1 to A3 of docs/reliability.md.

use super::Finding;
use super::monitor::Writes;

/// A message's acknowledgement. One copy that is on the disk is what a single host can give; a cluster can give more.
pub fn check(writes: Writes, replicas: u8) -> Finding {
    match (writes, replicas) {
        (Writes::Unknown, _) => Finding::Warning(
            "what an acknowledgement means is unknown: name every NATS server's monitoring address with --nats-monitor".to_owned(),
        ),
        (Writes::Always, 1) => Finding::Fine(
            "acknowledged messages survive kills and power cuts (A2), and not the loss of this disk: topology.replicas 3 gives that"
                .to_owned(),
        ),
        (Writes::Always, replicas) => {
            Finding::Fine(format!("acknowledged messages survive kills, power cuts and a lost disk (A3): {replicas} copies"))
        }
        (Writes::AtIntervals, 1) => Finding::Warning(
            "acknowledged messages survive kills only (A1): sync_interval is not `always`, so a power cut takes the last interval's"
                .to_owned(),
        ),
        (Writes::AtIntervals, _) => Finding::Warning(
            "acknowledged messages survive kills and one lost server (A1): sync_interval is not `always`, so a power cut of most \
             servers takes the last interval's, and one of a single server can make copies differ"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_weaker_than_the_disk_is_a_warning() {
        for replicas in [1, 3, 5] {
            assert!(matches!(check(Writes::Always, replicas), Finding::Fine(_)));
            assert!(matches!(check(Writes::AtIntervals, replicas), Finding::Warning(_)));
            assert!(matches!(check(Writes::Unknown, replicas), Finding::Warning(_)));
        }
    }
}
