-- Whoever was not seen for long is retired: their durable consumers go, and where these stood stays. `seen_at` is null again
-- then, so that the next log-in is like the first, to processes of an earlier version, too.
ALTER TABLE users ADD COLUMN retired_at timestamptz;

-- Where a user's durable consumer stood at least: what lies behind is to be counted when it is made again. Greatest wins.
CREATE TABLE consumer_floors (
    user_id uuid    NOT NULL CONSTRAINT consumer_floors_user_id_fkey REFERENCES users ON DELETE CASCADE,
    shard   integer NOT NULL CONSTRAINT consumer_floors_shard_check CHECK (shard BETWEEN 0 AND 65535),
    -- The epoch of the log that `seq` belongs to. In another one, nothing was delivered yet.
    epoch   text    NOT NULL,
    seq     bigint  NOT NULL CONSTRAINT consumer_floors_seq_check CHECK (seq >= 0),
    CONSTRAINT consumer_floors_pkey PRIMARY KEY (user_id, shard)
) WITH (fillfactor = 80);

-- The walk over everybody's durable consumers: which worker is on it, and where it goes on.
CREATE TABLE durable_walks (
    only_one   boolean     NOT NULL DEFAULT true CONSTRAINT durable_walks_pkey PRIMARY KEY CONSTRAINT durable_walks_only_one_check CHECK (only_one),
    walker     text        NOT NULL,
    -- Whoever says nothing until then has stopped.
    held_until timestamptz NOT NULL,
    -- The user after whom it goes on; null between two rounds.
    place      uuid,
    -- The epochs of the logs that the round belongs to, by shard, as JSON.
    epochs     text        NOT NULL DEFAULT '{}',
    -- When a round last came to an end.
    ended_at   timestamptz
) WITH (fillfactor = 10);
