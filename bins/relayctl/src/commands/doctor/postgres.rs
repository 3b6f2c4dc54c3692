//! Postgres: there, of this version, and which accidents its commits survive.

use relay_store::{Durability, SchemaState, Store};
use relay_types::{Clock as _, SystemClock};

use super::{Finding, clock};
use crate::config::Config;

pub async fn check(config: &Config) -> Vec<Finding> {
    let store = match config.postgres().map_err(anyhow::Error::from).and_then(relay_bootstrap::open_store) {
        Ok(store) => store,
        Err(error) => return vec![Finding::Broken(format!("{error:#}"))],
    };
    if let Err(error) = store.ping().await {
        return vec![Finding::Broken(format!(
            "Postgres does not answer ({error}): start it, or check [postgres]; chat goes on without it, log-in does not"
        ))];
    }
    let mut findings = vec![Finding::Fine("Postgres answers".to_owned()), schema(&store).await];
    let asked = SystemClock.now_ms();
    match store.durability().await {
        Ok(durability) => {
            findings.extend(clock("Postgres", durability.now_ms, asked, SystemClock.now_ms()));
            let weak = weaknesses(&durability, config.topology.replicas > 1);
            if weak.is_empty() {
                findings.push(Finding::Fine("Postgres writes each commit to its disk before it answers".to_owned()));
            }
            findings.extend(weak);
        }
        Err(error) => findings.push(Finding::Broken(format!("Postgres' settings could not be read: {:#}", anyhow::Error::from(error)))),
    }
    findings
}

async fn schema(store: &Store) -> Finding {
    match store.schema_state().await {
        Ok(SchemaState::Current) => Finding::Fine("the database has this version's schema".to_owned()),
        Ok(SchemaState::Behind { missing }) => {
            Finding::Broken(format!("the database lacks {missing} migration(s): run `relayctl migrate`"))
        }
        Ok(SchemaState::Diverged { version }) => {
            Finding::Broken(format!("migration {version} in the database is not this version's: another build wrote it"))
        }
        Err(error) => Finding::Broken(format!("the schema could not be read: {:#}", anyhow::Error::from(error))),
    }
}

/// What an accident would take. In a cluster one host's disk may be lost, so Postgres needs a second one as well.
fn weaknesses(durability: &Durability, cluster: bool) -> Vec<Finding> {
    let mut all = Vec::new();
    if durability.in_recovery {
        all.push(Finding::Broken("postgres.url names a standby, which takes no writes: name the primary".to_owned()));
    }
    if !durability.fsync {
        all.push(Finding::Warning("Postgres' fsync is off: a power cut can damage the whole database; set it on".to_owned()));
    }
    if !durability.full_page_writes {
        all.push(Finding::Warning("Postgres' full_page_writes is off: a power cut can damage the database; set it on".to_owned()));
    }
    let commit = durability.synchronous_commit.as_str();
    if commit == "off" {
        all.push(Finding::Warning(
            "Postgres' synchronous_commit is off: a crash of Postgres loses the last accounts, memberships and read marks that \
             were acknowledged; messages are in the log and come back from there"
                .to_owned(),
        ));
    } else if cluster && (commit == "local" || durability.synchronous_standbys.is_empty()) {
        all.push(Finding::Warning(
            "no synchronous standby: with the disk of Postgres' host go the last accounts, memberships and read marks that were \
             acknowledged; set synchronous_standby_names"
                .to_owned(),
        ));
    }
    if !durability.synchronous_standbys.is_empty() && durability.standbys == 0 {
        all.push(Finding::Warning(
            "synchronous_standby_names is set and no standby streams: every commit waits for one; start it, or clear the setting"
                .to_owned(),
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe() -> Durability {
        Durability {
            fsync: true,
            full_page_writes: true,
            synchronous_commit: "on".to_owned(),
            synchronous_standbys: "standby".to_owned(),
            standbys: 1,
            in_recovery: false,
            now_ms: 0,
        }
    }

    #[test]
    fn a_single_server_needs_no_standby_and_a_cluster_does() {
        let alone = Durability { synchronous_standbys: String::new(), standbys: 0, ..safe() };
        assert!(weaknesses(&alone, false).is_empty());
        assert!(matches!(weaknesses(&alone, true).as_slice(), [Finding::Warning(text)] if text.contains("no synchronous standby")));
        assert!(weaknesses(&safe(), true).is_empty());
        let local = Durability { synchronous_commit: "local".to_owned(), ..safe() };
        assert_eq!(weaknesses(&local, true).len(), 1);
    }

    #[test]
    fn every_weak_setting_has_its_warning() {
        for weak in [
            Durability { fsync: false, ..safe() },
            Durability { full_page_writes: false, ..safe() },
            Durability { synchronous_commit: "off".to_owned(), ..safe() },
            Durability { standbys: 0, ..safe() },
        ] {
            assert!(matches!(weaknesses(&weak, false).as_slice(), [Finding::Warning(_)]), "{weak:?}");
        }
        assert!(matches!(weaknesses(&Durability { in_recovery: true, ..safe() }, false).as_slice(), [Finding::Broken(_)]));
    }
}
