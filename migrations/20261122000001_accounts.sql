-- People and their devices. Times are the deciding server's clock; ids are ULIDs kept as uuid, so they sort by minting time.

CREATE TABLE users (
    user_id       uuid        NOT NULL CONSTRAINT users_pkey PRIMARY KEY,
    handle        text        COLLATE "C" NOT NULL CONSTRAINT users_handle_key UNIQUE,
    display_name  text        NOT NULL,
    password_hash text        NOT NULL,
    -- Where the user's own events go and where conversations they create live. Decided once, never recomputed.
    home_shard    integer     NOT NULL CONSTRAINT users_home_shard_check CHECK (home_shard BETWEEN 0 AND 65535),
    created_at    timestamptz NOT NULL
);

CREATE TABLE sessions (
    session_id         uuid        NOT NULL CONSTRAINT sessions_pkey PRIMARY KEY,
    user_id            uuid        NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users ON DELETE CASCADE,
    device_name        text        NOT NULL,
    created_at         timestamptz NOT NULL,
    last_used_at       timestamptz NOT NULL,
    -- When the newest refresh token runs out, and the session with it.
    refresh_expires_at timestamptz NOT NULL,
    -- When it ends however often it is refreshed.
    ends_at            timestamptz NOT NULL,
    revoked_at         timestamptz
);
-- A user's list of devices, and the count that bounds it.
CREATE INDEX sessions_live_by_user ON sessions (user_id, session_id) WHERE revoked_at IS NULL;

-- Every refresh token a session was ever given, as SHA-256. One that comes back after use is proof of theft, so used ones
-- stay until they would have run out.
CREATE TABLE refresh_tokens (
    token_hash bytea       NOT NULL CONSTRAINT refresh_tokens_pkey PRIMARY KEY,
    session_id uuid        NOT NULL CONSTRAINT refresh_tokens_session_id_fkey REFERENCES sessions ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
-- For pruning; tokens arrive in nearly this order, which is what BRIN is for.
CREATE INDEX refresh_tokens_by_age ON refresh_tokens USING brin (expires_at) WITH (autosummarize = on);
