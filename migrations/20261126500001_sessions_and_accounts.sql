-- A refresh token stays good until what took its place is used: its answer may have been lost.
ALTER TABLE refresh_tokens
    -- The token whose place this one took; null for a session's first.
    ADD COLUMN predecessor     bytea,
    -- What its successor was made with, for telling it again. Null before its use, and once the successor was used.
    ADD COLUMN successor_nonce bytea,
    -- Whether it was repeated long after its use.
    ADD COLUMN repeated_late   boolean NOT NULL DEFAULT false;

-- How many tokens in a row were repeated late: nobody's answers are lost for ever, and two who share tokens look like that.
ALTER TABLE sessions ADD COLUMN late_repeats integer NOT NULL DEFAULT 0;

-- A disabled account has no sessions and opens none.
ALTER TABLE users ADD COLUMN disabled_at timestamptz;

-- Networks a person logged in from: guesses by others do not slow down who comes from there. At most 20 a person.
CREATE TABLE login_networks (
    user_id uuid        NOT NULL CONSTRAINT login_networks_user_id_fkey REFERENCES users ON DELETE CASCADE,
    network text        COLLATE "C" NOT NULL,
    last_at timestamptz NOT NULL,
    CONSTRAINT login_networks_pkey PRIMARY KEY (user_id, network)
);
