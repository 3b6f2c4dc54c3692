-- Who is in what, as decided. The log learns of each decision through the outbox, written in the same transaction.

CREATE TABLE conversations (
    conversation_id uuid        NOT NULL CONSTRAINT conversations_pkey PRIMARY KEY,
    kind            text        NOT NULL CONSTRAINT conversations_kind_check CHECK (kind IN ('direct', 'group')),
    title           text,
    -- The stream that holds it, for life.
    shard           integer     NOT NULL CONSTRAINT conversations_shard_check CHECK (shard BETWEEN 0 AND 65535),
    -- Both users of a direct conversation, the lesser id first: what makes it one per pair.
    direct_key      text        COLLATE "C" CONSTRAINT conversations_direct_key_key UNIQUE,
    created_by      uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    CONSTRAINT conversations_shape_check CHECK ((kind = 'direct') = (direct_key IS NOT NULL) AND (kind = 'group') = (title IS NOT NULL))
);

CREATE TABLE members (
    conversation_id uuid        NOT NULL CONSTRAINT members_conversation_id_fkey REFERENCES conversations ON DELETE CASCADE,
    user_id         uuid        NOT NULL CONSTRAINT members_user_id_fkey REFERENCES users ON DELETE CASCADE,
    role            text        NOT NULL CONSTRAINT members_role_check CHECK (role IN ('member', 'admin', 'owner')),
    added_at        timestamptz NOT NULL,
    -- Up to where the user has read; rises only.
    read_seq        bigint      NOT NULL DEFAULT 0 CONSTRAINT members_read_seq_check CHECK (read_seq >= 0),
    CONSTRAINT members_pkey PRIMARY KEY (conversation_id, user_id)
) WITH (fillfactor = 90);
-- A user's conversations; the reconciler walks it in conversation order.
CREATE INDEX members_by_user ON members (user_id, conversation_id);
