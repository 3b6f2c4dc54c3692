-- What there is now, beside what happened: `messages` is written with `conversation_events` in the transaction of the watermark.
-- See docs/adr/0015. Hash partitions by conversation, so that a page of history visits one, however long messages are kept. Their
-- number is for ever: another one would move every row.

CREATE TABLE messages (
    conversation_id uuid        NOT NULL,
    seq             bigint      NOT NULL,
    -- The event before it in the conversation; 0 for the first; null when the log no longer had it when this was filled.
    prev_seq        bigint,
    shard           integer     NOT NULL,
    -- The event's id, if it is a change of the conversation.
    message_id      uuid        NOT NULL,
    sender_id       uuid        NOT NULL,
    client_id       text,
    -- 'MESSAGE_SENT', or the name of a change of the conversation: a system row.
    kind            text        NOT NULL,
    -- A message's body as it is now; of a system row the whole event as published.
    body            jsonb       NOT NULL,
    reply_to        uuid,
    -- 0 as sent; each edit counts.
    revision        integer     NOT NULL DEFAULT 0 CONSTRAINT messages_revision_check CHECK (revision >= 0),
    edited_at       timestamptz,
    -- Deleted or erased: a tombstone keeps the place.
    deleted         boolean     NOT NULL DEFAULT false,
    expires_at      timestamptz,
    reactions       jsonb       NOT NULL DEFAULT '{}',
    -- Shown to this person alone: what somebody writes to a person who blocked them.
    only_for        uuid,
    -- By the accepting server's clock, in milliseconds since the epoch.
    sent_at_ms      bigint      NOT NULL,
    -- When the stream stored it.
    stored_at       timestamptz NOT NULL,
    CONSTRAINT messages_pkey PRIMARY KEY (conversation_id, seq),
    CONSTRAINT messages_message_id_key UNIQUE (conversation_id, message_id)
) PARTITION BY HASH (conversation_id);

DO $$
BEGIN
    FOR i IN 0 .. 63 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF messages FOR VALUES WITH (MODULUS 64, REMAINDER %s)', 'messages_' || to_char(i, 'FM00'), i);
    END LOOP;
END
$$;
-- For the audit, which reads runs of the log. See 20261126800003.
CREATE INDEX messages_by_seq ON messages USING brin (seq int8_minmax_multi_ops) WITH (autosummarize = on);

-- Bodies that an edit replaced.
CREATE TABLE message_revisions (
    conversation_id uuid        NOT NULL,
    seq             bigint      NOT NULL,
    revision        integer     NOT NULL CONSTRAINT message_revisions_revision_check CHECK (revision >= 0),
    body            jsonb       NOT NULL,
    -- When the stream stored the edit that replaced it.
    replaced_at     timestamptz NOT NULL,
    CONSTRAINT message_revisions_pkey PRIMARY KEY (conversation_id, seq, revision)
) PARTITION BY HASH (conversation_id);

DO $$
BEGIN
    FOR i IN 0 .. 63 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF message_revisions FOR VALUES WITH (MODULUS 64, REMAINDER %s)',
                       'message_revisions_' || to_char(i, 'FM00'), i);
    END LOOP;
END
$$;

-- Tables that are filled from others while everything goes on. Until `done_at`, readers use what it is filled from.
CREATE TABLE backfills (
    name            text        NOT NULL CONSTRAINT backfills_pkey PRIMARY KEY,
    -- Up to where it came, in key order.
    conversation_id uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    seq             bigint      NOT NULL DEFAULT 0,
    rows            bigint      NOT NULL DEFAULT 0,
    done_at         timestamptz
);
-- Nothing to do in a new database. Rows that are projected from now on lie in both tables.
INSERT INTO backfills (name, done_at)
    SELECT 'messages', CASE WHEN NOT EXISTS (SELECT FROM conversation_events) THEN now() END;

-- Older events are of no log and no device's position: who reads events by conversation says so, and visits no older month. By
-- the log's clock, twice as long ago as the log keeps, and less than events are kept.
CREATE VIEW event_horizon AS
    SELECT coalesce(max(stored_at) - interval '61 days', '-infinity') AS oldest FROM watermarks;

-- Drops the partitions of months that ended at or before `before`, the oldest first, and returns how many; none while `messages`
-- is being filled from them. One that stays locked by readers for a second is left for the next call.
CREATE FUNCTION drop_event_partitions(before timestamptz) RETURNS integer
    LANGUAGE plpgsql
    SET timezone = 'UTC'
    SET lock_timeout = '1s'
AS $$
DECLARE
    partition text;
    dropped   integer := 0;
BEGIN
    IF EXISTS (SELECT FROM backfills WHERE name = 'messages' AND done_at IS NULL) THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ensure_event_partitions', 0));
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'conversation_events'::regclass AND c.relname ~ '^conversation_events_\d{4}_\d{2}$'
          AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
