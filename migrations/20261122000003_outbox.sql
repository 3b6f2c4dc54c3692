-- Decided events on their way to the log. A row is written in the transaction that decides, published in id order per
-- subject, and marked with the place it got.

CREATE TABLE outbox (
    id            bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_pkey PRIMARY KEY,
    -- 'c': a conversation's subject, 'u': a user's.
    subject_kind  text        NOT NULL CONSTRAINT outbox_subject_kind_check CHECK (subject_kind IN ('c', 'u')),
    shard         integer     NOT NULL,
    target_id     uuid        NOT NULL,
    dedup_id      text        NOT NULL CONSTRAINT outbox_dedup_id_key UNIQUE,
    -- The bytes as published, hence text: jsonb would reorder keys.
    payload       text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    published_seq bigint,
    published_at  timestamptz
);
CREATE INDEX outbox_pending ON outbox (subject_kind, shard, target_id, id) WHERE published_seq IS NULL;
-- For pruning what was published long ago; rows arrive in nearly this order, which is what BRIN is for.
CREATE INDEX outbox_by_age ON outbox USING brin (created_at) WITH (autosummarize = on);
