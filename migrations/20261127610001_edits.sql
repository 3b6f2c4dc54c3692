-- Edits. `messages` has what a message says now; `message_revisions` every version of a message that was edited. See docs/adr/0022.

ALTER TABLE messages ADD COLUMN edited_seq bigint;

-- Made before anything wrote it, and with a number where the place in the log belongs: a version that is found late has one, too.
DROP TABLE message_revisions;
CREATE TABLE message_revisions (
    conversation_id uuid   NOT NULL,
    -- The message's place.
    seq             bigint NOT NULL,
    -- The place of the event that said it: the message's own, or an edit's. The greatest counts.
    said_seq        bigint NOT NULL,
    body            jsonb  NOT NULL,
    -- By the accepting server's clock, in milliseconds since the epoch.
    said_at_ms      bigint NOT NULL,
    CONSTRAINT message_revisions_pkey PRIMARY KEY (conversation_id, seq, said_seq)
) PARTITION BY HASH (conversation_id);

DO $$
BEGIN
    FOR i IN 0 .. 63 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF message_revisions FOR VALUES WITH (MODULUS 64, REMAINDER %s)',
                       'message_revisions_' || to_char(i, 'FM00'), i);
    END LOOP;
END
$$;

-- A worker of before moves the watermark and changes no message by what it does not know. So a worker of now says up to where it
-- has (`amended_upto`), and makes up for the rest. Nothing can have been edited so far.
ALTER TABLE watermarks ADD COLUMN amended_upto bigint NOT NULL DEFAULT 0;
UPDATE watermarks SET amended_upto = seq;

-- What is left of an edit whose message was erased: its place, its chain and its key.
CREATE FUNCTION erased_edit(event jsonb) RETURNS jsonb
    LANGUAGE sql
    IMMUTABLE
AS $$
    SELECT jsonb_object_agg(key, value) || '{"body": {"type": "erased"}}' FROM jsonb_each(event)
    WHERE key IN ('v', 'type', 'event_id', 'actor_id', 'at_ms', 'conversation_id', 'client_id', 'message_id', 'message_seq')
$$;
