-- The projection of the log: written by the persist worker alone, rebuilt from the log at will. No foreign keys to what was
-- decided elsewhere, so that it can be filled before or without it. Keys begin with conversation_id, so it distributes by it.

-- Up to where each shard's log has been taken in. Everything below is as of this row, in the same transaction.
CREATE TABLE watermarks (
    shard      integer     NOT NULL CONSTRAINT watermarks_pkey PRIMARY KEY,
    seq        bigint      NOT NULL,
    -- The life of the stream that seq belongs to.
    epoch      text        NOT NULL,
    -- The newest event's time by the log's clock; tells an operator how far behind the projection is.
    stored_at  timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);

-- Each conversation's newest event: its own table, so that a decision that locks a conversation never holds up the worker.
CREATE TABLE conversation_heads (
    conversation_id uuid        NOT NULL CONSTRAINT conversation_heads_pkey PRIMARY KEY,
    shard           integer     NOT NULL,
    last_seq        bigint      NOT NULL,
    -- The newest message or change, by the log's clock; orders a user's list.
    last_at         timestamptz NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE conversation_events (
    conversation_id uuid        NOT NULL,
    seq             bigint      NOT NULL,
    -- The event before it in the conversation; 0 for the first; null when the log no longer had it when this was filled.
    prev_seq        bigint,
    shard           integer     NOT NULL,
    kind            text        NOT NULL,
    -- message_id of a message.
    event_id        uuid        NOT NULL,
    actor_id        uuid        NOT NULL,
    client_id       text,
    -- A message's body; of any other kind the whole event as published.
    body            jsonb       NOT NULL,
    -- When it was accepted, by the accepting server's clock, in milliseconds since the epoch.
    decided_at_ms   bigint      NOT NULL,
    -- When the stream stored it: the same at every delivery, so a row always lands in the same partition.
    at              timestamptz NOT NULL,
    CONSTRAINT conversation_events_pkey PRIMARY KEY (conversation_id, seq, at)
) PARTITION BY RANGE (at);

-- Takes what no month covers, so that nothing is ever refused; ensure_event_partitions empties it.
CREATE TABLE conversation_events_default PARTITION OF conversation_events DEFAULT;

-- Creates the partitions of `months` months (UTC) from the one that holds `since`, and returns how many it created. Rows that
-- the default partition holds for a new month move there. Safe to call at any time, by many at once.
CREATE FUNCTION ensure_event_partitions(since timestamptz, months integer) RETURNS integer
    LANGUAGE plpgsql
    SET timezone = 'UTC'
AS $$
DECLARE
    first_at  timestamptz := date_trunc('month', since);
    from_at   timestamptz;
    upto_at   timestamptz;
    partition text;
    created   integer := 0;
BEGIN
    IF months NOT BETWEEN 1 AND 120 THEN
        RAISE EXCEPTION 'months has to be 1 to 120, not %', months;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ensure_event_partitions', 0));
    FOR i IN 0 .. months - 1 LOOP
        from_at := first_at + make_interval(months => i);
        upto_at := first_at + make_interval(months => i + 1);
        partition := 'conversation_events_' || to_char(from_at, 'YYYY_MM');
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        -- Attached rather than created in place: that leaves the parent readable and writable.
        EXECUTE format('CREATE TABLE %I (LIKE conversation_events INCLUDING ALL)', partition);
        LOCK TABLE conversation_events_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format(
            'WITH moved AS (DELETE FROM conversation_events_default WHERE at >= %L AND at < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
            from_at, upto_at, partition);
        EXECUTE format('ALTER TABLE conversation_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, from_at, upto_at);
        created := created + 1;
    END LOOP;
    RETURN created;
END
$$;

-- What a client's own key for a send became, for 30 days.
CREATE TABLE send_keys (
    conversation_id uuid        NOT NULL,
    sender_id       uuid        NOT NULL,
    client_id       text        COLLATE "C" NOT NULL,
    message_id      uuid        NOT NULL,
    seq             bigint      NOT NULL,
    -- By the accepting server's clock, in milliseconds since the epoch: part of the original ack.
    sent_at_ms      bigint      NOT NULL,
    at              timestamptz NOT NULL,
    CONSTRAINT send_keys_pkey PRIMARY KEY (conversation_id, sender_id, client_id)
);
CREATE INDEX send_keys_by_age ON send_keys USING brin (at) WITH (autosummarize = on);

-- Who may see what: events with joined_seq <= seq <= left_seq.
CREATE TABLE memberships (
    conversation_id uuid    NOT NULL,
    user_id         uuid    NOT NULL,
    joined_seq      bigint  NOT NULL,
    left_seq        bigint,
    shard           integer NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (conversation_id, user_id, joined_seq),
    CONSTRAINT memberships_interval_check CHECK (left_seq IS NULL OR left_seq >= joined_seq)
);
-- Nobody is in a conversation twice at once.
CREATE UNIQUE INDEX memberships_open_key ON memberships (conversation_id, user_id) WHERE left_seq IS NULL;
CREATE INDEX memberships_by_user ON memberships (user_id, left_seq);
