//! A role in Postgres for each kind of process, with what its work needs and nothing else.
//!
//! Roles belong to the whole server rather than to one database, so a migration cannot make them: `relayctl migrate` does, and
//! grants everything anew each time. The owner of the tables, whom `relayctl` connects as, is used by no process.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// A kind of process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `relay-gateway`: reads what devices missed.
    Gateway,
    /// `relay-api`: decides.
    Api,
    /// `relay-worker`: projects the log, relays the outbox, prunes.
    Worker,
}

/// Passwords to log in with. A role without one is left as it is, or made without the right to log in: its members may.
#[derive(Clone, Default)]
pub struct RolePasswords {
    /// Of `relay_gateway`.
    pub gateway: Option<String>,
    /// Of `relay_api`.
    pub api: Option<String>,
    /// Of `relay_worker`.
    pub worker: Option<String>,
}

impl std::fmt::Debug for RolePasswords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RolePasswords(..)")
    }
}

impl Role {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Gateway, Self::Api, Self::Worker];

    /// The role's name in Postgres.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "relay_gateway",
            Self::Api => "relay_api",
            Self::Worker => "relay_worker",
        }
    }

    fn password(self, passwords: &RolePasswords) -> Option<&str> {
        match self {
            Self::Gateway => passwords.gateway.as_deref(),
            Self::Api => passwords.api.as_deref(),
            Self::Worker => passwords.worker.as_deref(),
        }
    }
}

const NOTHING: &str = "";
const READ: &str = "SELECT";
const ALL: &str = "SELECT, INSERT, UPDATE, DELETE";

/// What each role may do with each table: gateway, api, worker. A table without a line is nobody's but the owner's.
const GRANTS: &[(&str, [&str; 3])] = &[
    ("_sqlx_migrations", [READ, READ, READ]),
    (
        "users",
        [
            "SELECT (user_id, presence_to, availability)",
            ALL,
            "SELECT (user_id, handle, display_name, home_shard, created_at, seen_at, retired_at), UPDATE (seen_at, retired_at)",
        ],
    ),
    // The worker locks sessions while it retires their user, and whoever locks a row has to be allowed to change something of it.
    ("sessions", ["SELECT, UPDATE (last_used_at, in_use_until)", ALL, "SELECT, UPDATE (in_use_until), DELETE"]),
    ("refresh_tokens", [NOTHING, ALL, "SELECT, DELETE"]),
    ("login_networks", [NOTHING, ALL, NOTHING]),
    // The gateway tells nobody who is typing in a large conversation, or in one that waits for an answer. It asks for roles when
    // somebody deletes another's message.
    ("conversations", ["SELECT (conversation_id, member_count, kind)", ALL, READ]),
    // Whoever writes in a conversation that another began has answered: the projection notes it.
    ("members", ["SELECT (conversation_id, user_id, state, role)", ALL, "SELECT, UPDATE (state, hidden_seq)"]),
    ("invitations", [NOTHING, ALL, NOTHING]),
    // The worker tells that drafts changed, and cannot read them.
    (
        "drafts",
        [
            NOTHING,
            "SELECT, INSERT, UPDATE",
            "SELECT (user_id, conversation_id, shard, version, told_version, due_at), UPDATE (told_version, due_at)",
        ],
    ),
    ("read_mark_news", [NOTHING, "SELECT, INSERT, UPDATE", "SELECT, UPDATE, DELETE"]),
    ("delivery_marks", ["SELECT, INSERT, UPDATE", READ, NOTHING]),
    ("last_seen", ["SELECT, INSERT, UPDATE", READ, NOTHING]),
    ("receipt_steps", ["SELECT, INSERT, UPDATE", "SELECT, INSERT, UPDATE", NOTHING]),
    // Rows go with their conversation or their user.
    ("read_receipts", [NOTHING, "SELECT, INSERT, UPDATE", NOTHING]),
    ("scheduled_messages", [NOTHING, ALL, NOTHING]),
    ("hidden_messages", ["SELECT", "SELECT, INSERT", "SELECT, DELETE"]),
    ("outbox", [NOTHING, ALL, ALL]),
    ("watermarks", [READ, READ, ALL]),
    ("conversation_heads", [READ, READ, ALL]),
    ("conversation_events", [READ, READ, ALL]),
    ("user_events", [READ, READ, ALL]),
    // Pruned by its own name: what lies in no day is deleted row by row.
    ("user_events_default", [NOTHING, NOTHING, "SELECT, DELETE"]),
    ("user_heads", [READ, NOTHING, ALL]),
    ("messages", [READ, READ, ALL]),
    ("message_revisions", [READ, READ, ALL]),
    ("reactions", [READ, READ, ALL]),
    ("threads", [NOTHING, READ, ALL]),
    // The worker lets people follow, and tells of marks; the rest is theirs to say.
    ("thread_follows", [NOTHING, ALL, ALL]),
    ("pins", [READ, READ, ALL]),
    ("event_horizon", [READ, READ, READ]),
    ("backfills", [READ, READ, "SELECT, UPDATE"]),
    ("send_keys", [READ, READ, ALL]),
    // Pruned by its own name: what lies in no week is deleted row by row.
    ("send_keys_default", [NOTHING, NOTHING, "SELECT, DELETE"]),
    ("memberships", [READ, READ, ALL]),
    // The gateway asks what stood in a place that it finds empty.
    ("erasures", [READ, NOTHING, ALL]),
    ("search_messages", [NOTHING, READ, ALL]),
    ("search_watermarks", [NOTHING, READ, ALL]),
    ("search_again", [NOTHING, NOTHING, ALL]),
    ("audit_walks", [NOTHING, NOTHING, ALL]),
    ("consumer_floors", [NOTHING, NOTHING, ALL]),
    ("durable_walks", [NOTHING, NOTHING, ALL]),
];

/// Functions that change tables, or see what only their owner does. They run as their owner, and only this role may call them.
const FUNCTIONS: &[(&str, Role)] = &[
    ("ensure_event_partitions(timestamptz, integer)", Role::Worker),
    ("drop_event_partitions(timestamptz)", Role::Worker),
    ("ensure_user_event_partitions(timestamptz, integer)", Role::Worker),
    ("drop_user_event_partition(timestamptz)", Role::Worker),
    ("ensure_send_key_partitions(timestamptz, integer)", Role::Worker),
    ("drop_send_key_partitions(timestamptz)", Role::Worker),
    ("ensure_search_partition(timestamptz)", Role::Worker),
    ("search_months()", Role::Api),
    ("search_frequencies()", Role::Api),
];

/// Makes the roles that are missing, and grants what [`GRANTS`] says.
pub(crate) async fn apply(connection: &mut PgConnection, passwords: &RolePasswords) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    run(&mut transaction, "SELECT pg_advisory_xact_lock(hashtextextended('relay_roles', 0))".to_owned()).await?;
    for role in Role::ALL {
        make(&mut transaction, role, passwords).await?;
    }
    for (index, role) in Role::ALL.into_iter().enumerate() {
        let name = role.name();
        run(&mut transaction, format!("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}; GRANT USAGE ON SCHEMA public TO {name}"))
            .await?;
        for (table, grants) in GRANTS {
            if let Some(grant) = grants.get(index).filter(|grant| !grant.is_empty()) {
                run(&mut transaction, format!("GRANT {grant} ON {table} TO {name}")).await?;
            }
        }
    }
    for (function, role) in FUNCTIONS {
        let role = role.name();
        let statement = format!(
            "ALTER FUNCTION {function} SECURITY DEFINER SET search_path = public, pg_temp; REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC; GRANT EXECUTE ON FUNCTION {function} TO {role}"
        );
        run(&mut transaction, statement).await?;
    }
    transaction.commit().await
}

async fn make(connection: &mut PgConnection, role: Role, passwords: &RolePasswords) -> sqlx::Result<()> {
    let name = role.name();
    let create = format!(
        "DO $$ BEGIN
             IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN
                 CREATE ROLE {name} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
             END IF;
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
         END $$"
    );
    run(connection, create).await?;
    if let Some(password) = role.password(passwords) {
        // Quoted by Postgres: a role's password cannot be a parameter.
        let statement: String = sqlx::query_scalar("SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1, $2)")
            .bind(name)
            .bind(password)
            .fetch_one(&mut *connection)
            .await?;
        run(connection, statement).await?;
    }
    Ok(())
}

async fn run(connection: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}

/// Tables that no line of [`GRANTS`] names. Partitions need none.
///
/// # Errors
/// When Postgres does not answer.
#[doc(hidden)]
pub async fn tables_without_grants(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition",
    )
    .fetch_all(connection)
    .await?;
    Ok(tables.into_iter().filter(|table| !GRANTS.iter().any(|(known, _)| known == table)).collect())
}
