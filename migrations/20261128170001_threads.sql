-- Threads: messages that stand under another one of their conversation, its root. See docs/adr/0033.

-- The place of the root; 0 for what is said to the conversation itself.
ALTER TABLE messages ADD COLUMN thread_seq bigint NOT NULL DEFAULT 0;
-- What stands in one thread, or in none: a page of either reads no row of the other.
CREATE INDEX messages_by_thread ON messages (conversation_id, thread_seq, seq);

-- What a root says of its thread. Written where a reply is projected or erased.
CREATE TABLE threads (
    conversation_id uuid    NOT NULL,
    root_seq        bigint  NOT NULL,
    -- Those that are not deleted.
    replies         integer NOT NULL CONSTRAINT threads_replies_check CHECK (replies >= 0),
    -- The newest of them, and when it was accepted.
    last_seq        bigint  NOT NULL,
    last_at_ms      bigint  NOT NULL,
    -- The first five who replied.
    by              uuid[]  NOT NULL,
    -- The newest event that is counted: a reply, or the erasure of one.
    upto_seq        bigint  NOT NULL,
    CONSTRAINT threads_pkey PRIMARY KEY (conversation_id, root_seq)
) WITH (fillfactor = 70);

-- Who follows a thread, and how far they have read it. The projection writes a row for the root's author and for everybody who
-- replies; what a person says themselves holds until they reply again. It goes with the membership.
CREATE TABLE thread_follows (
    user_id         uuid        NOT NULL,
    conversation_id uuid        NOT NULL,
    root_seq        bigint      NOT NULL,
    root_id         uuid        NOT NULL,
    -- The conversation's.
    shard           integer     NOT NULL,
    follows         boolean     NOT NULL,
    -- What stands up to there in the conversation was known when that was said.
    said_seq        bigint      NOT NULL,
    -- The mark, and up to where the person's other devices were told; both only rise.
    read_seq        bigint      NOT NULL,
    told_seq        bigint      NOT NULL,
    -- They may be told again from then on.
    due_at          timestamptz NOT NULL DEFAULT now(),
    -- When they last took part: the newest thousand of a person are kept.
    touched_at      timestamptz NOT NULL,
    CONSTRAINT thread_follows_pkey PRIMARY KEY (user_id, conversation_id, root_seq)
) WITH (fillfactor = 70);
CREATE INDEX thread_follows_by_touch ON thread_follows (user_id, touched_at DESC);
CREATE INDEX thread_follows_due ON thread_follows (due_at) WHERE told_seq < read_seq;

-- As `reacted_upto`: a worker of before moves the watermark and knows no threads.
ALTER TABLE watermarks ADD COLUMN threaded_upto bigint NOT NULL DEFAULT 0;
UPDATE watermarks SET threaded_upto = seq;

-- Of what stands beside an erased message its thread is left: the tombstone stays there.
CREATE FUNCTION only_thread(further jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN further ? 'thread' THEN jsonb_build_object('thread', further -> 'thread') END;

-- What a root shows of its thread; null where nothing is left of it.
CREATE FUNCTION thread_replies(conversation uuid, root bigint) RETURNS text LANGUAGE sql STABLE
    RETURN (SELECT jsonb_build_object('count', replies, 'last_seq', last_seq, 'last_at_ms', last_at_ms, 'by', by, 'upto_seq', upto_seq)::text
            FROM threads WHERE conversation_id = conversation AND root_seq = root AND replies > 0);
