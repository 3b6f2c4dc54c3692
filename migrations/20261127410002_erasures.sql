-- Messages whose content is to leave the log. The projection hides them in the transaction that learns of it; a worker erases them
-- from the stream behind that, one at a time. MESSAGE_ERASED in the log is the ledger: a database that is filled anew gets these rows
-- again. See docs/adr/0016.

CREATE TABLE erasures (
    shard           integer     NOT NULL,
    -- The message's place in the log.
    seq             bigint      NOT NULL,
    conversation_id uuid        NOT NULL,
    message_id      uuid        NOT NULL,
    -- The place of the event that says so, and when the stream stored it.
    erased_seq      bigint      NOT NULL,
    erased_at       timestamptz NOT NULL,
    -- When the stream no longer had it.
    done_at         timestamptz,
    CONSTRAINT erasures_pkey PRIMARY KEY (shard, seq)
);
CREATE INDEX erasures_waiting ON erasures (erased_at, shard, seq) WHERE done_at IS NULL;
