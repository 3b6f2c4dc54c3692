-- Events on people's own subjects: each user has one subject, and one chain, on each shard. Written by the persist worker in the
-- transaction of the watermark, for devices that were away. See docs/adr/0019.

CREATE TABLE user_events (
    user_id   uuid        NOT NULL,
    shard     integer     NOT NULL,
    seq       bigint      NOT NULL,
    -- The event before it of the same user on the shard; 0 for the first; null when it was not known when this was filled.
    prev_seq  bigint,
    kind      text        NOT NULL,
    -- The whole event as published.
    body      jsonb       NOT NULL,
    -- When the stream stored it: the same at every delivery, so a row always lands in the same partition.
    stored_at timestamptz NOT NULL,
    CONSTRAINT user_events_pkey PRIMARY KEY (user_id, shard, seq, stored_at)
) PARTITION BY RANGE (stored_at);

-- For the audit, which reads runs of the log. See 20261126800003.
CREATE INDEX user_events_by_seq ON user_events USING brin (seq int8_minmax_multi_ops) WITH (autosummarize = on);

-- Takes what no day covers, so that nothing is ever refused; ensure_user_event_partitions empties it.
CREATE TABLE user_events_default PARTITION OF user_events DEFAULT;
CREATE INDEX user_events_default_by_age ON user_events_default (stored_at);

-- Each user's newest event on each shard. Stays when the events themselves have run out, so that the chain goes on.
CREATE TABLE user_heads (
    user_id  uuid    NOT NULL,
    shard    integer NOT NULL,
    last_seq bigint  NOT NULL,
    CONSTRAINT user_heads_pkey PRIMARY KEY (user_id, shard)
) WITH (fillfactor = 70);

-- A worker of before moves the watermark and keeps no user events. So a worker of now says how far it kept them (`own_upto`), and
-- when it finds the watermark elsewhere, that what lies before that is not all here (`own_floor`).
ALTER TABLE watermarks
    ADD COLUMN own_floor bigint NOT NULL DEFAULT 0,
    ADD COLUMN own_upto  bigint NOT NULL DEFAULT 0;

-- Creates the partitions of `days` days (UTC) from the one that holds `since`, and returns how many it created. Rows that the
-- default partition holds for a new day move there. Safe to call at any time, by many at once.
CREATE FUNCTION ensure_user_event_partitions(since timestamptz, days integer) RETURNS integer
    LANGUAGE plpgsql
    SET timezone = 'UTC'
AS $$
DECLARE
    first_at  timestamptz := date_trunc('day', since);
    from_at   timestamptz;
    upto_at   timestamptz;
    partition text;
    created   integer := 0;
BEGIN
    IF days NOT BETWEEN 1 AND 60 THEN
        RAISE EXCEPTION 'days has to be 1 to 60, not %', days;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('user_event_partitions', 0));
    FOR i IN 0 .. days - 1 LOOP
        from_at := first_at + make_interval(days => i);
        upto_at := first_at + make_interval(days => i + 1);
        partition := 'user_events_' || to_char(from_at, 'YYYY_MM_DD');
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        -- Attached rather than created in place: that leaves the parent readable and writable.
        EXECUTE format('CREATE TABLE %I (LIKE user_events INCLUDING ALL)', partition);
        LOCK TABLE user_events_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format(
            'WITH moved AS (DELETE FROM user_events_default WHERE stored_at >= %L AND stored_at < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
            from_at, upto_at, partition);
        EXECUTE format('ALTER TABLE user_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, from_at, upto_at);
        created := created + 1;
    END LOOP;
    RETURN created;
END
$$;

-- Drops the oldest partition of a day that ended at or before `before`, and returns how many it dropped: one or none. One in each
-- transaction: each takes the locks of the table, its indexes and its parent. A partition that stays locked by readers for a second
-- is left for a later call.
CREATE FUNCTION drop_user_event_partition(before timestamptz) RETURNS integer
    LANGUAGE plpgsql
    SET timezone = 'UTC'
    SET lock_timeout = '1s'
AS $$
DECLARE
    partition text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('user_event_partitions', 0));
    SELECT c.relname INTO partition FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'user_events'::regclass AND c.relname ~ '^user_events_\d{4}_\d{2}_\d{2}$'
      AND to_date(right(c.relname, 10), 'YYYY_MM_DD') + 1 <= before
    ORDER BY c.relname LIMIT 1;
    IF partition IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format('DROP TABLE %I', partition);
    RETURN 1;
END
$$;

SELECT ensure_user_event_partitions(now() - interval '1 day', 6);
