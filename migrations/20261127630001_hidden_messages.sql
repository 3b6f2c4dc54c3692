-- Messages that people hid from themselves ("delete for me"). A person's own lists and histories leave them out; nobody else's do.
-- Decided, so it is not part of the projection, and comes back from backups only. At most 20,000 of one person; rows of those
-- who are in the conversation no more are pruned.
CREATE TABLE hidden_messages (
    user_id         uuid        NOT NULL,
    conversation_id uuid        NOT NULL,
    -- The message's place, which it keeps for good.
    seq             bigint      NOT NULL,
    hidden_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT hidden_messages_pkey PRIMARY KEY (user_id, conversation_id, seq)
) PARTITION BY HASH (user_id);

DO $$
BEGIN
    FOR i IN 0 .. 15 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF hidden_messages FOR VALUES WITH (MODULUS 16, REMAINDER %s)',
                       'hidden_messages_' || to_char(i, 'FM00'), i);
    END LOOP;
END
$$;
