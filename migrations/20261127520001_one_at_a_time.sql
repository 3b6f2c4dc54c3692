-- What one bad case must not hold up.

-- An erasure that fails waits longer each time, so that those behind it are carried out. `not_before` is null until one failed.
ALTER TABLE erasures
    ADD COLUMN attempts   integer NOT NULL DEFAULT 0,
    ADD COLUMN not_before timestamptz;
CREATE INDEX erasures_due ON erasures (coalesce(not_before, erased_at), shard, seq) WHERE done_at IS NULL;

-- Both drop the oldest partition that ended at or before `before`, and return how many they dropped: one or none. One in each
-- transaction: each takes the locks of the table, its indexes and its parent. A partition that stays locked by readers for a second
-- is left for a later call, and what went before it stays gone.
CREATE OR REPLACE FUNCTION drop_event_partitions(before timestamptz) RETURNS integer
    LANGUAGE plpgsql
    SET timezone = 'UTC'
    SET lock_timeout = '1s'
AS $$
DECLARE
    partition text;
BEGIN
    IF EXISTS (SELECT FROM backfills WHERE name = 'messages' AND done_at IS NULL) THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ensure_event_partitions', 0));
    SELECT c.relname INTO partition FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'conversation_events'::regclass AND c.relname ~ '^conversation_events_\d{4}_\d{2}$'
      AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before
    ORDER BY c.relname LIMIT 1;
    IF partition IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format('DROP TABLE %I', partition);
    RETURN 1;
END
$$;

CREATE OR REPLACE FUNCTION drop_send_key_partitions(before timestamptz) RETURNS integer
    LANGUAGE plpgsql
    SET timezone = 'UTC'
    SET lock_timeout = '1s'
AS $$
DECLARE
    partition text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('send_key_partitions', 0));
    SELECT c.relname INTO partition FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'send_keys'::regclass AND c.relname ~ '^send_keys_\d{4}_\d{2}_\d{2}$'
      AND to_date(right(c.relname, 10), 'YYYY_MM_DD') + 7 <= before
    ORDER BY c.relname LIMIT 1;
    IF partition IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format('DROP TABLE %I', partition);
    RETURN 1;
END
$$;

-- The audit reads `messages` by runs of the log. Rows that were filled in later lie in order of conversations, and a summary of
-- blocks excludes none of them then. New rows go to the right edge of a B-tree, which is cheap. While it is built, the projection
-- waits and everybody reads: about a second for a million rows. Only the last step, which drops the old one, needs the table alone.
CREATE INDEX messages_by_place ON messages (shard, seq);
DROP INDEX messages_by_seq;
